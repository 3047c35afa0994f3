"""Documents that are feeds: as files and from a server, plain and as gzip, honest and hostile."""

import gzip

import pytest

from findings.feeds import NotAdvisories, TooLarge, Unreachable
from findings.feeds.documents import open_document
from findings.feeds.sources import Limits
from tests.findings.feeds.serving import send, served

BODY = b'{"vulnerabilities": []}'


def read(location, **limits) -> list[bytes]:
    with open_document(str(location), limits=Limits(**limits)) as source:
        return [raw for _, raw in source]


@pytest.mark.parametrize("written", [BODY, gzip.compress(BODY)])
def test_a_file_is_a_document_whatever_it_is_called(tmp_path, written):
    file = tmp_path / "catalogue"
    file.write_bytes(written)
    assert read(file) == [BODY]


def test_a_folder_holds_a_document_for_each_product(tmp_path):
    for name in ("debian", "alpine"):
        (tmp_path / f"{name}.json").write_text(name)
    assert read(tmp_path) == [b"alpine", b"debian"]


@pytest.mark.parametrize("sent", [BODY, gzip.compress(BODY)])
def test_a_url_is_a_document_and_is_read_again_only_when_it_changed(sent):
    def answer(handler):
        known = handler.headers.get("if-none-match") == '"one"'
        send(handler, 304 if known else 200, b"" if known else sent, etag='"one"')

    with served(answer) as url:
        with open_document(url) as source:
            assert ([raw for _, raw in source], source.etag) == ([BODY], '"one"')
        with open_document(url, '"one"') as source:
            assert (source.unchanged, list(source)) == (True, [])


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotAdvisories), (403, NotAdvisories), (503, Unreachable)]
)
def test_a_refusal_is_said_in_one_sentence(status, error):
    with (
        served(lambda handler: send(handler, status)) as url,
        pytest.raises(error, match=f"{status}"),
    ):
        read(url)


def test_a_document_larger_than_the_limit_is_refused_before_and_after_it_is_unpacked(tmp_path):
    plain, packed = tmp_path / "plain", tmp_path / "packed"
    plain.write_bytes(b"a" * 1001)
    packed.write_bytes(gzip.compress(b"a" * 1_000_000))
    for file in (plain, packed):
        with pytest.raises(TooLarge):
            read(file, record=1000)
    with (
        served(lambda handler: send(handler, body=b"a" * 1001)) as url,
        pytest.raises(TooLarge),
    ):
        read(url, download=1000)


@pytest.mark.parametrize("broken", [b"\x1f\x8b", gzip.compress(BODY)[:-9], b"\x1f\x8bnonsense"])
def test_a_gzip_that_is_none_or_ends_early_is_refused(tmp_path, broken):
    file = tmp_path / "feed.gz"
    file.write_bytes(broken)
    with pytest.raises(NotAdvisories, match="gzip"):
        read(file)
