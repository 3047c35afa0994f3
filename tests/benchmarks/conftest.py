import pytest

from tests.benchmarks.figures import Figures


@pytest.fixture
def figures(capsys, request) -> Figures:
    return Figures(capsys, request.node.name)
