"""What is read of an SBOM: ours, those of other generators, and hostile ones."""

import json
import tracemalloc
from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.coalesce import stack
from scans.sbom import cyclonedx, documents, reading, spdx
from scans.sbom.reading import NotAnSbom, read
from tests.scans.sbom.test_writing import ODD, an_item, contents

AT = datetime(2026, 11, 23, tzinfo=UTC)


def stacked(body: bytes | dict):
    return stack([read(body if isinstance(body, bytes) else json.dumps(body).encode()).record])


def a_component(purl: str, **fields) -> dict:
    return {"type": "library", "name": purl.partition("@")[0], "purl": purl, **fields}


def a_bom(*components: dict, **fields) -> dict:
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components, **fields}


def an_spdx(*purls: str, **fields) -> dict:
    return {
        "spdxVersion": "SPDX-2.3",
        "packages": [
            {
                "SPDXID": f"SPDXRef-{number}",
                "name": f"package {number}",
                "externalRefs": [{"referenceType": "purl", "referenceLocator": purl}],
            }
            for number, purl in enumerate(purls)
        ],
        **fields,
    }


@pytest.mark.parametrize("write", [cyclonedx.write, spdx.write])
def test_what_we_export_is_what_we_import(write):
    items = [an_item(), an_item("bash", source_name="", source_version="")]
    found = stacked(write(contents(*items), AT))
    assert (found.distro.id, found.distro.version_id, found.unread) == ("debian", "12", ())
    assert {
        (p.type, p.ecosystem, p.name, p.version, p.source_name, p.source_version, p.path)
        for p in found.packages
    } == {
        ("deb", "Debian:12", "libssl3", "3.0.1+b1", "openssl", "3.0.1", "var/lib/dpkg/status"),
        ("deb", "Debian:12", "bash", "3.0.1+b1", "", "", "var/lib/dpkg/status"),
    }


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:npm/%40scope/kit@1.0.0", ("npm", "npm", "@scope/kit", "1.0.0")),
        ("pkg:pypi/jinja2@3.1", ("python", "PyPI", "jinja2", "3.1")),
        ("pkg:golang/example.org/a/b@v1.2.3", ("go-module", "Go", "example.org/a/b", "v1.2.3")),
        ("pkg:golang/stdlib@1.22.1", ("go-module", "Go", "stdlib", "go1.22.1")),
        ("pkg:maven/org.x/y@1", ("maven", "Maven", "org.x:y", "1")),
        ("pkg:cargo/rustls@0.1.0", ("cargo", "crates.io", "rustls", "0.1.0")),
        ("pkg:gem/rack@3.0", ("gem", "RubyGems", "rack", "3.0")),
        ("pkg:composer/a/b@1", ("composer", "Packagist", "a/b", "1")),
        ("pkg:nuget/Newtonsoft.Json@13", ("dotnet", "NuGet", "Newtonsoft.Json", "13")),
        ("pkg:apk/alpine/musl@1.2.4-r2?distro=alpine-3.19.1",
         ("apk", "Alpine:v3.19", "musl", "1.2.4-r2")),
        ("pkg:deb/debian/dbus@1.0?epoch=2&distro=debian-12", ("deb", "Debian:12", "dbus", "2:1.0")),
        ("pkg:pypi/jinja2", ("python", "PyPI", "jinja2", "UNKNOWN")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("make", [lambda purl: a_bom(a_component(purl)), an_spdx])
def test_each_type_of_package_url_becomes_a_package(purl, expected, make):
    (package,) = stacked(make(purl)).packages
    assert (package.type, package.ecosystem, package.name, package.version) == expected


@pytest.mark.parametrize(
    ("component", "source"),
    [
        (a_component("pkg:deb/debian/libssl3@3?upstream=openssl%403.0&distro=debian-12"),
         ("openssl", "3.0")),
        (a_component("pkg:deb/debian/libssl3@3?upstream=openssl"), ("openssl", "")),
        (a_component("pkg:rpm/redhat/libs@1?upstream=openssl-3.0-1.el9.src.rpm"),
         ("openssl", "3.0-1.el9")),
        (a_component("pkg:deb/debian/libssl3@3", properties=[
            {"name": "aquasecurity:trivy:SrcName", "value": "openssl"},
            {"name": "aquasecurity:trivy:SrcVersion", "value": "3.0"},
            {"name": "aquasecurity:trivy:SrcRelease", "value": "1"},
            {"name": "aquasecurity:trivy:SrcEpoch", "value": "2"}]), ("openssl", "2:3.0-1")),
    ],
)  # fmt: skip
def test_the_source_package_is_found_where_generators_put_it(component, source):
    (package,) = stacked(a_bom(component)).packages
    assert (package.source_name, package.source_version) == source


def test_the_distribution_named_by_the_document_counts_before_that_of_most_packages():
    system = {"type": "operating-system", "name": "redhat", "version": "9.3"}
    found = stacked(a_bom(a_component("pkg:rpm/rhel/bash@5?distro=centos-8"), system))
    assert (found.distro.id, found.distro.version_id) == ("rhel", "9.3")


def test_what_is_no_package_we_could_judge_is_unread_and_not_passed_over():
    found = stacked(
        a_bom(
            {"type": "library", "name": "no purl"},
            a_component("pkg:swift/github.com/a/b@1"),
            a_component("not a purl"),
            a_component("pkg:pypi/ok@1"),
        )
    )
    assert [package.name for package in found.packages] == ["ok"]
    assert [file.path for file in found.unread] == [
        "sbom/unread/1 no purl", "sbom/unread/2 pkg:swift_github.com_a_b",
        "sbom/unread/3 not a purl",
    ]  # fmt: skip
    assert "has no package URL" in found.unread[0].sentence


def test_files_and_lock_files_are_no_packages():
    lock = [{"name": "aquasecurity:trivy:Class", "value": "lang-pkgs"}]
    found = stacked(
        a_bom(
            {"type": "file", "name": "/etc/passwd"},
            {"type": "application", "name": "package-lock.json", "properties": lock},
            a_component("pkg:npm/a@1", components=[a_component("pkg:npm/inner@2")]),
        )
    )
    assert {package.name for package in found.packages} == {"a", "inner"}
    assert found.unread == ()


PATHS = ["/app", "/app/x", "/app/x/y", "../../z", "/etc/os-release"]


def test_a_path_that_is_the_folder_of_another_hides_nothing():
    found = stacked(
        a_bom(
            *(
                a_component(f"pkg:npm/p{n}@1", evidence={"occurrences": [{"location": path}]})
                for n, path in enumerate(
                    ["/app", "/app/x", "/app/x/y", "../../z", "/etc/os-release"]
                )
            )
        )
    )
    assert len(found.packages) == 5


def test_the_folders_of_deep_paths_are_not_all_remembered():
    found = {f"{number}{'/a' * 490}": [] for number in range(300)}
    tracemalloc.start()
    reading._apart(found)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * sum(map(len, found))  # all of them together are 245 times as long


@pytest.mark.parametrize(
    ("told", "path"),
    [
        ("found in /app/x in layer sha256:1; /app/y", "app/x"),
        ("built package from: a 1; found in /app/x", "app/x"),
        ("found in /app/x\nfound in /app/y", "app/x"),
        ("found in ;/app/x", "sbom/packages"),
        ("found in /", "sbom/packages"),
        ("found in /x" * 180, "sbom/packages"),
    ],
)
def test_the_first_place_that_spdx_tells_is_the_path(told, path):
    document = an_spdx("pkg:npm/a@1")
    document["packages"][0]["sourceInfo"] = told
    (package,) = stacked(document).packages
    assert package.path == path


def test_a_path_inside_an_archive_is_kept():
    place = {"occurrences": [{"location": "/app/a.jar!/lib/b.jar"}]}
    (package,) = stacked(a_bom(a_component("pkg:maven/a/b@1", evidence=place))).packages
    assert package.path == "app/a.jar!/lib/b.jar"


XML = """<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><metadata><component type="container">
<name>shop</name></component></metadata><components>
<component type="library"><name>libssl3</name><version>3</version>
<purl>pkg:deb/debian/libssl3@3?distro=debian-12</purl>
<properties><property name="syft:metadata:source">openssl</property></properties>
<evidence><occurrences><occurrence><location>/a</location></occurrence></occurrences></evidence>
<components><component type="library"><name>in</name><purl>pkg:npm/in@1</purl></component>
</components></component></components></bom>"""


def test_xml_says_the_same():
    imported = read(XML.encode())
    assert (imported.format, imported.name) == ("CycloneDX 1.5", "shop")
    found = {package.name: package for package in stack([imported.record]).packages}
    assert (found["libssl3"].source_name, found["libssl3"].path) == ("openssl", "a")
    assert found["in"].version == "1"


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + XML.split("?>")[1]
DEEP = "<components><component>" * 200 + "</component></components>" * 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"{}", b"null", b"\xff\xfe", b"<", b"<bom/>", b"<a xmlns='x'/>",
        b'{"bomFormat": "SPDX"}', b'{"spdxVersion": "SPDX-3.0"}', b'{"a":' * 5000,
        BOMB.encode(), XML.replace("<components>", DEEP, 1).encode(),
        XML.replace("1.0", '1.0" encoding="x', 1).encode(), b"{" + b" " * documents.MAX_BYTES,
        json.dumps(an_spdx(*["pkg:npm/a@1"] * (documents.MAX_ENTRIES + 1))).encode(),
        json.dumps(a_bom(*[{}] * (documents.MAX_ENTRIES + 1))).encode(),
        json.dumps({**a_bom(), "schemaVersion": 2}).encode(),
    ],
    ids=range(19),
)  # fmt: skip
def test_what_is_no_sbom_or_too_much_is_refused_with_a_sentence(body):
    with pytest.raises(NotAnSbom, match=r"\.$"):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"bomFormat":"CycloneDX","x":[%s0]}' % (b"0," * documents.MAX_PARTS),
        b'{"bomFormat":"CycloneDX","x":[{}%s]}' % (b",{}" * (documents.MAX_PARTS // 2)),
        b"<a>%s</a>" % (b"<b/>" * documents.MAX_PARTS),
    ],
    ids=["numbers", "objects", "elements"],
)
def test_more_parts_than_memory_should_hold_are_refused_unread(body):
    with pytest.raises(NotAnSbom, match="parts"):
        read(body)


def test_components_too_deep_in_components_are_refused():
    component = a_component("pkg:npm/a@1")
    for _ in range(documents.MAX_DEPTH + 1):
        component = {"components": [component]}
    with pytest.raises(NotAnSbom, match="deep"):
        read(json.dumps(a_bom(component)).encode())


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_FIELDS = ["components", "type", "name", "purl", "properties", "evidence", "occurrences",
           "location",
           "metadata", "component", "packages", "externalRefs", "referenceType", "sourceInfo",
           "relationships", "documentDescribes", "primaryPackagePurpose", "SPDXID"]  # fmt: skip
_ODD = st.recursive(_ANY, lambda inner: st.dictionaries(st.sampled_from(_FIELDS), inner))


@settings(max_examples=150)
@given(_ODD, _ODD)
def test_whatever_stands_in_the_fields_it_is_read_or_refused(components, packages):
    for head in ({"bomFormat": "CycloneDX"}, {"spdxVersion": "SPDX-2.3"}):
        listed = {"components": [components], "packages": [packages], "metadata": packages}
        stack([read(orjson.dumps({**listed, **head})).record])


@settings(max_examples=100)
@given(st.binary(max_size=200), st.integers(0, 3000))
def test_damaged_documents_are_read_or_refused(junk, at):
    for body in (cyclonedx.write(contents(*ODD), AT), XML.encode()):
        try:
            read(body[:at] + junk + body[at + len(junk) :])
        except NotAnSbom:
            continue


@given(purl=st.text(max_size=60), path=st.text(max_size=60))
def test_whatever_a_component_says_nothing_is_lost(purl, path):
    place = {"occurrences": [{"location": path}]}
    body = orjson.dumps(a_bom(a_component(f"pkg:{purl}", evidence=place)))
    found = stack([read(body).record])
    assert len(found.packages) + len(found.unread) == 1
