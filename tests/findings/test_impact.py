"""Plain sentences from CVSS vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.impact import Impact, explain


@pytest.mark.parametrize(
    ("vector", "threat", "impact"),
    [
        (
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "It can be attacked over the network, without an account; nobody else has to do "
            "anything.",
            "An attack can read data it should not, change data and make the system unavailable.",
        ),
        (
            "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:H",
            "It can be attacked by someone or something that runs on the same system, with an "
            "administrator's account; someone has to be led to take part, such as by opening a "
            "file or a link. It takes circumstances that an attacker does not control.",
            "An attack can make the system unavailable. "
            "To some degree it can read data it should not.",
        ),
        (
            "CVSS:4.0/AV:A/AC:L/AT:P/PR:L/UI:P/VC:N/VI:H/VA:L/SC:N/SI:N/SA:N",
            "It can be attacked from a neighbouring network, with an ordinary account; someone "
            "has to use the system meanwhile. It takes circumstances that an attacker does not "
            "control.",
            "An attack can change data. To some degree it can make the system unavailable.",
        ),
        (
            "AV:N/AC:L/Au:S/C:P/I:P/A:N",
            "It can be attacked over the network, after logging in once.",
            "To some degree it can read data it should not and change data.",
        ),
        (
            "CVSS:3.0/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N",
            "It can be attacked by someone at the machine itself, without an account; nobody "
            "else has to do anything.",
            "An attack harms neither data nor service by itself.",
        ),
    ],
)
def test_each_version_says_how_an_attack_comes_and_what_it_does(vector, threat, impact):
    assert explain([vector]) == Impact(threat, impact)


NETWORK = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOCAL = "CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"
OLD = "AV:N/AC:L/Au:N/C:C/I:C/A:C"


def test_the_worst_vector_of_the_preferred_version_speaks():
    assert explain([OLD, LOCAL, NETWORK]) == explain([NETWORK])
    assert explain([OLD, LOCAL]) == explain([LOCAL])


@pytest.mark.parametrize("vectors", [[], [""], ["CVSS:3.1/AV:N"], ["CVSS:9.9/AV:N"], ["x" * 9999]])
def test_without_a_vector_that_can_be_read_nothing_is_said(vectors):
    assert explain(vectors) == Impact()


@given(st.lists(st.text(max_size=40), max_size=3))
def test_any_text_is_survived(vectors):
    assert explain(vectors) == Impact()


METRICS = {
    "AV": "NALP",
    "AC": "LH",
    "PR": "NLH",
    "UI": "NR",
    "S": "UC",
    **dict.fromkeys("CIA", "NLH"),
}


@given(st.tuples(*(st.sampled_from(values) for values in METRICS.values())))
def test_every_vector_of_version_3_is_explained(values):
    pairs = (f"{metric}:{value}" for metric, value in zip(METRICS, values, strict=True))
    said = explain(["/".join(("CVSS:3.1", *pairs))])
    assert said.threat.endswith(".")
    assert said.impact.endswith(".")
