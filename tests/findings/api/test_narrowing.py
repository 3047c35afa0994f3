"""Lists narrowed by exploitation, by fixes and to kernels, and what rows tell of these."""

from datetime import date

import pytest

from findings.models import Finding, ImageVerdict, Vulnerability
from tests import factories
from tests.findings.api.paths import list_all, named, of_registry, values

pytestmark = pytest.mark.django_db


@pytest.fixture
def mixed(image):
    """An image with four findings that count and one of a kernel, by what is special of each."""
    inventory = factories.an_inventory(factories.packages(5))
    packages = list(inventory.packages.order_by("pk"))
    names = ("exploited", "likely", "never", "plain", "kernel")
    found = {
        name: factories.find(inventory, [(package, factories.an_advisory())])[0]
        for name, package in zip(names, packages, strict=True)
    }
    known = {
        "exploited": {"known_exploited_on": date(2025, 1, 2), "ransomware": True, "epss": 0.05},
        "likely": {"epss": 0.5, "epss_percentile": 0.99},
    }
    for name, fields in known.items():
        Vulnerability.objects.filter(pk=found[name].vulnerability_id).update(**fields)
    found["never"].fixed_version, found["never"].fix_state = "", "wont-fix"
    found["kernel"].counted = False
    Finding.objects.bulk_update(found.values(), ["fixed_version", "fix_state", "counted"])
    factories.a_report(image, [inventory])
    factories.a_verdict(image, state="unhealthy", high=4, uncounted=1, exploited=1)
    factories.a_verdict(factories.an_image(image.placements.get().repository))
    return found


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, {"exploited", "likely", "never", "plain", ""}),
        ({"knownExploited": "true"}, {"exploited"}),
        ({"KNOWNEXPLOITED": "True"}, {"exploited"}),
        ({"minEpss": "0.05"}, {"exploited", "likely"}),
        ({"minEpss": ".5"}, {"likely"}),
        ({"fixState": "wont-fix"}, {"never"}),
        ({"fixState": "fixed"}, {"exploited", "likely", "plain"}),
        ({"fixState": "not-yet"}, set()),
        ({"kernel": "true"}, {"kernel"}),
        ({"kernel": "true", "knownExploited": "true"}, set()),
        ({"fixState": "fixed", "minEpss": "0.1"}, {"likely"}),
    ],
)
def test_a_list_is_narrowed_and_then_tells_of_no_image_without(
    ask, registry, reader, mixed, query, names
):
    by_vulnerability = {finding.vulnerability.name: name for name, finding in mixed.items()}
    found = values(ask(list_all(of_registry(registry)), reader, **query))
    assert {by_vulnerability.get(value["properties"]["id"], "") for value in found} == names


def test_a_narrowed_list_goes_on_narrowed(ask, registry, reader, mixed, monkeypatch):
    monkeypatch.setattr("findings.api.rows.PAGE_SIZE", 1)
    path, names = list_all(of_registry(registry)), []
    answer = ask(path, reader, minEpss="0.05", fixState="fixed").json()
    while True:
        names += [value["properties"]["id"] for value in answer["value"]]
        if "nextLink" not in answer:
            break
        assert "minEpss=0.05" in answer["nextLink"]
        answer = ask(answer["nextLink"], reader, version=None).json()
    assert sorted(names) == sorted(mixed[n].vulnerability.name for n in ("exploited", "likely"))


def test_a_finding_tells_what_is_known_of_its_exploitation_and_of_a_fix(
    ask, registry, reader, mixed
):
    told = {
        value["properties"]["id"]: value["properties"]["additionalData"]
        for value in values(ask(list_all(of_registry(registry)), reader))
    }
    exploited = told[mixed["exploited"].vulnerability.name]
    assert exploited["knownExploited"] is True
    assert (exploited["knownExploitedSince"], exploited["ransomware"]) == ("2025-01-02", True)
    likely = told[mixed["likely"].vulnerability.name]
    assert likely["epss"] == {"score": 0.5, "percentile": 0.99}
    assert (likely["fixStatus"], likely["fixedVersion"]) == ("FixAvailable", "1.2.4-1")
    never = told[mixed["never"].vulnerability.name]
    assert (never["fixStatus"], never["knownExploited"]) == ("WontFix", False)


def test_a_kernel_finding_that_was_listed_is_found_by_its_name(ask, registry, reader, mixed):
    (value,) = values(ask(list_all(of_registry(registry)), reader, kernel="true"))
    answer = ask(named(of_registry(registry), value["name"]), reader)
    assert answer.json() == value


@pytest.mark.parametrize(
    "query",
    [
        {"knownExploited": "maybe"}, {"kernel": "1"}, {"minEpss": "2"}, {"minEpss": "nan"},
        {"minEpss": "-1"}, {"minEpss": "1e-3"}, {"fixState": "soon"}, {"fixState": "fixed'--"},
    ],
)  # fmt: skip
def test_a_parameter_that_is_no_choice_is_refused_by_name(ask, registry, reader, query):
    answer = ask(list_all(of_registry(registry)), reader, **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["target"] == next(iter(query))


def test_what_is_wrong_with_an_image_beside_its_findings_is_told_with_them(
    ask, registry, reader, image
):
    factories.a_finding(image)
    ended = {"reason": "end-of-life", "detail": "Security fixes for it ended on 30 June 2022."}
    ImageVerdict.objects.update(end_of_life=date(2022, 6, 30), **ended)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    status = value["properties"]["status"]
    assert (status["code"], status["cause"]) == ("Unhealthy", "end-of-life")
    assert status["description"] == f"The resource is unhealthy. {ended['detail']}"


def test_a_healthy_image_tells_of_the_kernels_that_do_not_count(ask, registry, reader, image):
    factories.a_report(image, [])
    factories.a_verdict(image, uncounted=3)
    (value,) = values(ask(list_all(of_registry(registry)), reader))
    status = value["properties"]["status"]
    assert status["code"] == "Healthy"
    assert "3 findings of kernel packages do not count" in status["description"]
