"""The daily scores: what is read of them, and that nothing in them can do harm."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.feeds import NotAdvisories
from findings.feeds.epss import Score, parse

ABOUT = "#model_version:v2025.03.14,score_date:2026-02-03T00:00:00+0000\n"
HEADER = "cve,epss,percentile\n"


def scores(*lines: str, about: str = ABOUT, header: str = HEADER):
    return parse((about + header + "\n".join(lines)).encode())


def test_scores_have_a_model_a_day_and_a_line_for_each_cve():
    read = scores("CVE-2026-0001,0.00045,0.15321", "CVE-2026-0002,1,1.00000")
    assert (read.model, read.day, read.unreadable) == ("v2025.03.14", date(2026, 2, 3), 0)
    assert list(read.scores.values()) == [
        Score("CVE-2026-0001", 0.00045, 0.15321),
        Score("CVE-2026-0002", 1.0, 1.0),
    ]


def test_a_copy_without_the_comment_has_no_day():
    read = scores("CVE-2026-0001,9.4e-04,0.2", about="")
    assert (read.model, read.day, len(read.scores)) == ("", None, 1)


@pytest.mark.parametrize(
    "line",
    [
        "CVE-2026-0001,nan,0.1", "CVE-2026-0001,infinity,0.1", "CVE-2026-0001,-0.1,0.1",
        "CVE-2026-0001,1.1,0.1", "CVE-2026-0001,0.1", "CVE-2026-0001", "CVE-2026-0001,0.1,0.1,0.1",
        "CVE-2026-0001,1_0,0.1", "CVE-2026-0001,0x1,0.1", "cve,0.1,0.1", ",,", "CVE-2026-0001,,",
        "CVE-2026-0001,0." + "1" * 100_000 + ",0.1",
    ],
)  # fmt: skip
def test_a_line_that_says_no_score_is_counted_and_left_out(line):
    read = scores(line, "CVE-2026-0002,0.1,0.1")
    assert (list(read.scores), read.unreadable) == (["CVE-2026-0002"], 1)


@pytest.mark.parametrize("raw", [b"", b"<html>", b"cve;epss\n", b"\x1f\x8b\x08", b"#model\n<html>"])
def test_anything_else_is_no_list_of_scores(raw):
    with pytest.raises(NotAdvisories, match="cve, epss, percentile"):
        parse(raw)


SHARES = st.floats(min_value=0, max_value=1)


@given(st.lists(st.tuples(st.integers(1000, 9999), SHARES, SHARES)))
def test_what_is_written_is_read(rows):
    lines = [f"CVE-2026-{n},{epss!r},{percentile!r}" for n, epss, percentile in rows]
    read = scores(*lines)
    last = {f"CVE-2026-{n}": (epss, percentile) for n, epss, percentile in rows}
    assert {s.cve: (s.epss, s.percentile) for s in read.scores.values()} == last


@given(st.lists(st.text(st.characters(blacklist_characters="\n\r"), max_size=40)))
def test_whatever_a_line_says_it_is_a_score_or_counted(lines):
    read = scores(*lines)
    assert all(0 <= s.epss <= 1 and 0 <= s.percentile <= 1 for s in read.scores.values())
