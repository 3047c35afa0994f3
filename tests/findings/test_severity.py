"""One scale from many words and vectors."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.severity import (
    CRITICAL,
    HIGH,
    LOW,
    MAX_VECTOR,
    MEDIUM,
    NAMES,
    UNKNOWN,
    assess,
    from_vectors,
    from_word,
    outside,
)

V2_TEN = "AV:N/AC:L/Au:N/C:C/I:C/A:C"
V3_CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V3_MEDIUM = "CVSS:3.0/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:N/A:N"
V3_NONE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"
V4_CRITICAL = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


@dataclass(frozen=True)
class Advisory:
    cvss: tuple[str, ...] = ()
    distribution_severity: int = UNKNOWN
    database_severity: int = UNKNOWN


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("unimportant", LOW),
        ("negligible", LOW),
        ("low**", LOW),
        ("Moderate", MEDIUM),
        ("MEDIUM", MEDIUM),
        ("Important", HIGH),
        (" high ", HIGH),
        ("Critical", CRITICAL),
        ("not yet assigned", UNKNOWN),
        ("end-of-life", UNKNOWN),
        ("", UNKNOWN),
    ],
)
def test_the_words_of_every_source_meet_on_one_scale(word, severity):
    assert from_word(word) == severity


@pytest.mark.parametrize(
    ("vectors", "severity"),
    [
        ([V3_CRITICAL], CRITICAL),
        ([V3_MEDIUM], MEDIUM),
        ([V4_CRITICAL], CRITICAL),
        ([V2_TEN], HIGH),
        ([f"({V2_TEN})"], HIGH),
        ([V3_NONE], LOW),
        ([V3_MEDIUM, V4_CRITICAL, V2_TEN], MEDIUM),
        ([V2_TEN, V4_CRITICAL], CRITICAL),
        ([V3_MEDIUM, V3_CRITICAL], CRITICAL),
        ([], UNKNOWN),
    ],
)
def test_version_3_decides_then_4_then_2_and_the_highest_of_one_version(vectors, severity):
    assert from_vectors(vectors) == severity


@pytest.mark.parametrize(
    "vector",
    ["", "nonsense", "CVSS:3.1/", "CVSS:3.1/AV:N", "CVSS:5.0/AV:N", "7.5", V3_MEDIUM + "/"],
)
def test_a_malformed_vector_says_nothing_and_breaks_nothing(vector):
    assert from_vectors([vector]) == UNKNOWN
    assert from_vectors([vector, V3_CRITICAL]) == CRITICAL


def test_a_vector_longer_than_any_real_one_is_not_read():
    assert from_vectors([V3_CRITICAL + "/E:X" * MAX_VECTOR]) == UNKNOWN


@given(st.lists(st.sampled_from(["CVSS:3.1", "CVSS:4.0", "AV:N", "AC:L", "C:H", ":", "", "ſ:ı"])))
def test_no_vector_breaks_the_reading(fields):
    assert from_vectors(["/".join(fields)]) in range(5)


def test_the_distribution_speaks_before_cvss_and_cvss_before_the_database():
    everything = Advisory((V3_CRITICAL,), distribution_severity=LOW, database_severity=MEDIUM)
    assert (assess(everything).severity, assess(everything).source) == (LOW, "distribution")
    scored = assess(Advisory((V3_CRITICAL,), database_severity=MEDIUM))
    assert (scored.severity, scored.source) == (CRITICAL, "cvss")
    worded = assess(Advisory((), database_severity=MEDIUM))
    assert (worded.severity, worded.source) == (MEDIUM, "database")
    assert (assess(Advisory()).severity, assess(Advisory()).source) == (UNKNOWN, "")


def test_every_score_is_kept_and_one_is_shown():
    assessment = assess(Advisory((V2_TEN, V4_CRITICAL, V3_MEDIUM)))
    assert (assessment.v2, assessment.v3) == (Decimal("10.0"), Decimal("5.5"))
    assert assessment.v4 == Decimal("9.3")
    assert assessment.cvss == assessment.v3
    assert assess(Advisory((V2_TEN, V4_CRITICAL))).cvss == assessment.v4
    assert assess(Advisory()).cvss is None


def test_clients_see_three_values():
    assert [outside(severity) for severity in range(len(NAMES))] == [
        "Low",
        "Low",
        "Medium",
        "High",
        "High",
    ]
