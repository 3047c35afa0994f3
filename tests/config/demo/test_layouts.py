"""The demo's images and advisories: deterministic, and readable by what reads real ones."""

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from config.demo import advisories, images
from config.demo.layouts import Image, Layer, write_layout
from findings.feeds import osv
from registries.providers import PROVIDERS
from scans.catalogers import dpkg


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def index(layout: Path) -> list[dict]:
    return json.loads((layout / "index.json").read_bytes())["manifests"]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    images.write_registry(tmp_path / "one", tag_has_moved=True)
    images.write_registry(tmp_path / "two", tag_has_moved=True)
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_writing_again_leaves_nothing_behind(tmp_path: Path) -> None:
    images.write_registry(tmp_path, tag_has_moved=False)
    images.write_registry(tmp_path, tag_has_moved=True)
    assert [path for path in files(tmp_path) if path.endswith(".draft")] == []


def test_when_the_tag_has_moved_the_old_digest_still_stands(tmp_path: Path) -> None:
    images.write_registry(tmp_path, tag_has_moved=False)
    (before,) = index(tmp_path / "shop/web")
    images.write_registry(tmp_path, tag_has_moved=True)
    now, old = index(tmp_path / "shop/web")

    assert old["digest"] == before["digest"] != now["digest"]
    assert "annotations" not in old
    assert now["annotations"] == before["annotations"]


def test_images_on_the_same_base_share_its_layer(tmp_path: Path) -> None:
    images.write_registry(tmp_path, tag_has_moved=True)
    assert layers(tmp_path, "shop/api", "1.4")[0] == layers(tmp_path, "base/debian", "12")[0]
    assert layers(tmp_path, "shop/front", "2.0")[0] == layers(tmp_path, "base/alpine", "3.19")[0]


def layers(folder: Path, repository: str, tag: str) -> list[str]:
    with PROVIDERS["layout"].open(str(folder), None) as source:
        body, _, _ = source.manifest(repository, tag)
    return [layer["digest"] for layer in json.loads(body)["layers"]]


def test_an_image_without_layers_can_be_written(tmp_path: Path) -> None:
    write_layout(tmp_path, {"none": Image(())})
    assert index(tmp_path)[0]["platform"] == {"architecture": "amd64", "os": "linux"}


def test_a_binary_rebuild_keeps_the_version_of_its_source() -> None:
    (bash,) = images.packages("bash 5.2.15-2+b2 (bash 5.2.15-2)")
    assert bash == ("bash", "5.2.15-2+b2", "bash 5.2.15-2")


def test_the_healthy_image_holds_none_of_the_versions_that_have_a_fix() -> None:
    path = "var/lib/dpkg/status"
    found = {
        component.name: component.version
        for component in dpkg.read(path, BytesIO(images.fixed_debian_layer().files[path]))
    }
    assert len(found) > 30
    assert found["openssl"] == "3.0.15-1~deb12u1"
    assert "zlib1g" not in found


@pytest.mark.parametrize("feed", advisories.FEEDS)
def test_every_sample_is_an_osv_record_with_a_range_that_can_be_read(feed: str) -> None:
    ecosystem, samples = advisories.FEEDS[feed]
    for sample in samples:
        record = osv.parse(json.dumps(sample.record(ecosystem)).encode())
        assert record.unreadable == 0
        assert record.affected[0].fixed == sample.fixed


def test_feeds_are_written_as_the_public_dumps_are(tmp_path: Path) -> None:
    advisories.write_feeds(tmp_path)
    with zipfile.ZipFile(tmp_path / "npm" / "all.zip") as archive:
        assert "GHSA-xvch-5gv4-984h.json" in archive.namelist()


def test_layers_are_plain_tar_of_what_they_were_given() -> None:
    layer = Layer({"b": b"2", "a": b"1"}, "COPY a b /")
    assert layer.tar()[:2] == b"a\0"
