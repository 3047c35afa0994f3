"""What an archive is called, by the facts in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.catalogers.java_names import (
    Coordinates,
    Facts,
    coordinates,
    manifest,
    properties,
)


def told(file_name, poms=(), paths=(), folders=(), **fields):
    fields = {key.replace("_", "-"): value for key, value in fields.items()}
    facts = Facts(file_name, fields, poms, paths, lambda folder: folder in folders)
    return [(each.name, each.version) for each in coordinates(facts)]


def test_pom_properties_say_it_all():
    pom = Coordinates("org.example", "x", "1.0")
    assert told("x-1.0.jar", [pom], implementation_version="2.0") == [("org.example:x", "1.0")]


def test_of_several_poms_one_is_the_archives_own_and_the_others_were_shaded_into_it():
    poms = [Coordinates("org.example", "x", "1.0"), Coordinates("com.shaded", "y", "2.0")]
    assert told("x-1.0.jar", poms) == [("org.example:x", "1.0"), ("com.shaded:y", "2.0")]


def test_an_archive_without_a_pom_of_its_own_is_told_beside_what_was_shaded_into_it():
    poms = [Coordinates("org.example", "a", "1.0"), Coordinates("com.shaded", "y", "2.0")]
    assert told("x-1.0.jar", poms)[0] == ("x", "1.0")
    assert len(told("x-1.0.jar", poms)) == 3


def test_the_only_pom_of_a_renamed_archive_is_its_own():
    pom = Coordinates("org.example", "x", "1.0")
    assert told("app.jar", [pom], implementation_version="1.0") == [("org.example:x", "1.0")]
    assert told("app.jar", [pom]) == [("org.example:x", "1.0")]


def test_a_pom_without_a_version_takes_the_archives():
    pom = Coordinates("org.example", "x", "")
    assert told("x-1.0.jar", [pom]) == [("org.example:x", "1.0")]
    assert told("app.jar", [pom]) == [("org.example:x", "UNKNOWN")]


@pytest.mark.parametrize(
    ("file_name", "artifact", "version"),
    [
        ("x-1.0.jar", "x", "1.0"),
        ("guava-31.1-jre.jar", "guava", "31.1-jre"),
        ("jetty-server-9.4.43.v20210629.jar", "jetty-server", "9.4.43.v20210629"),
        ("log4j-1.2-api-2.14.1.jar", "log4j-1.2-api", "2.14.1"),
        ("kafka_2.13-2.8.0.jar", "kafka_2.13", "2.8.0"),
        ("netty-2.0.1.Final-linux-x86_64.jar", "netty", "2.0.1.Final"),
        ("x-1.0-20210101.120000-1.jar", "x", "1.0-20210101.120000-1"),
        ("x-1.0-SNAPSHOT.war", "x", "1.0-SNAPSHOT"),
        ("guava-r09.jar", "guava", "r09"),
        ("org.eclipse.osgi_3.16.0.v2020.jar", "org.eclipse.osgi", "3.16.0.v2020"),
    ],
)
def test_file_names_carry_artifact_and_version(file_name, artifact, version):
    assert told(file_name) == [(artifact, version)]


def test_the_manifest_says_where_the_version_begins():
    assert told("servlet-2.4-1.0.jar", implementation_version="1.0") == [("servlet-2.4", "1.0")]


@pytest.mark.parametrize("file_name", ["app.jar", "x.jar", "-1.0.jar", ".jar", "a b-1.jar"])
def test_an_archive_that_tells_nothing_of_itself_is_nothing(file_name):
    assert told(file_name) == []


@pytest.mark.parametrize("field", ["implementation_version", "bundle_version", "plugin_version"])
def test_a_file_name_without_a_version_leaves_it_to_the_manifest(field):
    fields = {field: "3.1", "implementation_title": "petclinic"}
    assert told("app.jar", **fields) == [("petclinic", "3.1")]


def test_a_title_for_people_is_no_name():
    fields = {"implementation_title": "Our Great Thing", "implementation_version": "3.1"}
    assert told("thing.jar", **fields) == [("thing", "3.1")]


def test_the_jdks_own_archives_are_no_packages():
    fields = {"implementation_title": "Java Runtime Environment"}
    assert told("rt.jar", implementation_version="1.8.0_292", **fields) == []


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"bundle_symbolicname": "org.example.x;singleton:=true"}, "org.example:x"),
        ({"bundle_symbolicname": "org.example.thing"}, "x"),
        ({"implementation_vendor_id": "org.example"}, "org.example:x"),
        ({"implementation_vendor_id": "org.apache"}, "x"),
        ({"implementation_vendor_id": "Example, Inc."}, "x"),
        ({"group_id": "org.example"}, "org.example:x"),
        ({"implementation_title": "org.example#x;1.0"}, "org.example:x"),
        ({"implementation_title": "org.example#server;1.0"}, "org.example:x"),
    ],
)
def test_the_group_is_told_by_the_manifest_or_not_at_all(fields, name):
    assert told("x-1.0.jar", implementation_version="1.0", **fields) == [(name, "1.0")]


def test_the_bundle_plugin_names_only_once_what_group_and_artifact_share():
    fields = {"bundle_symbolicname": "org.example.parser.core", "bundle_version": "1.0"}
    assert told("parser-core-1.0.jar", **fields) == [("org.example.parser:parser-core", "1.0")]


def test_a_manifest_with_another_version_is_of_something_shaded():
    fields = {"implementation_version": "1.1.1", "implementation_vendor_id": "org.shaded"}
    assert told("x-3.3.1.jar", **fields) == [("x", "3.3.1")]


def test_the_folder_of_a_pom_gives_the_group_where_its_properties_are_missing():
    assert told("x-1.0.jar", paths=[("org.example", "x")]) == [("org.example:x", "1.0")]


def test_a_well_known_library_has_its_group_only_with_its_classes():
    folders = [b"org/springframework/"]
    assert told("spring-core-5.3.17.jar", folders=folders) == [
        ("org.springframework:spring-core", "5.3.17")
    ]
    assert told("spring-boot-2.5.0.jar", folders=folders) == [
        ("org.springframework.boot:spring-boot", "2.5.0")
    ]
    assert told("spring-core-5.3.17.jar") == [("spring-core", "5.3.17")]
    assert told("commons-collections-3.1.jar", folders=[b"org/apache/commons/collections/"]) == [
        ("commons-collections:commons-collections", "3.1")
    ]


def test_the_files_of_a_tomcat_are_the_artifacts_of_tomcat():
    fields = {"implementation_title": "Apache Tomcat", "implementation_version": "9.0.50"}
    assert told("catalina.jar", **fields) == [
        ("org.apache.tomcat:tomcat", "9.0.50"),
        ("org.apache.tomcat:tomcat-catalina", "9.0.50"),
    ]
    assert told("tomcat-coyote.jar", **fields) == [("org.apache.tomcat:tomcat-coyote", "9.0.50")]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"groupId=g\nartifactId=a\nversion=1\n", Coordinates("g", "a", "1")),
        (b"# x\r\nversion = 1 \r\ngroupId = g\r\nartifactId = a", Coordinates("g", "a", "1")),
        (b"groupId=g\nartifactId=a\nversion=${project.version}\n", Coordinates("g", "a", "")),
        (b"artifactId=a", Coordinates("", "a", "")),
        (b"groupId=g\nversion=1", None),
        (b"", None),
        (b"\xff\xfe\0", None),
    ],
)
def test_properties_are_read(body, found):
    assert properties(body) == found


def test_a_manifests_main_section_is_read_with_its_folded_lines():
    body = (
        b"\r\nManifest-Version: 1.0\r\nImplementation-Title: a very l\r\n ong title\r\n"
        b"implementation-version: 1\r\nImplementation-Version: 2\r\n\r\n"
        b"Name: x\r\nBundle-Version: 3\r\n"
    )
    assert manifest(body) == {
        "manifest-version": "1.0",
        "implementation-title": "a very long title",
        "implementation-version": "1",
    }


@given(st.binary(max_size=200))
def test_any_bytes_are_facts_or_none(body):
    properties(body)
    manifest(body)


pieces = st.sampled_from(["a", "x", "1", "2.0", "-", "_", ".", "v1", "rc1", "é", " ", "jar"])


@given(
    st.lists(pieces, max_size=12).map("".join),
    st.dictionaries(
        st.sampled_from(["implementation-version", "bundle-symbolicname", "implementation-title"]),
        st.lists(pieces, max_size=6).map("".join),
    ),
)
def test_whatever_is_told_has_a_name_and_a_version(file_name, fields):
    for each in coordinates(Facts(f"{file_name}.jar", fields, [], [], lambda folder: True)):
        assert each.artifact
        assert each.version
        assert each.name.count(":") == bool(each.group)
