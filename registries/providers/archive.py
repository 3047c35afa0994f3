"""An image archive as a registry of one repository: what `docker save` writes, old and new.

The old form (manifest.json, a configuration, layer tars) is shown as the OCI layout it would be;
the new one is an OCI layout in a tar. Blobs are read in place; nothing is unpacked.
"""

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Self, cast

import orjson

from registries.oci.bodies import CHUNK
from registries.oci.errors import BadContent, NotARegistry, NotFound
from registries.oci.layout import REF_NAME, Layout, Opener, blob_path
from registries.oci.manifest import (
    MAX_BODY,
    MAX_ENTRIES,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    as_object,
    parse_config,
)

MAX_MEMBERS = 100_000
_MAX_HEADER = 1024 * 1024
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_PACKED = {b"\x1f\x8b": "+gzip", b"\x28\xb5": "+zstd"}
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
REPOSITORY = "archive"


class ArchiveSource:
    """Reads one archive; a context manager. Every method raises RegistryError and nothing else."""

    def __init__(self, location: str) -> None:
        self._archive = _Archive(Path(location))
        modern = "index.json" in self._archive.members
        self._layout = Layout(self._archive.open if modern else _as_layout(self._archive))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def verify(self) -> None:
        if not self._layout.entries:
            raise NotFound("The archive holds no image.")

    def repositories(self) -> Iterator[str]:
        yield REPOSITORY

    def tags(self, repository: str) -> Iterator[str]:
        yield from self._layout.tagged

    def digests(self, repository: str) -> Iterator[str]:
        yield from self._layout.untagged()

    def resolve(self, repository: str, reference: str) -> Descriptor:
        return self._layout.resolve(reference)

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        return self._layout.manifest(reference)

    def blob(
        self, repository: str, descriptor: Descriptor
    ) -> AbstractContextManager[Iterator[bytes]]:
        return self._layout.blob(descriptor)


class _BoundedHeader(tarfile.TarInfo):
    """tarfile reads extended headers whole, so none may claim to be large."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _EXTENDED and header.size > _MAX_HEADER:
            raise tarfile.HeaderError("an extended header is too large")
        return header


class _Archive:
    """The regular files of an uncompressed tar, by name."""

    def __init__(self, path: Path) -> None:
        try:
            self._tar = tarfile.open(path, "r:", tarinfo=_BoundedHeader)  # noqa: SIM115 (see close)
        except OSError as error:
            raise NotFound(f"The archive {path} cannot be opened: {error.strerror}.") from None
        except (tarfile.TarError, ValueError, RecursionError):
            raise NotARegistry(f"{path} is not an uncompressed tar archive.") from None
        try:
            self._size = path.stat().st_size
            self.members = self._list()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._tar.close()

    def open(self, name: str) -> BinaryIO:
        try:
            return cast("BinaryIO", self._tar.extractfile(self.members[name]))
        except KeyError:
            raise NotFound(f"The archive has no {name[:200]!r}.") from None

    def read(self, name: str, limit: int) -> bytes:
        with self.open(name) as file:
            body = file.read(limit + 1)
        if len(body) > limit:
            raise BadContent(f"{name[:200]!r} is larger than {limit:,} bytes.")
        return body

    def _whole(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        if member.offset_data + member.size > self._size:
            raise BadContent("The archive is cut short.")
        return member

    def _list(self) -> dict[str, tarfile.TarInfo]:
        members: dict[str, tarfile.TarInfo] = {}
        links: dict[str, str] = {}
        try:
            for count, member in enumerate(self._tar):
                if count >= MAX_MEMBERS:
                    raise BadContent(f"The archive has more than {MAX_MEMBERS:,} members.")
                name = posixpath.normpath(member.name)
                if member.isreg() and not member.issparse():
                    members[name] = self._whole(member)
                elif member.issym():
                    links[name] = posixpath.join(posixpath.dirname(name), member.linkname)
        except (tarfile.TarError, OSError, ValueError, RecursionError):
            raise BadContent("The archive is damaged.") from None
        # Old archives keep a layer that two images share once, and link to it by one step.
        for name, target in links.items():
            if (real := members.get(posixpath.normpath(target))) is not None:
                members.setdefault(name, real)
        return members


def _as_layout(archive: _Archive) -> Opener:
    """Show the old form as a layout: the manifests it lacks are made, the blobs are its members."""
    made: dict[str, bytes] = {}
    named: dict[str, str] = {}
    entries = []
    for image in _images(archive):
        config = archive.read(_config_name(image), MAX_BODY)
        layers = list(_layers(archive, image, parse_config(config).diff_ids))
        named.update((blob_path(layer.digest), name) for name, layer in layers)
        made[blob_path(_sha256(config))] = config
        manifest = _manifest(config, [layer for _, layer in layers])
        made[blob_path(_sha256(manifest))] = manifest
        entries += _entries(image, manifest)
    made["index.json"] = orjson.dumps({"schemaVersion": 2, "manifests": entries})

    def open_file(path: str) -> BinaryIO:
        return io.BytesIO(made[path]) if path in made else archive.open(named.get(path, path))

    return open_file


def _images(archive: _Archive) -> list[dict[str, object]]:
    """manifest.json, as Docker's image specification 1.2 describes it."""
    try:
        images = orjson.loads(archive.read("manifest.json", MAX_BODY))
    except (orjson.JSONDecodeError, RecursionError):
        raise BadContent("manifest.json of the archive is not JSON.") from None
    if not isinstance(images, list) or len(images) > MAX_ENTRIES:
        raise BadContent("manifest.json of the archive is not a list of images.")
    return [as_object(image) for image in images]


def _layers(
    archive: _Archive, image: dict[str, object], diff_ids: tuple[str, ...]
) -> Iterator[tuple[str, Descriptor]]:
    """The member and the descriptor of each layer; a plain tar's digest is its diff id."""
    names = _names(image, "Layers")
    if len(names) != len(diff_ids):
        raise BadContent("The archive's layers are not those of its configuration.")
    for name, diff_id in zip(names, diff_ids, strict=True):
        with archive.open(name) as file:
            packing = _PACKED.get(file.read(2), "")
            file.seek(0)
            digest = _digest_of(file) if packing else diff_id
        yield name, Descriptor(_LAYER + packing, digest, archive.members[name].size)


def _manifest(config: bytes, layers: list[Descriptor]) -> bytes:
    def pointer(media_type: str, digest: str, size: int) -> dict[str, object]:
        return {"mediaType": media_type, "digest": digest, "size": size}

    return orjson.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": pointer(OCI_CONFIG, _sha256(config), len(config)),
            "layers": [pointer(one.media_type, one.digest, one.size) for one in layers],
        }
    )


def _entries(image: dict[str, object], manifest: bytes) -> list[dict[str, object]]:
    """An entry of index.json for each tag, or one without."""
    pointer = {"mediaType": OCI_MANIFEST, "digest": _sha256(manifest), "size": len(manifest)}
    tags = _names(image, "RepoTags")
    return [{**pointer, "annotations": {REF_NAME: tag}} for tag in tags] or [dict(pointer)]


def _config_name(image: dict[str, object]) -> str:
    name = image.get("Config")
    if not isinstance(name, str):
        raise BadContent("manifest.json of the archive names no configuration.")
    return posixpath.normpath(name)


def _names(image: dict[str, object], key: str) -> list[str]:
    values = image.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadContent(f"{key} in the archive's manifest.json is malformed.")
    if len(values) > MAX_ENTRIES:
        raise BadContent(f"{key} in the archive's manifest.json has too many entries.")
    return [posixpath.normpath(value) if key == "Layers" else value for value in values]


def _digest_of(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    for chunk in iter(lambda: file.read(CHUNK), b""):
        digest.update(chunk)
    return "sha256:" + digest.hexdigest()


def _sha256(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()
