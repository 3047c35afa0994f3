"""The blob's own first bytes say how it is compressed, and nothing unpacks without bounds."""

import gzip
import tracemalloc

import pytest
import zstandard

from scans.layers import Budget, LayerError, read_layer
from scans.layers.decompress import decompress
from scans.support import Reason
from tests.scans.tars import PACK, cut, names, npm, tar

TAR = tar(npm("a", "one"))
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"


@pytest.mark.parametrize("packing", sorted(PACK))
@pytest.mark.parametrize("media_type", ["", "application/vnd.oci.image.layer.v1.tar+zstd"])
def test_the_first_bytes_count_and_not_the_media_type(packing, media_type):
    assert names(read_layer(cut(PACK[packing](TAR), most=3), media_type))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_members_and_frames_that_follow_one_another_are_one_layer(pack):
    blob = b"".join(pack(TAR[at : at + 700]) for at in range(0, len(TAR), 700))
    assert names(read_layer(cut(blob, most=100)))


@pytest.mark.parametrize(
    "blob",
    [
        SKIPPABLE + zstandard.compress(TAR),
        zstandard.compress(TAR) + SKIPPABLE,
        zstandard.compress(TAR[:700]) + SKIPPABLE + zstandard.compress(TAR[700:]),
        gzip.compress(TAR) + bytes(2000),
    ],
)
def test_frames_without_content_and_padding_are_passed_over(blob):
    assert names(read_layer(cut(blob, most=50)))


@pytest.mark.parametrize(
    "blob",
    [
        gzip.compress(TAR)[:-9],
        gzip.compress(TAR)[:-1],
        gzip.compress(TAR)[:30],
        gzip.compress(TAR)[:-8] + b"12345678",
        gzip.compress(TAR) + b"something else",
        zstandard.compress(TAR)[:-1],
        zstandard.compress(TAR)[:20],
        zstandard.compress(TAR) + b"something else",
        b"BZh91AY&SY" + bytes(100),
        b"\xfd7zXZ\0" + bytes(100),
        b"<html><body>Not found</body></html>",
    ],
    ids=lambda blob: f"{blob[:4].hex()}-{len(blob)}",
)
def test_what_is_cut_short_altered_or_something_else_is_damage(blob):
    with pytest.raises(LayerError) as caught:
        read_layer([blob])
    assert caught.value.reason is Reason.DAMAGED


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_unpacked_a_little_at_a_time(pack):
    """200 MB of zeros in one chunk: never more in memory than a few pieces."""
    blob = pack(bytes(200_000_000))
    tracemalloc.start()
    try:
        largest = max(len(piece) for piece in decompress([blob])[1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert largest <= 256 * 1024
    assert peak < 4_000_000


def test_a_bomb_ends_at_the_ratio():
    blob = gzip.compress(bytes(300_000_000), 9)
    with pytest.raises(LayerError, match="ratio"):
        read_layer([blob], budget=Budget(ratio=100))
