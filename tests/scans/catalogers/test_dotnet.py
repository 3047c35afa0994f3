from io import BytesIO
from itertools import pairwise

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable, cataloger_for, dotnet

FILE = {"lib/net8.0/x.dll": {"assemblyVersion": "13.0.0.0"}}


def read(document: object) -> list[Component]:
    return list(dotnet.read("srv/app.deps.json", BytesIO(orjson.dumps(document))))


def found(libraries: dict[str, str], target: dict[str, object]) -> list[tuple[str, str]]:
    described = {library: {"type": kind} for library, kind in libraries.items()}
    document = {"targets": {".NETCoreApp,Version=v8.0": target}, "libraries": described}
    return [(component.name, component.version) for component in read(document)]


def test_the_packages_of_an_application_are_read_and_its_own_projects_are_not():
    libraries = {
        "app/1.0.0": "project",
        "Newtonsoft.Json/13.0.1": "package",
        "Microsoft.AspNetCore.DataProtection/8.0.0.0": "referenceassembly",
    }
    target = {library: {"runtime": FILE} for library in libraries}
    assert found(libraries, target) == [("Newtonsoft.Json", "13.0.1")]


def test_the_runtime_that_an_application_brings_is_its_package():
    library = "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.1"
    assert found({library: "runtimepack"}, {library: {"runtime": FILE}}) == [
        ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.1")
    ]


@pytest.mark.parametrize(
    ("version", "listed", "package"),
    [
        ("8.0.1", "8.0.1", "Microsoft.NETCore.App.Runtime.linux-x64"),
        ("10.0.0-rc.1", "10.0.0-rc.1", "Microsoft.NETCore.App.Runtime.linux-x64"),
        ("3.1.23", "3.1.23-servicing.22122.4", "Microsoft.NETCore.App.Runtime.linux-x64"),
        ("2.1.30", "2.1.30", "Microsoft.NETCore.App"),
    ],
)
def test_a_shared_framework_is_the_package_that_an_application_would_bring(
    version, listed, package
):
    document = {
        "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0/linux-x64"},
        "targets": {"": {f"runtime.linux-x64.X/{listed}": {"runtime": FILE}}},
        "libraries": {f"runtime.linux-x64.X/{listed}": {"type": "package"}},
    }
    path = (
        f"usr/share/dotnet/shared/Microsoft.NETCore.App/{version}/Microsoft.NETCore.App.deps.json"
    )
    assert list(dotnet.read(path, BytesIO(orjson.dumps(document)))) == [
        Component("dotnet", package, version),
        Component("dotnet", "runtime.linux-x64.X", listed),
    ]
    assert len(read(document)) == 1


@pytest.mark.parametrize("kind", ["runtime", "native", "runtimeTargets", "resources"])
def test_a_package_is_there_with_files_of_any_kind(kind):
    assert found({"X/1": "package"}, {"X/1": {kind: FILE}}) == [("X", "1")]


@pytest.mark.parametrize("described", [{}, {"runtime": {}}, {"runtime": {"lib/net8.0/_._": {}}}])
def test_a_package_without_a_file_is_not_there(described):
    """System.Net.Http 4.3.0 of a hundred applications, whose framework has a newer one."""
    assert found({"System.Net.Http/4.3.0": "package"}, {"System.Net.Http/4.3.0": described}) == []


def test_a_package_that_stands_for_others_is_there_with_them():
    libraries = dict.fromkeys(["All/1", "Most/1", "Core/1", "Idle/1"], "package")
    target = {
        "All/1": {"dependencies": {"most": "1", "Idle": "1"}},
        "Most/1": {"dependencies": {"Core": "1", "All": "1"}},
        "Core/1": {"runtime": FILE},
        "Idle/1": {"dependencies": {"Idle": "1"}},
    }
    assert found(libraries, target) == [("All", "1"), ("Most", "1"), ("Core", "1")]


def test_a_library_that_no_target_speaks_of_counts_as_there():
    assert found({"X/1": "package", "Y": "package"}, {}) == [("X", "1")]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"libraries": []}', b"{not json", b'{"a":' * 1_000_000],
    ids=lambda body: body[:20].hex(),
)
def test_what_names_no_libraries_is_unreadable(body):
    with pytest.raises(Unreadable):
        list(dotnet.read("", BytesIO(body)))


def test_wants_what_stands_beside_an_application_and_in_a_framework():
    shared = "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/"
    assert cataloger_for(shared + "Microsoft.NETCore.App.deps.json") is dotnet.CATALOGER
    assert cataloger_for("app/app.deps.json") is dotnet.CATALOGER
    assert cataloger_for("app/app.runtimeconfig.json") is None


def test_a_long_chain_of_packages_is_followed():
    names = [f"P{number}" for number in range(20_000)]
    target = {f"{name}/1": {"dependencies": {after: "1"}} for name, after in pairwise(names)}
    target[f"{names[-1]}/1"] = {"runtime": FILE}
    assert len(found(dict.fromkeys(target, "package"), target)) == len(names)


keys = st.sampled_from(["libraries", "targets", "type", "package", "X/1", "runtime", "Y/1"])
values = st.recursive(
    st.sampled_from(["package", "X/1", 1, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values, values)
@settings(max_examples=100)
def test_any_document_is_read_or_refused(libraries, targets):
    try:
        read({"libraries": libraries, "targets": targets})
    except Unreadable:
        assert not isinstance(libraries, dict)
