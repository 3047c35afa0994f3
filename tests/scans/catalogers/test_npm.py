from io import BytesIO

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, npm


def test_name_and_version_are_read():
    body = orjson.dumps({"name": "@scope/x", "version": "1.0.0-rc.1", "private": True})
    assert list(npm.read("", BytesIO(body))) == [Component("npm", "@scope/x", "1.0.0-rc.1")]


def test_a_byte_order_mark_is_no_hindrance():
    assert list(npm.read("", BytesIO(b'\xef\xbb\xbf{"name": "x", "version": "1"}'))) == [
        Component("npm", "x", "1")
    ]


@pytest.mark.parametrize("version", [None, "", 1, ["1.0.0"]])
def test_without_a_version_it_is_unknown(version):
    body = orjson.dumps({"name": "x", "version": version})
    assert list(npm.read("", BytesIO(body))) == [Component("npm", "x", "UNKNOWN")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b'"x"',
        b'{"type": "module"}',
        b'{"name": {"a": 1}, "version": "1"}',
        b'{"name": "\\ud800", "version": "1"}',
        b"{not json",
        b"\xff\xfe",
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
    ],
    ids=lambda body: body[:20].hex(),
)
def test_what_names_no_package_is_passed_over(body):
    assert list(npm.read("", BytesIO(body))) == []


def test_wants_every_package_json():
    assert npm.wants("package.json")
    assert npm.wants("app/node_modules/@scope/x/package.json")
    assert npm.wants("usr/local/lib/node_modules/npm/package.json")
    assert not npm.wants("app/package-lock.json")
    assert not npm.wants("app/my-package.json")


def _objects(values):
    return st.dictionaries(st.sampled_from(["name", "version", "x"]), values)


values = st.recursive(
    st.text() | st.integers(-(2**53), 2**53) | st.none(), lambda x: st.lists(x) | _objects(x)
)


@given(_objects(values))
@settings(max_examples=100)
def test_any_document_is_read(document):
    for component in npm.read("", BytesIO(orjson.dumps(document))):
        assert component.name == document["name"]
