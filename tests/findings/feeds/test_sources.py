"""Feeds from folders, zips and a real HTTP server, honest and hostile."""

import io
import json
import os
import struct
import zipfile

import pytest

from findings.feeds import FeedError, NotAdvisories, TooLarge, Unreachable
from findings.feeds.sources import Limits, open_source
from tests.findings.feeds.serving import send, served

RECORDS = {"A-1.json": b'{"id":"A-1"}', "A-2.json": b'{"id":"A-2"}'}


def zipped(records=RECORDS, **extra):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**records, **extra}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def read(location, etag="", **limits):
    with open_source(str(location), etag, Limits(**limits)) as source:
        return dict(source)


# --- folders and files --------------------------------------------------------------------------


def test_a_folder_of_dumps_is_read_ecosystem_by_ecosystem(tmp_path):
    for ecosystem in ("PyPI", "Debian"):
        (tmp_path / ecosystem).mkdir()
        (tmp_path / ecosystem / "all.zip").write_bytes(zipped({f"{ecosystem}.json": b"{}"}))
    (tmp_path / "KEV").mkdir()
    (tmp_path / "KEV" / "catalogue.json").write_text("not an advisory")
    assert list(read(tmp_path)) == ["Debian.json", "PyPI.json"]


def test_one_zip_is_read_and_what_is_no_record_in_it_passed_over(tmp_path):
    (tmp_path / "all.zip").write_bytes(zipped(**{"README.md": "hello", "folder/": ""}))
    assert read(tmp_path / "all.zip") == RECORDS
    assert read(tmp_path) == RECORDS


def test_a_folder_of_records_is_read_to_its_depths(tmp_path):
    (tmp_path / "2026").mkdir()
    (tmp_path / "2026" / "A-1.json").write_bytes(RECORDS["A-1.json"])
    (tmp_path / "notes.txt").write_text("hello")
    assert read(tmp_path) == {"2026/A-1.json": RECORDS["A-1.json"]}
    assert read(tmp_path / "2026" / "A-1.json") == {"A-1.json": RECORDS["A-1.json"]}


def test_a_folder_already_imported_is_not_read_again_until_it_changes(tmp_path):
    file = tmp_path / "A-1.json"
    file.write_bytes(RECORDS["A-1.json"])
    with open_source(str(tmp_path)) as source:
        etag = source.etag
        assert not source.unchanged
    with open_source(str(tmp_path), etag) as source:
        assert (source.unchanged, source.etag, list(source)) == (True, etag, [])
    os.utime(file, ns=(1, 1))
    with open_source(str(tmp_path), etag) as source:
        assert (source.unchanged, len(list(source))) == (False, 1)


@pytest.mark.parametrize("make", ["nothing", "empty"])
def test_where_there_is_no_feed_the_sentence_says_so(tmp_path, make):
    folder = tmp_path / "feed"
    if make == "empty":
        folder.mkdir()
    with pytest.raises(NotAdvisories, match="feed"):
        read(folder)


# --- hostile zips -------------------------------------------------------------------------------


def stored(tmp_path, content):
    path = tmp_path / "all.zip"
    path.write_bytes(content)
    return path


def test_an_entry_that_unpacks_beyond_its_limit_is_refused(tmp_path):
    bomb = zipped({"A.json": b"0" * 2_000_000})
    with pytest.raises(TooLarge, match=r"record A\.json"):
        read(stored(tmp_path, bomb), record=1_000_000)


def test_a_size_the_zip_lies_about_is_not_believed(tmp_path):
    bomb = bytearray(zipped({"A.json": b"0" * 2_000_000}))
    position = bomb.index(b"PK\x01\x02") + 24
    bomb[position : position + 4] = struct.pack("<I", 10)
    with pytest.raises(FeedError):
        read(stored(tmp_path, bytes(bomb)), record=1_000_000)


def test_many_entries_that_unpack_to_too_much_together_are_refused(tmp_path):
    records = {f"{n}.json": b"0" * 100_000 for n in range(40)}
    with pytest.raises(TooLarge, match="unpacks to more"):
        read(stored(tmp_path, zipped(records)), total=2_000_000)
    with pytest.raises(TooLarge, match="unpacks to more"):
        read(stored(tmp_path, zipped(records)), ratio=20, record=200_000)


def test_too_many_entries_are_refused(tmp_path):
    with pytest.raises(TooLarge, match="more than 1 entries"):
        read(stored(tmp_path, zipped()), entries=1)


def test_too_many_files_are_refused(tmp_path):
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(TooLarge, match="more than 1 files"):
        read(tmp_path, entries=1)


def test_a_directory_too_large_to_hold_is_refused_unread(tmp_path):
    records = {f"{n}.json": b"{}" for n in range(100)}
    with pytest.raises(TooLarge, match="directory of the zip"):
        read(stored(tmp_path, zipped(records)), directory=1_000)


@pytest.mark.parametrize(
    "content", [b"", b"no zip", zipped()[:-10], zipped()[10:], b"PK\x05\x06" + b"\xff" * 18]
)
def test_what_is_no_whole_zip_is_refused(tmp_path, content):
    with pytest.raises(NotAdvisories, match="not a zip that can be read"):
        read(stored(tmp_path, content))


def test_a_damaged_entry_is_refused(tmp_path):
    content = bytearray(zipped({"A.json": bytes(range(256)) * 40}))
    content[60] ^= 0xFF
    with pytest.raises(NotAdvisories):
        read(stored(tmp_path, bytes(content)))


# --- a URL --------------------------------------------------------------------------------------


def test_a_url_is_fetched_once_and_then_only_when_it_changed():
    asked = []

    def answer(handler):
        asked.append((handler.headers.get("if-none-match"), handler.headers["user-agent"]))
        if asked[-1][0] == '"one"':
            send(handler, 304)
        else:
            send(handler, body=zipped(), etag='"one"')

    with served(answer) as url:
        with open_source(url) as source:
            assert (source.etag, dict(source)) == ('"one"', RECORDS)
        with open_source(url, '"one"') as source:
            assert (source.unchanged, source.etag, dict(source)) == (True, '"one"', {})
    assert [etag for etag, _ in asked] == [None, '"one"']
    assert asked[0][1].startswith("Vigie/")


def test_a_redirect_is_followed():
    def answer(handler):
        if handler.path == "/all.zip":
            send(handler, 302, location="/elsewhere")
        else:
            send(handler, body=zipped())

    with served(answer) as url:
        assert read(url) == RECORDS


@pytest.mark.parametrize(
    ("status", "permanent"), [(404, True), (403, True), (429, False), (500, False), (503, False)]
)
def test_an_answer_that_is_no_feed_says_whether_to_try_again(status, permanent):
    with served(lambda handler: send(handler, status)) as url, pytest.raises(FeedError) as caught:
        read(url)
    assert caught.value.permanent is permanent
    assert str(status) in str(caught.value)


def test_a_body_that_breaks_off_is_not_taken_for_whole():
    def answer(handler):
        handler.send_response(200)
        handler.send_header("content-length", "1000000")
        handler.end_headers()
        handler.wfile.write(zipped())

    with served(answer) as url, pytest.raises(Unreachable):
        read(url)


def test_a_body_without_end_is_cut_off():
    def answer(handler):
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(b"0" * 65536)
        except OSError:
            pass

    with served(answer) as url, pytest.raises(TooLarge, match="more than 1,000,000 bytes"):
        read(url, download=1_000_000)


def test_a_page_instead_of_a_zip_is_refused():
    with served(lambda h: send(h, body=b"<html>")) as url, pytest.raises(NotAdvisories):
        read(url)


def test_nobody_there_is_worth_another_try():
    with served(send) as url:
        pass
    with pytest.raises(Unreachable) as caught:
        read(url)
    assert not caught.value.permanent


def test_the_records_of_a_dump_are_whole(shared):
    found = read(shared / "data" / "advisories" / "npm")
    assert len(found) == 458
    assert all(json.loads(raw)["id"] + ".json" == name for name, raw in found.items())
