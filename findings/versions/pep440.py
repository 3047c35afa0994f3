"""Python's order, PEP 440. `packaging` reads the version; what it refuses has no order."""

from packaging.version import InvalidVersion, Version

from findings.versions.parts import number, text

_MORE, _END = b"\1", b"\0"
_PHASES = {"a": b"\1", "b": b"\2", "rc": b"\3"}


def key(version: str) -> bytes | None:
    if not version.isascii():  # some of Unicode passes for letters where case is ignored
        return None
    try:
        parsed = Version(version)
    except InvalidVersion:
        return None
    return (
        _number(parsed.epoch)
        + _release(parsed.release)
        + _pre(parsed)
        + (_END if parsed.post is None else _MORE + _number(parsed.post))
        + (_MORE if parsed.dev is None else _END + _number(parsed.dev))
        + _local(parsed.local)
    )


def _number(value: int) -> bytes:
    return number(str(value))


def _release(release: tuple[int, ...]) -> bytes:
    """1.0 and 1.0.0 are the same release."""
    significant = list(release)
    while significant and significant[-1] == 0:
        significant.pop()
    return b"".join(_MORE + _number(component) for component in significant) + _END


def _pre(version: Version) -> bytes:
    """1.0.dev1 comes before 1.0a1, which comes before 1.0 and 1.0.post1."""
    if version.pre:
        phase, value = version.pre
        return _PHASES[phase] + _number(value)
    return b"\0" if version.post is None and version.dev is not None else b"\4"


def _local(local: str | None) -> bytes:
    """None before any; in it words before numbers, and less before more."""
    parts = local.split(".") if local else []
    return (
        b"".join(b"\2" + number(part) if part.isdigit() else b"\1" + text(part) for part in parts)
        + _END
    )
