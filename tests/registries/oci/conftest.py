from collections.abc import Iterator

import pytest

from tests.registries.oci.fake import Fake, fake_registry


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_registry() as server:
        yield server
