"""Stanzas of `key: value` lines with empty lines between them, as dpkg writes them."""

from collections.abc import Iterable, Iterator


def stanzas(lines: Iterable[bytes], keys: frozenset[bytes]) -> Iterator[dict[bytes, str]]:
    """The given keys of each stanza, in lower case, however the file writes them; the first of a
    repeated key counts.

    Line by line, so that a hostile file is never in memory more than twice. Lines that continue a
    value begin with a blank and are passed over: no wanted key has such a value.
    """
    stanza: dict[bytes, str] = {}
    for line in lines:
        key, separator, value = line.partition(b":")
        if separator and (lower := key.lower()) in keys:
            stanza.setdefault(lower, value.strip().decode("utf-8", "replace"))
        elif stanza and not line.strip():
            yield stanza
            stanza = {}
    if stanza:
        yield stanza
