"""PAX extended headers: `LENGTH KEY=VALUE\\n`, where the length counts the whole record.

Source: POSIX pax(1), "pax Extended Header".
"""

from scans.layers.budget import damaged

_WANTED = frozenset({b"path", b"linkpath", b"size"})
_SPARSE_FORMATS = {(b"0", b"0"), (b"0", b"1"), (b"1", b"0")}

SPARSE = b"GNU.sparse"  # among the values of a sparse file
SPARSE_NAME = b"GNU.sparse.name"


def extended_values(body: bytes) -> dict[bytes, bytes]:
    """The records that say where an entry lies and how long it is; an empty value says nothing."""
    values: dict[bytes, bytes] = {}
    at = 0
    while at < len(body):
        key, value, at = _record(body, at)
        if key in _WANTED or key.startswith(SPARSE):
            values[key] = value
    sparse = {SPARSE_NAME: values.get(SPARSE_NAME, b""), SPARSE: b"1"} if _sparse(values) else {}
    return {key: values[key] for key in _WANTED & values.keys() if values[key]} | sparse


def _sparse(values: dict[bytes, bytes]) -> bool:
    version = values.get(b"GNU.sparse.major", b""), values.get(b"GNU.sparse.minor", b"")
    return version in _SPARSE_FORMATS or (
        version == (b"", b"") and bool(values.get(b"GNU.sparse.map"))
    )


def _record(body: bytes, at: int) -> tuple[bytes, bytes, int]:
    space = body.find(b" ", at, at + 20)
    digits = body[at:space] if space > 0 else b""
    end = at + int(digits) if digits.isdigit() else -1
    equals = body.find(b"=", space, end)
    if end > len(body) or equals < 0 or body[end - 1 : end] != b"\n":
        raise damaged("an extended header cannot be read.")
    key, value = body[space + 1 : equals], body[equals + 1 : end - 1]
    if key in _WANTED and b"\0" in value:
        raise damaged("an extended header holds a path with a zero byte.")
    return key, value, end
