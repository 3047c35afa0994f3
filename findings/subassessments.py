"""The name of a sub-assessment: a UUID that says which rows it stands for.

A sub-assessment is no row of its own: it is a finding of a package in an image that stands in a
repository, or the verdict of an image without findings. Its name packs the three row numbers into
the 122 free bits of a version 8 UUID (RFC 9562, section 5.8), so that it is stable across rescans,
found again without a lookup, and ordered as the list is.
"""

from typing import NamedTuple
from uuid import UUID

PLACEMENT_BITS, PACKAGE_BITS, VULNERABILITY_BITS = 42, 40, 40
LAST = (1 << PACKAGE_BITS) - 1


class Key(NamedTuple):
    """Row numbers; package and vulnerability are 0 for the verdict of an image without findings."""

    placement: int
    package: int = 0
    vulnerability: int = 0

    @property
    def end_of_placement(self) -> "Key":
        """A key after every other of the same placement."""
        return Key(self.placement, LAST, LAST)


START = Key(0)


def pack(key: Key) -> str:
    """Raises OverflowError where a row number has outgrown its bits."""
    for number, bits in zip(key, (PLACEMENT_BITS, PACKAGE_BITS, VULNERABILITY_BITS), strict=True):
        if number < 0 or number >> bits:
            raise OverflowError(f"{number} does not fit {bits} bits of a sub-assessment's name")
    placement, package, vulnerability = key
    free = (placement << PACKAGE_BITS | package) << VULNERABILITY_BITS | vulnerability
    high, middle, low = free >> 74, free >> 62 & 0xFFF, free & (1 << 62) - 1
    return str(UUID(int=high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low))


def unpack(name: str) -> Key | None:
    """The key that `pack` made this name of, in any case of its letters; None for other names."""
    try:
        uuid = UUID(name)
    except ValueError:
        return None
    if str(uuid) != name.lower() or uuid.version != 8:
        return None
    low = uuid.int & (1 << 62) - 1
    free = (uuid.int >> 80) << 74 | (uuid.int >> 64 & 0xFFF) << 62 | low
    return Key(
        free >> PACKAGE_BITS + VULNERABILITY_BITS,
        free >> VULNERABILITY_BITS & LAST,
        free & LAST,
    )
