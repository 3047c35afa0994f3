import contextlib

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registries.oci import manifest as oci
from registries.oci.errors import BadContent
from registries.oci.manifest import (
    Index,
    Manifest,
    Platform,
    kind_of,
    parse_config,
    parse_descriptor,
    parse_manifest,
)
from tests import pushing

DIGEST = "sha256:" + "a" * 64
APP = pushing.image({"etc/os-release": "ID=debian\n"}, variant="v8", architecture="arm64")


def a_manifest(**changes: object) -> bytes:
    return orjson.dumps(orjson.loads(APP.body) | changes)


def test_an_image_manifest_is_read() -> None:
    manifest = parse_manifest(APP.body, APP.media_type)
    assert isinstance(manifest, Manifest)
    assert manifest.digest == APP.digest
    assert manifest.config.media_type == oci.OCI_CONFIG
    assert [layer.media_type for layer in manifest.layers] == [
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ]
    assert manifest.size == len(APP.blobs[1])
    assert kind_of(manifest) == "image"


def test_a_docker_schema_2_manifest_is_read() -> None:
    built = pushing.image({"a": "b"}, docker=True)
    manifest = parse_manifest(built.body)
    assert manifest.media_type == oci.DOCKER_MANIFEST
    assert kind_of(manifest) == "image"


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_tells_images_from_attestations(docker: bool) -> None:
    other = pushing.image({"a": "b"}, architecture="arm64")
    built = pushing.index(APP, pushing.attestation(APP), other, docker=docker)
    index = parse_manifest(built.body, built.media_type)
    assert isinstance(index, Index)
    assert kind_of(index) == "index"
    assert len(index.manifests) == 3
    assert [entry.digest for entry in index.images] == [APP.digest, other.digest]
    assert index.images[0].platform == Platform("linux", "arm64", "v8")


def an_entry(**changes: object) -> dict[str, object]:
    return {"mediaType": oci.OCI_MANIFEST, "digest": DIGEST, "size": 10} | changes


@pytest.mark.parametrize(
    ("entry", "is_image"),
    [
        (an_entry(), True),
        (an_entry(mediaType=oci.OCI_INDEX), True),
        (an_entry(artifactType=oci.OCI_CONFIG), True),
        (an_entry(platform={"os": "windows", "architecture": "amd64"}), True),
        (an_entry(platform={"os": "unknown", "architecture": "amd64"}), True),
        (an_entry(platform={"os": "unknown", "architecture": "unknown"}), False),
        (an_entry(annotations={"vnd.docker.reference.type": "attestation-manifest"}), False),
        (an_entry(artifactType="application/spdx+json"), False),
        (an_entry(mediaType=oci.OCI_ARTIFACT), False),
        (an_entry(mediaType="application/octet-stream"), False),
    ],
)
def test_an_index_lists_only_what_may_be_an_image(entry: dict, is_image: bool) -> None:
    index = parse_manifest(orjson.dumps({"schemaVersion": 2, "manifests": [entry]}))
    assert isinstance(index, Index)
    assert bool(index.images) is is_image


LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@pytest.mark.parametrize(
    ("config_type", "layer_types", "extra", "kind"),
    [
        (oci.OCI_CONFIG, [LAYER], {}, "image"),
        (oci.OCI_CONFIG, [], {}, "image"),
        (oci.OCI_CONFIG, [LAYER], {"subject": an_entry()}, "image"),
        (oci.DOCKER_CONFIG, ["application/vnd.docker.image.rootfs.diff.tar"], {}, "image"),
        (
            oci.DOCKER_CONFIG,
            ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LAYER],
            {},
            "image",
        ),
        (oci.OCI_CONFIG, ["application/vnd.in-toto+json"], {}, "artifact"),
        (oci.OCI_CONFIG, ["application/vnd.dev.cosign.simplesigning.v1+json"], {}, "artifact"),
        ("application/vnd.cncf.helm.config.v1+json", [LAYER], {}, "artifact"),
        (oci.OCI_EMPTY, [LAYER], {"artifactType": "application/spdx+json"}, "artifact"),
        (oci.OCI_CONFIG, [LAYER], {"artifactType": "application/spdx+json"}, "artifact"),
    ],
)
def test_artifacts_are_told_from_images(
    config_type: str, layer_types: list[str], extra: dict, kind: str
) -> None:
    built = pushing.manifest(b"{}", config_type, [(one, b"x") for one in layer_types], **extra)
    assert kind_of(parse_manifest(built.body)) == kind


def test_an_artifact_manifest_without_configuration_is_an_artifact() -> None:
    body = {"mediaType": oci.OCI_ARTIFACT, "artifactType": "x/y", "blobs": [an_entry()]}
    assert kind_of(parse_manifest(orjson.dumps(body))) == "artifact"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        ({"schemaVersion": 1, "name": "a", "fsLayers": []}, ""),
        ({"name": "a", "fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+json"),
        ({"fsLayers": []}, "application/vnd.docker.distribution.manifest.v1+prettyjws; a=b"),
    ],
)
def test_schema_1_is_refused_by_name(body: dict, media_type: str) -> None:
    with pytest.raises(BadContent, match=r"schema 1.*push the image again"):
        parse_manifest(orjson.dumps(body), media_type)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "JSON object was expected"),
        (b"{}", "neither a manifest nor an index"),
        (b" " * (oci.MAX_BODY + 1), "larger than 4,194,304 bytes"),
        (a_manifest(manifests=[]), "image and an index at once"),
        (a_manifest(mediaType=oci.OCI_INDEX), "not what its media type says"),
        (a_manifest(mediaType=7), "“mediaType” should be a text"),
        (a_manifest(config=None), "JSON object was expected"),
        (a_manifest(config=an_entry(digest="sha256:../../etc/passwd")), "digest is missing"),
        (a_manifest(config=an_entry(digest="md5:" + "a" * 32)), "neither sha256 nor sha512"),
        (a_manifest(layers=an_entry()), "“layers” should be a list"),
        (a_manifest(layers=[an_entry(size=-1)]), "impossible"),
        (a_manifest(layers=[an_entry(size=True)]), "impossible"),
        (a_manifest(layers=[an_entry(size=2**60)]), "impossible"),
        (a_manifest(layers=[an_entry(size="10")]), "impossible"),
        (a_manifest(layers=[an_entry()] * (oci.MAX_ENTRIES + 1)), "more than 1,000 entries"),
        (a_manifest(layers=[an_entry(platform="linux")]), "JSON object was expected"),
        (a_manifest(layers=[an_entry(annotations={"a": 1})]), "“a” should be a text"),
    ],
)
def test_a_malformed_manifest_is_refused_in_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadContent, match=sentence):
        parse_manifest(body)


def test_the_body_outweighs_the_content_type() -> None:
    assert parse_manifest(APP.body, "text/plain; charset=utf-8").media_type == APP.media_type


def test_a_nul_in_a_text_is_dropped_for_the_database() -> None:
    assert parse_descriptor(an_entry(mediaType="a\0b")).media_type == "ab"


def test_a_configuration_is_read() -> None:
    lines = [
        {"created_by": "ADD rootfs /", "comment": "buildkit"},
        {"created_by": "ENV A=b", "empty_layer": True},
    ]
    built = pushing.image({"a": "b"}, history=lines, variant="v7", architecture="arm")
    config = parse_config(built.blobs[0])
    assert config.platform == Platform("linux", "arm", "v7")
    assert config.created == "2026-01-02T03:04:05Z"
    assert config.diff_ids == (pushing.digest_of(pushing.tar_of({"a": "b"})),)
    assert config.history == (
        oci.History("ADD rootfs /", False, "buildkit"),
        oci.History("ENV A=b", True, ""),
    )


def test_a_configuration_may_be_bare() -> None:
    assert parse_config(b"{}") == oci.ImageConfig(Platform(), "", (), ())


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'{"rootfs": []  , "history": 1}',
        b'{"rootfs": {"diff_ids": ["x"]}}',
        b'{"history": [[]]}',
        b'{"os": {}}',
    ],
)
def test_a_malformed_configuration_is_refused(body: bytes) -> None:
    with pytest.raises(BadContent):
        parse_config(body)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | st.floats()
)
KEYS = st.sampled_from(
    [
        *("schemaVersion", "mediaType", "artifactType", "subject", "annotations", "platform", "os"),
        *("config", "layers", "manifests", "blobs", "digest", "size"),
        *("rootfs", "diff_ids", "history", "created_by", "empty_layer"),
    ]
)
DOCUMENTS = st.recursive(
    SCALARS | st.just(DIGEST),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@settings(max_examples=300)
@given(DOCUMENTS)
def test_no_document_makes_anything_but_a_value_or_bad_content(document: object) -> None:
    with contextlib.suppress(TypeError):  # integers that JSON's writer cannot write
        body = orjson.dumps(document)
        for parse in (parse_manifest, parse_config):
            with contextlib.suppress(BadContent):
                parse(body)


@given(st.binary(max_size=200))
def test_no_bytes_make_anything_but_a_value_or_bad_content(body: bytes) -> None:
    for parse in (parse_manifest, parse_config):
        with contextlib.suppress(BadContent):
            parse(body)
