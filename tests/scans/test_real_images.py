"""Real images: every package that dpkg, apk and an independent scanner find, and not one more."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scans.coalesce import Placed, stack
from tests.real_images import blob, manifest, read_image, read_layer

TYPES = {"deb", "apk", "rpm", "python", "npm", "go-module", "binary"}
TAGS = [
    "alma9-rpmdb-bdb11",
    "alma9-rpmdb-ndb13",
    "alma9-rpmdb-sqlite",
    "alma9-rpmdb-sqlite-wal",
    "almalinux-8-micro-s390x-a",
    "almalinux-9-micro-aarch64-a",
    "alpine-3.10.9-amd64",
    "alpine-3.15.11-amd64",
    "alpine-3.19.4-amd64",
    "debian12-minbase",
    "debian12-python-node",
    "distroless-amd64",
    "rpmdb-amazonlinux2023-plain",
    "rpmdb-sle15-bci",
    "scratch-busybox",
    "scratch-esbuild",
]
# What advisories call distributions whose own id is another; no advisories of Amazon's are read.
NAMES = {"amzn": "", "sles": "suse"}


@pytest.mark.parametrize("tag", TAGS)
def test_the_packages_are_those_that_are_installed(shared, tag):
    inventory = json.loads((shared / "data" / "inventories" / f"{tag}.json").read_text())
    expected = {tuple(package) for package in inventory["packages"] if package[0] in TYPES}
    found = read_image(_layout(shared), tag).packages
    assert {(package.type, package.name, package.version) for package in found} == expected


@pytest.mark.parametrize("tag", [tag for tag in TAGS if not tag.startswith("scratch-")])
def test_the_distribution_is_the_one_that_is_installed(shared, tag):
    expected = json.loads((shared / "data" / "inventories" / f"{tag}.json").read_text())["distro"]
    distro = read_image(_layout(shared), tag).distro
    assert (distro.id, distro.version_id) == (expected["id"], expected["versionID"])
    assert distro.name == expected["prettyName"]
    assert distro.ecosystem.partition(":")[0].lower() == NAMES.get(distro.id, distro.id)


@pytest.mark.parametrize("tag", [tag for tag in TAGS if "almalinux-" in tag or "amazon" in tag])
def test_an_rpm_says_what_rpm_says_of_it(shared, tag):
    """The architecture, the source and the module as well."""
    table = (shared / "data" / "inventories" / f"{tag}.tsv").read_text().splitlines()[1:]
    expected = {tuple(row.replace("(none)", "").split("\t")) for row in table}
    found = [one for one in read_image(_layout(shared), tag).packages if one.type == "rpm"]
    assert {tuple(_as_rpm_says(package)) for package in found} == expected


def _as_rpm_says(package: Placed) -> Iterator[str]:
    yield package.name
    yield package.version if ":" in package.version else f"0:{package.version}"
    yield package.architecture
    source = f"{package.source_name}-{package.source_version}.src.rpm"
    yield source if package.source_name else ""
    yield package.module


@pytest.mark.parametrize("tag", ["almalinux-8-micro-s390x-a", "almalinux-9-micro-aarch64-a"])
def test_a_program_that_an_rpm_brought_is_no_package_of_its_own(shared, tag):
    image = read_image(_layout(shared), tag)
    assert {package.type for package in image.packages} == {"rpm"}
    assert image.owned == 1  # bash


def test_busybox_is_found_in_every_architecture_though_its_name_is_a_hard_link(shared):
    manifests = manifest(_layout(shared), "busybox-musl-index")["manifests"]
    assert {entry["platform"]["architecture"] for entry in manifests} > {"amd64", "s390x", "386"}
    for entry in manifests:
        document = json.loads(blob(_layout(shared), entry["digest"]).read_bytes())
        layers = [read_layer(_layout(shared), layer) for layer in document["layers"]]
        packages = stack(layers).packages
        assert ("binary", "busybox", "1.38.0", "bin/busybox") in {
            (package.type, package.name, package.version, package.path) for package in packages
        }


def test_the_digests_of_the_tars_are_those_of_the_configuration(shared):
    layout = _layout(shared)
    found = manifest(layout, "debian12-python-node")
    config = json.loads(blob(layout, found["config"]["digest"]).read_bytes())
    digests = [read_layer(layout, layer, digest_tar=True).diff_id for layer in found["layers"]]
    assert digests == config["rootfs"]["diff_ids"]


def test_packages_know_the_layer_that_brought_them(shared):
    packages = read_image(_layout(shared), "debian12-python-node").packages
    assert {(package.type, package.layer) for package in packages} == {
        ("deb", 0),
        ("npm", 1),
        ("python", 1),
    }


def test_a_record_is_small(shared):
    """It is kept for every layer there is: some 80 bytes a package, a few kilobytes beside."""
    for layer in manifest(_layout(shared), "debian12-python-node")["layers"]:
        record = read_layer(_layout(shared), layer)
        packages = sum(len(names) for names in record.files.values() if isinstance(names, tuple))
        assert len(json.dumps(record.to_json())) < 10_000 + 130 * packages


def _layout(shared: Path) -> Path:
    return shared / "data" / "images"
