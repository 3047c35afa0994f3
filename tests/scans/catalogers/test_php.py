from io import BytesIO

import orjson
import pytest

from scans.catalogers import Component, Unreadable, cataloger_for, php

PACKAGES = [
    {"name": "symfony/http-kernel", "version": "v5.4.0", "version_normalized": "5.4.0.0"},
    {"name": "acme/tool", "version": "dev-main"},
    {"name": "acme/none"},
    {"version": "1"},
    {"name": 1, "version": "1"},
    "acme/text",
]
FOUND = [
    Component("composer", "symfony/http-kernel", "v5.4.0"),
    Component("composer", "acme/tool", "dev-main"),
    Component("composer", "acme/none", "UNKNOWN"),
]


@pytest.mark.parametrize("document", [PACKAGES, {"packages": PACKAGES, "dev": True}])
def test_both_of_composers_formats_are_read(document):
    assert list(php.read("", BytesIO(orjson.dumps(document)))) == FOUND


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"1", b'{"packages": {}}', b"{not json", b"\xff", b"[" * 1_000_000],
    ids=lambda body: body[:20].hex(),
)
def test_what_lists_no_packages_is_unreadable(body):
    with pytest.raises(Unreadable):
        list(php.read("", BytesIO(body)))


def test_wants_what_composer_writes_whatever_the_vendor_folder_is_called():
    assert cataloger_for("srv/app/vendor/composer/installed.json") is php.CATALOGER
    assert cataloger_for("srv/app/lib/composer/installed.json") is php.CATALOGER
    assert cataloger_for("srv/app/installed.json") is None
    assert cataloger_for("srv/my-composer/installed.json") is None
