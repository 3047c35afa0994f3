import io
import subprocess
import tarfile
from pathlib import Path

import orjson
import pytest

from registries.oci.errors import BadContent, NotARegistry, NotFound, RegistryError
from registries.oci.manifest import Manifest, parse_manifest
from registries.providers import archive, read_config
from registries.providers.archive import REPOSITORY, ArchiveSource
from tests import pushing

APP = pushing.image({"a": "1"}, {"b": "2"})
CONFIG = APP.blobs[0]
TARS = [pushing.tar_of({"a": "1"}), pushing.tar_of({"b": "2"})]


def write(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name, body in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(body)
            tar.addfile(header, io.BytesIO(body))
    return path


def listing(*images: object) -> bytes:
    return orjson.dumps(images)


OLD_LISTING = {
    "Config": "config.json",
    "RepoTags": ["team/app:1.0"],
    "Layers": ["one/layer.tar", "two/layer.tar"],
}
OLD = {
    "config.json": CONFIG,
    "manifest.json": listing(OLD_LISTING),
    "one/layer.tar": TARS[0],
    "two/layer.tar": TARS[1],
}


def layers_of(source: ArchiveSource, reference: str) -> list[bytes]:
    manifest = parse_manifest(*source.manifest(REPOSITORY, reference))
    assert isinstance(manifest, Manifest)
    assert len(read_config(source, REPOSITORY, manifest).diff_ids) == len(manifest.layers)
    bodies = []
    for layer in manifest.layers:
        with source.blob(REPOSITORY, layer) as chunks:
            bodies.append(b"".join(chunks))
    return bodies


def test_an_archive_of_the_old_form_is_read(tmp_path: Path) -> None:
    with ArchiveSource(str(write(tmp_path / "a.tar", OLD))) as source:
        source.verify()
        assert list(source.repositories()) == [REPOSITORY]
        assert list(source.tags(REPOSITORY)) == ["1.0"]
        assert layers_of(source, "1.0") == TARS


def test_packed_layers_and_links_to_layers_are_read(tmp_path: Path) -> None:
    packed = pushing.image({"a": "1"}, {"b": "2"}, packing="zstd").blobs[2]
    files = OLD | {"two/layer.tar": packed, "real/layer.tar": TARS[0]}
    del files["one/layer.tar"]
    path = write(tmp_path / "a.tar", files, {"one/layer.tar": "../real/layer.tar"})
    with ArchiveSource(str(path)) as source:
        assert layers_of(source, "1.0") == [TARS[0], packed]
        [_, second] = parse_manifest(*source.manifest(REPOSITORY, "1.0")).layers
        assert second.media_type.endswith("+zstd")


def test_an_image_without_a_tag_is_seen_by_digest(tmp_path: Path) -> None:
    untagged = OLD | {"manifest.json": listing(OLD_LISTING | {"RepoTags": None})}
    with ArchiveSource(str(write(tmp_path / "a.tar", untagged))) as source:
        assert list(source.tags(REPOSITORY)) == []
        [digest] = source.digests(REPOSITORY)
        assert layers_of(source, digest) == TARS


def test_an_archive_of_the_new_form_keeps_its_digests(tmp_path: Path) -> None:
    pushing.write_layout(tmp_path / "layout", APP, "1.0")
    files = {
        str(path.relative_to(tmp_path / "layout")): path.read_bytes()
        for path in (tmp_path / "layout").rglob("*")
        if path.is_file()
    }
    with ArchiveSource(str(write(tmp_path / "a.tar", files | {"manifest.json": b"[]"}))) as source:
        assert source.resolve(REPOSITORY, "1.0").digest == APP.digest
        assert layers_of(source, "1.0") == list(APP.blobs[1:])


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_what_a_real_client_writes_is_read(tmp_path: Path, form: str) -> None:
    if not pushing.SKOPEO:
        pytest.skip("no skopeo on this machine (Debian: apt-get install skopeo)")
    pushing.write_layout(tmp_path / "app", APP, "1")
    name = ":team/app:1.0" if form == "docker-archive" else ":1.0"
    target = f"{form}:{tmp_path}/a.tar{name}"
    command = [pushing.SKOPEO, "--insecure-policy", "copy", f"oci:{tmp_path}/app:1", target]
    subprocess.run(command, check=True, capture_output=True)
    with ArchiveSource(str(tmp_path / "a.tar")) as source:
        assert list(source.tags(REPOSITORY)) == ["1.0"]
        expected = TARS if form == "docker-archive" else list(APP.blobs[1:])
        assert layers_of(source, "1.0") == expected


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"cannot be opened: No such file"):
        ArchiveSource(str(tmp_path / "nowhere.tar"))
    (tmp_path / "text").write_bytes(b"x" * 2048)
    (tmp_path / "packed").write_bytes(APP.blobs[1])
    for name in ("text", "packed"):
        with pytest.raises(NotARegistry, match="not an uncompressed tar"):
            ArchiveSource(str(tmp_path / name))


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest.json": b"{}"},
        {"manifest.json": b"x"},
        {"manifest.json": listing({})},
        {"manifest.json": listing(7)},
        {"manifest.json": listing(OLD_LISTING | {"Layers": ["one/layer.tar"]})},
        {"manifest.json": listing(OLD_LISTING | {"Layers": [1, 2]})},
        {"manifest.json": listing(OLD_LISTING | {"Layers": ["../../etc/passwd", "x"]})},
        {"manifest.json": listing(OLD_LISTING | {"Config": "nowhere"})},
        {"config.json": b"[]"},
        {"index.json": b"x"},
    ],
)
def test_a_damaged_archive_is_told(tmp_path: Path, changes: dict[str, bytes]) -> None:
    path = write(tmp_path / "a.tar", OLD | changes)
    with pytest.raises((BadContent, NotFound)), ArchiveSource(str(path)) as source:
        source.verify()


def test_an_archive_that_was_cut_short_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", OLD)
    path.write_bytes(path.read_bytes()[: -20 * 512])
    with pytest.raises(BadContent, match=r"cut short|damaged"):
        ArchiveSource(str(path))


def test_an_archive_without_images_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", {"manifest.json": b"[]"})
    with ArchiveSource(str(path)) as source, pytest.raises(NotFound, match="holds no image"):
        source.verify()


def test_a_header_that_claims_to_be_huge_is_not_read(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 40
    first = write(tmp_path / "first.tar", {"a": b"1"}).read_bytes()[:1024]
    (tmp_path / "a.tar").write_bytes(first + header.tobuf() + bytes(10240))
    with pytest.raises(BadContent, match="damaged"):
        ArchiveSource(str(tmp_path / "a.tar"))


def test_a_chain_of_headers_ends(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1
    first = write(tmp_path / "first.tar", {"a": b"1"}).read_bytes()[:1024]
    chain = (header.tobuf() + b"n" + bytes(511)) * 3000
    (tmp_path / "a.tar").write_bytes(first + chain + bytes(10240))
    with pytest.raises(RegistryError):
        ArchiveSource(str(tmp_path / "a.tar")).verify()


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    with pytest.raises(BadContent, match="more than 3 members"):
        ArchiveSource(str(write(tmp_path / "a.tar", OLD)))
