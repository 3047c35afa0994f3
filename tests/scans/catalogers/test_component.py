from scans.catalogers import CATALOGERS, Cataloger, Component, storable


def test_a_name_that_is_no_name_is_left_out():
    strange = ["", "  ", "x" * 301, "a\0b", "a\x1b[31m", "a\nb", "a\ud800"]
    assert list(storable(Component("npm", name, "1") for name in strange)) == []


def test_a_version_that_is_no_version_is_unknown():
    strange = ["", "1" * 301, "1\0"]
    found = storable(Component("npm", "x", version) for version in strange)
    assert [component.version for component in found] == ["UNKNOWN"] * 3


def test_what_else_cannot_be_stored_is_empty():
    odd = Component("deb", "x", "1", "a" * 31, "s\0", "v" * 301)
    assert list(storable([odd])) == [Component("deb", "x", "1")]


def test_an_ordinary_component_is_itself():
    component = Component("deb", "libstdc++6", "12.2", "amd64", "gcc-12", "12")
    assert list(storable([component])) == [component]


def test_no_file_is_wanted_by_two_catalogers():
    paths = [
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
        "x.dist-info/METADATA",
        "node_modules/x/package.json",
    ]
    assert [[c.name for c in CATALOGERS if asked(c, path) and c.wants(path)] for path in paths] == [
        ["dpkg"],
        ["apk"],
        ["python"],
        ["npm"],
    ]


def asked(cataloger: Cataloger, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    extension = name.rpartition(".")[2]
    return (
        name in cataloger.names or extension in cataloger.extensions or folder in cataloger.folders
    )
