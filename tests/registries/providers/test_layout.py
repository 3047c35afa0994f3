import os
from pathlib import Path

import orjson
import pytest

from registries.oci.errors import (
    BadContent,
    DigestMismatch,
    NotARegistry,
    NotFound,
    RegistryError,
)
from registries.oci.manifest import Descriptor, Manifest, Platform, parse_manifest
from registries.providers import PROVIDERS, Source, layout, read_config
from tests import pushing

APP = pushing.image({"a": "1"})
MOVED = pushing.image({"a": "2"})


def open_layout(folder: Path) -> Source:
    return PROVIDERS["layout"].open(str(folder), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "registry"
    path.mkdir()
    return path


def relist(folder: Path, *entries: dict) -> None:
    """Write index.json by hand."""
    (folder / "index.json").write_bytes(orjson.dumps({"manifests": entries}))


def test_layouts_at_any_depth_are_repositories(folder: Path) -> None:
    for name in ("app", "team/web", "team/a/b/c", "team"):
        pushing.write_layout(folder / name, APP, "1")
    (folder / "Not A Repository").mkdir()
    pushing.write_layout(folder / "Upper", APP, "1")
    source = open_layout(folder)
    source.verify()
    assert list(source.repositories()) == ["app", "team", "team/a/b/c", "team/web"]
    assert list(source.tags("team/a/b/c")) == ["1"]


@pytest.mark.parametrize(
    ("name", "repository"), [("shop", "shop"), ("My Shop_", "my-shop"), ("---", "layout")]
)
def test_a_folder_that_is_a_layout_is_one_repository(
    tmp_path: Path, name: str, repository: str
) -> None:
    pushing.write_layout(tmp_path / name, APP, "1")
    source = open_layout(tmp_path / name)
    assert list(source.repositories()) == [repository]
    assert source.resolve(repository, "1").digest == APP.digest
    with pytest.raises(NotFound):
        source.resolve("another", "1")


def test_an_image_is_read(folder: Path) -> None:
    pushing.write_layout(folder / "app", pushing.index(APP, pushing.attestation(APP)), "1")
    source = open_layout(folder)
    manifest = parse_manifest(*source.manifest("app", APP.digest))
    assert isinstance(manifest, Manifest)
    assert read_config(source, "app", manifest).platform == Platform("linux", "amd64")
    with source.blob("app", manifest.layers[0]) as chunks:
        assert b"".join(chunks) == APP.blobs[1]


def test_a_digest_that_only_an_index_lists_is_resolved(folder: Path) -> None:
    pushing.write_layout(folder / "app", pushing.index(APP), "1")
    found = open_layout(folder).resolve("app", APP.digest)
    assert found == Descriptor(APP.media_type, APP.digest, len(APP.body))


def test_what_lost_its_tag_is_seen_by_digest(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    pushing.write_layout(folder / "app", MOVED, "1")
    pushing.write_layout(folder / "app", MOVED, "2")
    source = open_layout(folder)
    assert list(source.tags("app")) == ["1", "2"]
    assert list(source.digests("app")) == [APP.digest]
    assert source.resolve("app", "1").digest == MOVED.digest
    assert source.resolve("app", APP.digest).digest == APP.digest


def test_a_change_of_the_layout_is_seen(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    source = open_layout(folder)
    assert list(source.tags("app")) == ["1"]
    pushing.write_layout(folder / "app", MOVED, "2")
    assert list(source.tags("app")) == ["1", "2"]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("1.0", "1.0"),
        ("docker.io/library/app:1.0", "1.0"),
        ("app", "app"),
        ("team/app", ""),
        ("app@sha256:abc", ""),
        ("a b", ""),
    ],
)
def test_a_name_becomes_a_tag_where_it_can(folder: Path, name: str, tag: str) -> None:
    pushing.write_layout(folder / "app", APP)
    relist(folder / "app", APP.descriptor | {"annotations": {pushing.REF_NAME: name}})
    source = open_layout(folder)
    assert list(source.tags("app")) == ([tag] if tag else [])
    assert list(source.digests("app")) == ([] if tag else [APP.digest])


def test_of_two_entries_with_one_tag_the_first_counts(folder: Path) -> None:
    for built in (APP, MOVED):
        pushing.write_layout(folder / "app", built)
    tagged = {"annotations": {pushing.REF_NAME: "1"}}
    relist(folder / "app", APP.descriptor | tagged, MOVED.descriptor | tagged)
    source = open_layout(folder)
    assert source.resolve("app", "1").digest == APP.digest
    assert list(source.digests("app")) == [MOVED.digest]


def test_an_empty_folder_is_an_empty_registry(folder: Path) -> None:
    source = open_layout(folder)
    source.verify()
    assert list(source.repositories()) == []


def test_a_folder_that_is_not_there_is_told(folder: Path) -> None:
    for missing in (folder / "nowhere", folder / "file"):
        (folder / "file").write_text("x")
        with pytest.raises(NotARegistry, match="There is no folder"):
            open_layout(missing).verify()


@pytest.mark.parametrize("repository", ["../registry", "..", "/etc", "", "team/../app", "nowhere"])
def test_a_name_that_is_no_repository_is_not_found(folder: Path, repository: str) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    with pytest.raises(NotFound):
        open_layout(folder).resolve(repository, "1")


def test_a_tag_that_is_not_there_is_not_found(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    source = open_layout(folder)
    for reference in ("2", "../../etc/passwd", "sha256:" + "0" * 64):
        with pytest.raises(NotFound):
            source.resolve("app", reference)


def blob_of(folder: Path, digest: str) -> Path:
    return folder / "blobs" / digest.replace(":", "/")


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    pushing.write_layout(outside, APP, "1")
    pushing.write_layout(folder / "app", APP, "1")
    (folder / "link").symlink_to(outside)
    blob_of(folder / "app", APP.digest).unlink()
    blob_of(folder / "app", APP.digest).symlink_to(blob_of(outside, APP.digest))
    source = open_layout(folder)
    assert list(source.repositories()) == ["app"]
    with pytest.raises(NotFound, match="leads out of the folder"):
        source.resolve("link", "1")
    with pytest.raises(NotFound, match="leads out of the folder"):
        source.manifest("app", "1")


def test_a_link_inside_the_folder_is_followed(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    pushing.write_layout(folder / "copy", APP, "1")
    blob_of(folder / "copy", APP.digest).unlink()
    blob_of(folder / "copy", APP.digest).symlink_to(blob_of(folder / "app", APP.digest))
    assert open_layout(folder).manifest("copy", "1")[0] == APP.body


def test_a_pipe_in_place_of_a_blob_holds_nobody_up(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    blob_of(folder / "app", APP.digest).unlink()
    os.mkfifo(blob_of(folder / "app", APP.digest))
    with pytest.raises(NotFound, match="is not a file"):
        open_layout(folder).manifest("app", "1")


def test_a_changed_blob_is_a_mismatch(folder: Path) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    layer = parse_manifest(APP.body).layers[0]
    blob_of(folder / "app", layer.digest).write_bytes(b"x" * layer.size)
    blob_of(folder / "app", APP.digest).write_bytes(APP.body + b" ")
    source = open_layout(folder)
    with pytest.raises(DigestMismatch):
        source.manifest("app", "1")
    with pytest.raises(DigestMismatch), source.blob("app", layer):
        pass


@pytest.mark.parametrize(
    "listing", [b"", b"[]", b'{"manifests": 1}', b'{"manifests": [{}]}', b"\xff"]
)
def test_a_damaged_listing_is_told(folder: Path, listing: bytes) -> None:
    pushing.write_layout(folder / "app", APP, "1")
    (folder / "app" / "index.json").write_bytes(listing)
    with pytest.raises(BadContent):
        list(open_layout(folder).tags("app"))


def test_a_walk_has_its_bounds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = "/".join(["d"] * (layout.MAX_DEPTH + 1))
    pushing.write_layout(folder / deep, APP, "1")
    assert list(open_layout(folder).repositories()) == []
    monkeypatch.setattr(layout, "MAX_FOLDERS", 3)
    with pytest.raises(BadContent, match="more than 3 folders"):
        list(open_layout(folder).repositories())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_no_empty_registry(folder: Path) -> None:
    pushing.write_layout(folder / "team" / "app", APP, "1")
    (folder / "team").chmod(0)
    try:
        with pytest.raises(RegistryError, match="may not be read"):
            list(open_layout(folder).repositories())
    finally:
        (folder / "team").chmod(0o700)


def test_real_images_are_read(shared: Path) -> None:
    source = open_layout(shared / "data" / "images")
    [repository] = source.repositories()
    for tag in source.tags(repository):
        body, media_type, digest = source.manifest(repository, tag)
        assert parse_manifest(body, media_type, digest).digest == digest
