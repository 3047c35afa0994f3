"""Layers are stacked as a runtime mounts them; every package knows the layer that brought it."""

import tarfile

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component
from scans.coalesce import Stack, package_url, stack
from scans.layers import LayerRecord, read_layer
from scans.osrelease import Distro
from scans.support import Reason, Unsupported
from tests.scans.filesystem import FileSystem
from tests.scans.programs import elf, executable
from tests.scans.rpms import berkeley, ndb, package, sqlite
from tests.scans.tars import file, folder, link, npm, status, tar

DEBIAN = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
ALPINE = b"ID=alpine\nVERSION_ID=3.19.4\nPRETTY_NAME='Alpine Linux v3.19'\n"
APK = b"P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n"


def test_the_topmost_database_counts_and_packages_keep_the_layer_they_came_with():
    image = _stack(
        [file("var/lib/dpkg/status", status(("bash", "5"), ("perl", "1"), ("gone", "1")))],
        [file("app/readme")],
        [file("var/lib/dpkg/status", status(("bash", "5"), ("perl", "2"), ("new", "1")))],
    )
    assert _brought(image) == {("bash", "5", 0), ("perl", "2", 2), ("new", "1", 2)}


def test_a_package_that_was_away_belongs_to_the_layer_it_came_back_with():
    image = _stack(
        [file("var/lib/dpkg/status", status(("bash", "5"), ("perl", "1")))],
        [file("var/lib/dpkg/status", status(("bash", "5")))],
        [file("var/lib/dpkg/status", status(("bash", "5"), ("perl", "1")))],
    )
    assert _brought(image) == {("bash", "5", 0), ("perl", "1", 2)}


def test_a_database_that_was_removed_begins_anew():
    database = file("var/lib/dpkg/status", status(("bash", "5")))
    assert _brought(_stack([database], [file("var/lib/.wh.dpkg")], [database])) == {
        ("bash", "5", 2)
    }


def test_a_language_package_belongs_to_the_layer_its_file_is_from():
    image = _stack([npm("a", "one")], [npm("a", "one"), npm("b", "two")])
    assert _brought(image) == {("one", "1.0.0", 1), ("two", "1.0.0", 1)}


@pytest.mark.parametrize("removal", ["app/.wh.a", ".wh.app", "app/.wh..wh..opq", ".wh..wh..opq"])
def test_whiteouts_and_opaque_folders_hide_lower_layers(removal):
    lower = [npm("app/a", "one"), npm("appendix", "two")]
    survivors = set() if removal == ".wh..wh..opq" else {"two"}
    assert _names(_stack(lower, [file(removal)])) == survivors


def test_a_whiteout_hides_nothing_of_its_own_layer_or_above():
    lower, upper = [npm("app", "old")], [npm("app", "new"), file(".wh.app"), file("app/.wh.x")]
    assert _names(_stack(lower, upper)) == {"new"}
    assert _names(_stack([file(".wh.app")], lower)) == {"old"}


@pytest.mark.parametrize("replacement", [file("app"), link("app", "srv"), link("app", "/nowhere")])
def test_a_file_or_link_in_place_of_a_folder_hides_what_was_below(replacement):
    assert _names(_stack([npm("app/node_modules/x", "one")], [replacement])) == set()


def test_a_file_in_place_of_an_installed_package_hides_it():
    folder_of_it = "opt/some/deep/application/node_modules/x"
    assert _names(_stack([npm(folder_of_it, "one")], [file(folder_of_it)])) == set()


def test_the_distribution_is_told_through_the_usual_link():
    image = _stack(
        [file("usr/lib/os-release", DEBIAN), link("etc/os-release", "../usr/lib/os-release")]
    )
    assert image.distro == Distro("debian", "12", "Debian GNU/Linux 12 (bookworm)", "Debian:12")


def test_the_topmost_distribution_counts():
    lower = [file("usr/lib/os-release", DEBIAN), link("etc/os-release", "/usr/lib/os-release")]
    assert _stack(lower, [file("etc/os-release", ALPINE)]).distro.id == "alpine"
    assert _stack(lower, [file("etc/.wh.os-release")]).distro.id == "debian"
    assert _stack(lower, [file("usr/lib/.wh.os-release")]).distro is None


def test_older_files_tell_the_distribution_only_where_os_release_does_not():
    version = file("etc/alpine-release", b"3.10.9\n")
    assert _stack([version]).distro.ecosystem == "Alpine:v3.10"
    assert _stack([version, file("etc/os-release", DEBIAN)]).distro.id == "debian"
    assert _stack([version, file("etc/os-release", b"")]).distro.id == "alpine"


def test_the_file_of_a_distribution_is_found_through_the_name_it_has_for_others():
    image = _stack(
        [
            file("etc/rocky-release", b"Rocky Linux release 9.2 (Blue Onyx)\n"),
            link("etc/redhat-release", "rocky-release"),
            file("etc/debian_version", b"12.4\n"),
        ]
    )
    assert image.distro.ecosystem == "Rocky Linux:9"


def test_links_in_a_circle_end():
    circle = [link("etc/os-release", "../usr/lib/os-release")]
    assert _stack(circle, [link("usr/lib/os-release", "../../etc/os-release")]).distro is None
    assert _stack([link("a", "b"), link("b", "a")], [npm("a", "one")]).packages


@pytest.mark.parametrize("path", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_a_database_is_one_whether_lib_is_a_link_or_not(path):
    """Written through the link by a layer that has no entry for the folder itself."""
    base = [link("lib", "usr/lib"), file("usr/lib/apk/db/installed", APK + b"\nP:old\nV:1\n")]
    image = _stack(base, [file(path, APK)])
    assert _brought(image) == {("musl", "1.2.4-r2", 0)}
    assert {package.path for package in image.packages} == {"usr/lib/apk/db/installed"}


def test_a_folders_own_entry_takes_the_place_of_a_link():
    lower = [link("app", "packages/app"), npm("packages/app", "linked")]
    assert _names(_stack(lower, [folder("app"), npm("app", "real")])) == {"linked", "real"}
    assert _names(_stack(lower, [npm("app", "real")])) == {"real"}


PIP = "usr/local/lib/python3.11/site-packages/pip.dist-info/METADATA"
SIX = "usr/lib/python3/dist-packages/six.dist-info/METADATA"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("var/lib/dpkg/info/python3-six.list", f"/.\n/usr\n/{SIX}\n".encode()),
        ("var/lib/dpkg/info/python3-six:amd64.list", f"/{SIX}\n".encode()),
        ("var/lib/dpkg/status.d/python3-six.md5sums", b"0" * 32 + f"  {SIX}\n".encode()),
        (
            "lib/apk/db/installed",
            "P:py3-six\nV:1\nF:{}\nR:{}\n".format(*SIX.rsplit("/", 1)).encode(),
        ),
        ("var/lib/rpm/Packages.db", ndb([package("python3-six", files=[f"/{SIX}"])])),
        ("var/lib/rpm/Packages", berkeley([package("python3-six", files=[f"/{SIX}"])], ">")),
        ("var/lib/rpm/rpmdb.sqlite", sqlite([package("python3-six", files=[f"/{SIX}"])])),
    ],
)
@pytest.mark.parametrize("last", [False, True])
def test_a_package_that_the_distribution_brought_is_not_reported_twice(path, body, last):
    """Whichever comes first in the layer. What pip installed beside it stays."""
    wheels = [file(SIX, b"Name: six\nVersion: 1\n"), file(PIP, b"Name: pip\nVersion: 2\n")]
    database = [file(path, body)]
    image = _stack(wheels + database if last else database + wheels)
    assert {p.name for p in image.packages if p.type == "python"} == {"pip"}
    assert image.owned == 1


def test_a_database_of_another_family_has_no_ecosystem():
    image = _stack(
        [file("etc/os-release", ALPINE), file("lib/apk/db/installed", APK)],
        [file("var/lib/dpkg/status", status(("bash", "5")))],
    )
    assert {(p.type, p.ecosystem, p.purl) for p in image.packages} == {
        ("apk", "Alpine:v3.19", "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.19.4"),
        ("deb", "", "pkg:deb/bash@5?arch=amd64"),
    }


def test_an_unknown_release_still_lists_its_packages():
    sid = file("etc/os-release", b"ID=debian\nPRETTY_NAME='Debian GNU/Linux forky/sid'\n")
    (package,) = _stack([sid, file("var/lib/dpkg/status", status(("bash", "5")))]).packages
    assert (package.ecosystem, package.purl) == ("", "pkg:deb/debian/bash@5?arch=amd64")


def test_language_packages_have_the_ecosystem_of_their_language():
    metadata = file("x.dist-info/METADATA", b"Name: Django\nVersion: 4.2\n")
    image = _stack([npm("app", "@scope/x"), metadata])
    assert {(p.ecosystem, p.purl) for p in image.packages} == {
        ("npm", "pkg:npm/%40scope/x@1.0.0"),
        ("PyPI", "pkg:pypi/django@4.2"),
    }


def test_a_program_is_judged_by_the_records_of_bitnami_if_they_name_it_and_else_by_none():
    programs = [
        executable("usr/bin/openssl", elf(rest=b"OpenSSL 3.0.13 30 Jan 2024\0")),
        executable("usr/sbin/nginx", elf(rest=b"nginx version: nginx/1.25.3\n")),
    ]
    image = _stack([file("etc/os-release", ALPINE), *programs])
    assert {(p.ecosystem, p.purl) for p in image.packages} == {
        ("Bitnami", "pkg:generic/nginx@1.25.3"),
        ("", "pkg:generic/openssl@3.0.13"),
    }


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
@settings(max_examples=100)
def test_any_package_has_a_package_url_or_none(name, version):
    for kind in ("deb", "npm", "python"):
        assert len(package_url(Component(kind, name, version), None)) <= 1000


def test_an_image_with_more_packages_than_any_real_one_is_refused():
    found = tuple(Component("npm", "x", str(number)) for number in range(100_000))
    records = [LayerRecord(files={f"{number}/package.json": found}) for number in range(4)]
    with pytest.raises(Unsupported) as caught:
        stack(records)
    assert caught.value.reason is Reason.TOO_LARGE


# A layer is a list of entries below few names, so that layers meet; every folder may or may not
# have an entry of its own.
_FOLDERS = st.sampled_from(["a", "b", "a/b", "b/a", "a/b/a", "node_modules/x"])
_LINKS = [  # none leads in a circle with others: no runtime unpacks anything below such
    *[("a", "b"), ("a", "/b/a"), ("a", "c"), ("a/b", "../b"), ("a/b", "../../b/a"), ("a/b", "c")],
    *[("b", "d"), ("b", "/d/e"), ("b", "../../d"), ("b/a", "../d"), ("b/a", "e")],
    *[("node_modules/x", "../a"), ("node_modules/x", "/a/b"), ("node_modules/x", "y")],
]
_entries = st.one_of(
    st.builds(npm, _FOLDERS, st.sampled_from(["one", "two", "three"])),
    st.builds(npm, _FOLDERS, st.sampled_from(["one", "two", "three"])),
    st.builds(file, _FOLDERS),
    st.sampled_from(_LINKS).map(lambda pair: link(*pair)),
    st.builds(lambda path: file(f"{path}/.wh..wh..opq"), _FOLDERS),
    st.builds(lambda path, name: file(f"{path}/.wh.{name}"), _FOLDERS, st.sampled_from("ab")),
    st.builds(lambda name: file(f".wh.{name}"), st.sampled_from("ab")),
)


def _with_folders(entries, explicit):
    """Depth-first, as every tool writes them. What lies below another entry's file or link was
    never in one file system with it; and who writes no entries for folders writes through links,
    so that what he writes in a link's place would depend on the order."""
    if not explicit:
        entries = [entry for entry in entries if ".wh." in entry[0].name or entry[1]]
    leaves = {info.name for info, _ in entries if ".wh." not in info.name}
    for info, body in sorted(entries, key=lambda entry: entry[0].name):
        parts = info.name.split("/")[:-1]
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        if leaves.isdisjoint(above):
            if explicit:
                yield from map(folder, above)
            yield info, body


@given(st.lists(st.tuples(st.lists(_entries, max_size=5), st.booleans()), max_size=5))
@settings(max_examples=400, deadline=None)
def test_stacking_equals_unpacking_one_layer_after_the_other(layers):
    unpacked = FileSystem()
    records = []
    for entries, explicit in layers:
        whole = list(_with_folders(entries, explicit))
        unpacked.apply(whole)
        records.append(read_layer([tar(*whole)]))
    expected = {
        (path, orjson.loads(body)["name"])
        for path, body in unpacked.files()
        if path.endswith("package.json")
    }
    assert {(package.path, package.name) for package in stack(records).packages} == expected


def _stack(*layers: list[tuple[tarfile.TarInfo, bytes]]) -> Stack:
    records = [read_layer([tar(*entries)]) for entries in layers]
    plain = [orjson.loads(orjson.dumps(record.to_json())) for record in records]
    return stack([LayerRecord.from_json(values) for values in plain])


def _brought(image: Stack) -> set[tuple[str, str, int]]:
    return {(package.name, package.version, package.layer) for package in image.packages}


def _names(image: Stack) -> set[str]:
    return {package.name for package in image.packages}
