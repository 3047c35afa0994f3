"""Tars made on the spot, entry by entry, and cut into chunks as a registry would send them."""

import gzip
import io
import random
import tarfile
from collections.abc import Iterable, Iterator

import zstandard

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
PACK = {
    "plain": lambda tar: tar,
    "gzip": lambda tar: gzip.compress(tar, 1),
    "zstd": lambda tar: zstandard.compress(tar),
}


def file(name: str, body: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(body)
    return info, body


def folder(name: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info, b""


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info, b""


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return link(name, target, tarfile.LNKTYPE)


def tar(*entries: tuple[tarfile.TarInfo, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for info, body in entries:
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def npm(folder_name: str, name: str, version: str = "1.0.0") -> tuple[tarfile.TarInfo, bytes]:
    body = f'{{"name": "{name}", "version": "{version}"}}'
    return file(f"{folder_name}/package.json", body.encode())


def status(*packages: tuple[str, str]) -> bytes:
    return "\n".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n"
        for name, version in packages
    ).encode()


def cut(blob: bytes, seed: int = 0, most: int = 5000) -> Iterator[bytes]:
    """The blob in chunks of random length, some of them empty."""
    lengths = random.Random(seed)
    at = 0
    while at < len(blob):
        end = at + lengths.randint(0, most)
        yield blob[at:end]
        at = end


def names(record) -> set[tuple[str, str]]:
    """Every package of a record: the file it is from, and its name."""
    return {
        (path, component.name)
        for path, content in record.files.items()
        if isinstance(content, tuple)
        for component in content
    }


def failing(chunks: Iterable[bytes], error: Exception) -> Iterator[bytes]:
    yield from chunks
    raise error
