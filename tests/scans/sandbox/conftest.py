from collections.abc import Callable, Iterator

import pytest

from scans.sandbox import zygotes


@pytest.fixture
def no_zygotes(monkeypatch) -> Iterator[list]:
    """None idle before, and none of the test's left after it."""
    idle: list[zygotes.Zygote] = []
    monkeypatch.setattr(zygotes, "_idle", idle)
    yield idle
    for zygote in idle:
        zygote.close()


@pytest.fixture
def booted_with(no_zygotes, monkeypatch) -> Callable[[str], None]:
    """Zygotes that run this line of Python before they are one."""

    def boot(line: str) -> None:
        before, after = zygotes._BOOT.split("; ", 2)[:2], zygotes._BOOT.split("; ", 2)[2]
        monkeypatch.setattr(zygotes, "_BOOT", "; ".join([*before, line, after]))

    return boot
