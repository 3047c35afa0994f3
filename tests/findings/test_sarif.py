"""Findings as SARIF: held against the properties and types that the standard gives them."""

import json
from decimal import Decimal

import jsonschema
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from findings import sarif, sarifs
from findings.vulnerabilities import link
from tests.factories import (
    a_feed,
    a_finding,
    a_report,
    advisories,
    an_image,
    an_inventory,
    find,
    packages,
)


def an_object(required: tuple[str, ...] = (), **properties) -> dict:
    return {
        "type": "object", "additionalProperties": False, "properties": properties,
        "required": list(required),
    }  # fmt: skip


TEXT = {"type": "string"}
MESSAGE = an_object(("text",), text=TEXT)
COUNT = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
BAG = {"type": "object"}
# Of the standard (section 3), what is written here; its own schema is in no library at hand.
SCHEMA = an_object(
    ("version", "runs"),
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": an_object(
            ("tool", "results"),
            tool=an_object(
                ("driver",),
                driver=an_object(
                    ("name",),
                    name=TEXT,
                    rules={
                        "type": "array",
                        "uniqueItems": True,
                        "items": an_object(
                            ("id",),
                            id=TEXT,
                            name=TEXT,
                            shortDescription=MESSAGE,
                            fullDescription=MESSAGE,
                            help=MESSAGE,
                            helpUri={"type": "string", "format": "uri"},
                            defaultConfiguration=an_object(level=LEVEL),
                            properties=BAG,
                        ),
                    },
                ),
            ),
            originalUriBaseIds={
                "type": "object",
                "additionalProperties": an_object(uri={"type": "string", "pattern": "/$"}),
            },
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            results={
                "type": "array",
                "items": an_object(
                    ("message",),
                    ruleId=TEXT,
                    ruleIndex={"type": "integer", "minimum": 0},
                    level=LEVEL,
                    message=MESSAGE,
                    locations={
                        "type": "array",
                        "minItems": 1,
                        "items": an_object(
                            physicalLocation=an_object(
                                artifactLocation=an_object(
                                    uri={"type": "string", "pattern": "^[!-~]+$"}, uriBaseId=TEXT
                                ),
                                region=an_object(
                                    startLine=COUNT, startColumn=COUNT, endLine=COUNT,
                                    endColumn=COUNT,
                                ),
                            ),
                            message=MESSAGE,
                        ),
                    },
                    partialFingerprints={"type": "object", "additionalProperties": TEXT},
                    properties=BAG,
                ),
            },
            properties=BAG,
        ),
    },
)  # fmt: skip


def valid(body: bytes) -> dict:
    found = json.loads(body)
    jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(found)
    (run,) = found["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def a_result(**fields) -> sarif.Result:
    given = {
        "vulnerability": "CVE-2026-1001", "severity": 3, "type": "deb", "package": "libssl3",
        "version": "3.0.1", "fixed": "3.0.2", "cvss": Decimal("7.5"),
        "places": (("var/lib/dpkg/status", "sha256:b"),),
    }  # fmt: skip
    return sarif.Result(**given | fields)


def written(*results: sarif.Result) -> dict:
    return valid(sarif.write("shop.example/team/app", "sha256:a", results, link))


def test_a_finding_is_a_result_of_its_vulnerability_s_rule():
    run = written(a_result(), a_result(package="openssl", severity=4, cvss=None))
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["defaultConfiguration"]["level"]) == ("CVE-2026-1001", "error")
    assert rule["properties"]["security-severity"] == "9.5"
    worst, other = run["results"]
    assert (worst["properties"]["packageName"], other["level"]) == ("openssl", "error")
    assert other["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "var/lib/dpkg/status", "uriBaseId": "IMAGE",
    }  # fmt: skip
    assert "Upgrade libssl3 to 3.0.2 or later." in other["message"]["text"]
    assert other["properties"]["cvss"] == 7.5


@pytest.mark.parametrize(
    ("severity", "cvss", "level", "score"),
    [
        (4, "9.8", "error", "9.8"), (4, "5.0", "error", "9.5"), (3, None, "error", "8.0"),
        (2, "6.9", "warning", "6.9"), (1, "9.8", "note", "2.0"), (0, "9.8", "note", None),
    ],
)  # fmt: skip
def test_score_and_level_follow_the_severity(severity, cvss, level, score):
    run = written(a_result(severity=severity, cvss=cvss and Decimal(cvss)))
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["properties"].get("security-severity") == score
    assert run["results"][0]["level"] == level


def test_of_too_many_the_worst_are_kept_and_the_rest_counted(monkeypatch):
    monkeypatch.setattr(sarif, "MOST_RESULTS", 2)
    run = written(*(a_result(package=f"p{n}", severity=n) for n in range(5)))
    assert [result["properties"]["severity"] for result in run["results"]] == ["critical", "high"]
    assert run["properties"]["leftOut"] == 3


def test_a_path_inside_an_archive_is_that_of_the_archive():
    run = written(a_result(places=(("app/a b.jar!/lib/x.jar", ""),)))
    location = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "app/a%20b.jar"


@given(text=st.text(min_size=1, max_size=40), long=st.integers(1, 3000))
def test_whatever_is_named_it_is_valid(text, long):
    run = written(
        a_result(vulnerability=text, package=text, summary=text * long, places=((text, text),)),
        a_result(places=()),
    )
    assert len(run["results"]) == 2


@pytest.mark.django_db
def test_findings_of_a_stored_image_are_told_with_their_places():
    image = an_image()
    finding = a_finding(image, aliases=("GHSA-x",))
    run = valid(sarifs.export(image.placements.get()))
    (result,) = run["results"]
    assert result["ruleId"] == finding.vulnerability.name
    assert result["properties"]["layers"] == [finding.inventory.entries.get().layer.digest]
    assert run["tool"]["driver"]["rules"][0]["properties"]["aliases"] == ["GHSA-x"]


@pytest.mark.django_db
def test_it_asks_as_often_whatever_the_number_of_findings():
    numbers = []
    for number in (1, 40):
        image, of = an_image(), packages(number)
        inventory = an_inventory(of)
        find(inventory, list(zip(of, advisories(number, a_feed()), strict=True)))
        a_report(image, [inventory])
        placement = image.placements.select_related("image", "repository__registry").get()
        with CaptureQueriesContext(connection) as captured:
            sarifs.export(placement)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 6
