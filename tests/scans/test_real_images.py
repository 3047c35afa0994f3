"""Real images: every package that dpkg, apk and an independent scanner find, and not one more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scans.coalesce import Stack, stack
from scans.layers import LayerRecord, read_layer

TYPES = {"deb", "apk", "python", "npm", "go-module", "binary"}
TAGS = [
    "alpine-3.10.9-amd64",
    "alpine-3.15.11-amd64",
    "alpine-3.19.4-amd64",
    "debian12-minbase",
    "debian12-python-node",
    "distroless-amd64",
    "scratch-busybox",
    "scratch-esbuild",
]


@pytest.mark.parametrize("tag", TAGS)
def test_the_packages_are_those_that_are_installed(shared, tag):
    inventory = json.loads((shared / "data" / "inventories" / f"{tag}.json").read_text())
    expected = {tuple(package) for package in inventory["packages"] if package[0] in TYPES}
    found = _stack(shared, tag).packages
    assert {(package.type, package.name, package.version) for package in found} == expected


@pytest.mark.parametrize("tag", [tag for tag in TAGS if not tag.startswith("scratch-")])
def test_the_distribution_is_the_one_that_is_installed(shared, tag):
    expected = json.loads((shared / "data" / "inventories" / f"{tag}.json").read_text())["distro"]
    distro = _stack(shared, tag).distro
    assert (distro.id, distro.version_id) == (expected["id"], expected["versionID"])
    assert distro.name == expected["prettyName"]
    assert distro.ecosystem.partition(":")[0].lower() == distro.id


def test_busybox_is_found_in_every_architecture_though_its_name_is_a_hard_link(shared):
    manifests = _manifest(shared, "busybox-musl-index")["manifests"]
    assert {entry["platform"]["architecture"] for entry in manifests} > {"amd64", "s390x", "386"}
    for entry in manifests:
        manifest = json.loads(_blob(shared, entry["digest"]).read_bytes())
        packages = stack([_read(shared, layer) for layer in manifest["layers"]]).packages
        assert ("binary", "busybox", "1.38.0", "bin/busybox") in {
            (package.type, package.name, package.version, package.path) for package in packages
        }


def test_the_digests_of_the_tars_are_those_of_the_configuration(shared):
    manifest = _manifest(shared, "debian12-python-node")
    config = json.loads(_blob(shared, manifest["config"]["digest"]).read_bytes())
    digests = [_read(shared, layer, digest_tar=True).diff_id for layer in manifest["layers"]]
    assert digests == config["rootfs"]["diff_ids"]


def test_packages_know_the_layer_that_brought_them(shared):
    packages = _stack(shared, "debian12-python-node").packages
    assert {(package.type, package.layer) for package in packages} == {
        ("deb", 0),
        ("npm", 1),
        ("python", 1),
    }


def test_a_record_is_small(shared):
    """It is kept for every layer there is: some 80 bytes a package, a few kilobytes beside."""
    for layer in _manifest(shared, "debian12-python-node")["layers"]:
        record = _read(shared, layer)
        packages = sum(len(names) for names in record.files.values() if isinstance(names, tuple))
        assert len(json.dumps(record.to_json())) < 10_000 + 130 * packages


def _stack(shared: Path, tag: str) -> Stack:
    return stack([_read(shared, layer) for layer in _manifest(shared, tag)["layers"]])


def _read(shared: Path, layer: dict, **options) -> LayerRecord:
    return read_layer(_chunks(_blob(shared, layer["digest"])), layer["mediaType"], **options)


def _manifest(shared: Path, tag: str) -> dict:
    index = json.loads((shared / "data" / "images" / "index.json").read_text())
    name = "org.opencontainers.image.ref.name"
    (entry,) = [m for m in index["manifests"] if m["annotations"][name] == tag]
    return json.loads(_blob(shared, entry["digest"]).read_bytes())


def _blob(shared: Path, digest: str) -> Path:
    return shared / "data" / "images" / "blobs" / Path(*digest.split(":"))


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as blob:
        while chunk := blob.read(65536):
            yield chunk
