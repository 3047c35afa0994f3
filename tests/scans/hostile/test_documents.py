"""Manifests, indexes and versions made to cost are refused, or read in the time of their bytes."""

import hashlib
import json

import pytest

from findings.standalone import examine
from findings.versions import ENCODERS, encode
from registries.oci.errors import BadContent
from registries.oci.manifest import OCI_INDEX, parse_config, parse_manifest

DIGEST = "sha256:" + "0" * 64
ENTRY = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": DIGEST, "size": 1}


@pytest.mark.parametrize("opening", [b"[", b'{"layers":', b'{"a":['])
@pytest.mark.parametrize("parse", [parse_manifest, parse_config])
def test_a_document_nested_a_million_deep_is_refused(parse, opening):
    with pytest.raises(BadContent):
        parse((opening * 1_000_000)[:4_000_000])


def test_an_index_of_ten_thousand_is_refused():
    body = json.dumps({"schemaVersion": 2, "manifests": [ENTRY] * 10_000}).encode()
    with pytest.raises(BadContent):
        parse_manifest(body)


def test_a_manifest_of_many_times_what_is_allowed_is_refused_unread():
    with pytest.raises(BadContent, match="larger than"):
        parse_manifest(b" " * 100_000_000)


class Indexes:
    """A registry in which every manifest is an index of one more."""

    def __init__(self) -> None:
        self.asked = 0

    def manifest(self, repository: str, reference: str) -> tuple[bytes, str, str]:
        self.asked += 1
        entry = {
            **ENTRY,
            "mediaType": OCI_INDEX,
            "platform": {"os": "linux", "architecture": "amd64"},
        }
        body = json.dumps(
            {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}
        ).encode()
        return body, OCI_INDEX, "sha256:" + hashlib.sha256(body).hexdigest()


def test_indexes_of_indexes_without_end_are_given_up():
    source = Indexes()
    with pytest.raises(BadContent):
        examine(source, "app", "latest", "nowhere")
    assert source.asked <= 5


# Each is cheap where one pass decides, and for ever where an expression tries every way to fail.
TRAPS = [
    "9" * 300,
    "9" * 1_000_000,
    "1." * 150,
    "1-" * 150,
    "a" * 299 + "!",
    "1" + ".0" * 149 + "!",
    "0" * 300,
    "1.0" + "-" * 290 + "\n",
    "1.0" + "+a.b" * 70 + "+",
    "~" * 300,
    "(" * 300,
    " " * 300 + "x",
    "1." + "a1" * 148 + "_",
    "v" * 300,
    "1!" * 150,
    "\u0661" * 300,
    "\0" * 300,
    "\ud800" * 10,
]


@pytest.mark.parametrize("ecosystem", sorted(ENCODERS))
def test_no_version_is_a_trap(ecosystem):
    for trap in TRAPS:
        key = encode(ecosystem, trap)
        assert key is None or len(key) < 20_000
