"""Generated layers of the sizes that hurt: what is in the images that scans are measured on.

Everything is invented and seeded. Files are slices of one pool that packs like a real layer does,
to about 40 %; the pool is wider than any compression looks back.
"""

import io
import random
import tarfile
import zlib
from collections.abc import Iterator

import orjson
import zstandard

from registries.oci.manifest import OCI_CONFIG
from tests import pushing

LARGE_ENTRIES, LARGE_BYTES = 75_000, 1_000_000_000
BASE_PACKAGES, NODE_PACKAGES = 300, 3_000
_POOL = 48 * 2**20
_LAYER = "application/vnd.oci.image.layer.v1.tar"

File = tuple[str, bytes]


def image(packing: str) -> pushing.Built:
    """Debian's packages below, then a gigabyte of files, then node_modules; "gzip" or "zstd"."""
    chance = random.Random(20261123)
    pool = _pool(chance)
    layers = [_tar(files) for files in (_base(), _large(chance, pool), _node_modules(chance, pool))]
    return _built(layers, packing)


def small_image(number: int) -> pushing.Built:
    """Fifteen packages of Alpine and some 3 MB in a layer all share, and a layer of its own."""
    pool = _pool(random.Random(3), 6 * 2**20)
    packages = "\n".join(
        f"P:package-{n}\nV:1.{n}.0-r1\nA:x86_64\no:source-{n}\n" for n in range(15)
    )
    release = b'ID=alpine\nVERSION_ID=3.19.4\nPRETTY_NAME="Alpine Linux v3.19"\n'
    shared = [
        ("etc/os-release", release),
        ("lib/apk/db/installed", packages.encode()),
        *((f"usr/lib/library-{n}.so", pool[n * 2**16 : (n + 1) * 2**16]) for n in range(90)),
    ]
    own = [("srv/application", f"application {number}".encode())]
    return _built([_tar(shared), _tar(own)], "gzip")


def _base() -> Iterator[File]:
    yield "etc/os-release", b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
    stanza = (
        "Package: package-{0}\nStatus: install ok installed\nPriority: optional\nSection: libs\n"
        "Installed-Size: 900\nMaintainer: Nobody <nobody@packages.example>\nArchitecture: amd64\n"
        "Source: deb-package-{1} (2.{0}-1)\nVersion: 2.{0}-1+b1\nDepends: libc6 (>= 2.34)\n"
        "Description: invented package number {0}\n It is here to be counted.\n .\n Nothing else.\n"
    )
    stanzas = (stanza.format(number, number // 2) for number in range(BASE_PACKAGES))
    yield "var/lib/dpkg/status", "\n".join(stanzas).encode()


def _large(chance: random.Random, pool: bytes) -> Iterator[File]:
    """Most files small, few large, as in a real one; a file's mean size is what is asked for."""
    mean = LARGE_BYTES / LARGE_ENTRIES - 1024  # a header and half a block, twice
    for number in range(LARGE_ENTRIES):
        size = min(int(chance.paretovariate(1.2) * mean / 4.6), 30_000_000)
        yield (
            f"usr/share/data/{number % 300}/{number % 7}/file-{number}.bin",
            _slice(chance, pool, size),
        )


def _node_modules(chance: random.Random, pool: bytes) -> Iterator[File]:
    for number in range(NODE_PACKAGES):
        folder = f"srv/app/node_modules/npm-package-{number}"
        about = {
            "name": f"npm-package-{number}",
            "version": f"{number % 5}.{number % 20}.1",
            "description": "Invented for measuring. " * 20,
            "dependencies": {f"npm-package-{n}": "^1.0.0" for n in range(number, number + 8)},
        }
        yield f"{folder}/package.json", orjson.dumps(about)
        for part in ("index.js", "lib/main.js", "LICENSE"):
            yield f"{folder}/{part}", _slice(chance, pool, 3_000)


def _slice(chance: random.Random, pool: bytes, size: int) -> bytes:
    start = chance.randrange(max(1, len(pool) - size))
    return pool[start : start + size]


def _pool(chance: random.Random, size: int = _POOL) -> bytes:
    """Words among bytes that nothing packs."""
    words = [chance.randbytes(chance.randrange(3, 16)) for _ in range(1_500)]
    made = io.BytesIO()
    while made.tell() < size:
        made.write(b"".join(chance.choices(words, k=2_000)))
        made.write(chance.randbytes(1_500))
    return made.getvalue()[:size]


def _tar(files: Iterator[File] | list[File]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return made.getvalue()


def _built(tars: list[bytes], packing: str) -> pushing.Built:
    config = {
        "os": "linux",
        "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [pushing.digest_of(tar) for tar in tars]},
        "history": [{"created_by": f"COPY layer {n} /"} for n, _ in enumerate(tars, 1)],
    }
    layers = [(f"{_LAYER}+{packing}", _pack(tar, packing)) for tar in tars]
    return pushing.manifest(orjson.dumps(config), OCI_CONFIG, layers)


def _pack(tar: bytes, packing: str) -> bytes:
    """At the levels that builders use: gzip's 6, zstd's 3."""
    if packing == "zstd":
        return zstandard.compress(tar, 3)
    return zlib.compress(tar, 6, wbits=31)
