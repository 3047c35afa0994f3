"""Why a vulnerability is, or is not, reported: against a real PostgreSQL."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from findings import advisories, evaluation
from findings.explain import explain
from findings.explanation import Reason, State
from findings.models import Affected, Finding, PackageKey
from registries.models import Image
from scans.models import ImageLayer, Layer, Package, Report
from tests.findings.estate import a_feed, a_package, a_repository, an_advisory, an_image

pytestmark = pytest.mark.django_db

CVE = "CVE-2026-1001"


@pytest.fixture
def image() -> Image:
    """Of Debian 12, with zlib 1.2.13 in two binary packages of one source, and bash."""
    made = an_image(
        a_repository(),
        [
            a_package("zlib1g", "1:1.2.13+b1", source_name="zlib", source_version="1:1.2.13"),
            a_package("bash", "5.2.15"),
        ],
        package_count=2,
    )
    layer = Layer.objects.get()
    ImageLayer.objects.create(
        report_id=made.pk, position=0, digest=layer.digest, created_by="ADD rootfs.tar /"
    )
    return made


@pytest.fixture
def feed(tmp_path):
    """Import these records and judge by them."""

    def load(*records: dict):
        advisories.update(a_feed(tmp_path / "feed", *records))
        evaluation.evaluate()

    return load


def reasons(explanation) -> list[Reason]:
    return [line.reason for line in explanation.lines]


def test_what_is_reported_comes_with_its_whole_proof(image, feed):
    feed(an_advisory(CVE, "zlib", "1:1.2.14", aliases=["GHSA-aaaa-bbbb-cccc"]))
    found = explain(image, "ghsa-aaaa-bbbb-cccc")
    assert (found.state, found.vulnerability) == (State.REPORTED, CVE)
    (line,) = found.lines
    assert (line.reason, line.package, line.source) == (
        Reason.REPORTED, "zlib1g", "zlib 1:1.2.13",
    )  # fmt: skip
    assert [(place.path, place.instruction) for place in line.places] == [
        ("var/lib/dpkg/status", "ADD rootfs.tar /")
    ]
    assert line.places[0].layer == Layer.objects.get().digest
    assert (line.advisory, line.feed) == (CVE, "Debian")
    assert line.modified == datetime(2026, 1, 1, tzinfo=UTC)
    assert line.range == "all versions before 1:1.2.14"
    assert line.comparison == "1:1.2.13 < 1:1.2.14"


def test_an_image_without_the_package(image, feed):
    feed(an_advisory(CVE, "openssl", "3.1"))
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_REPORTED, [Reason.NO_PACKAGE])
    assert "openssl (Debian); 2 packages" in found.lines[0].sentence


@pytest.mark.parametrize(
    ("events", "comparison", "range_"),
    [
        ([{"introduced": "0"}, {"fixed": "1:1.2.13"}], "1:1.2.13 ≤ 1:1.2.13",
         "all versions before 1:1.2.13"),
        ([{"introduced": "1:1.3"}], "1:1.2.13 < 1:1.3", "from 1:1.3 without a known end"),
        ([{"introduced": "1:1.1"}, {"last_affected": "1:1.2"}], "1:1.2 < 1:1.2.13",
         "from 1:1.1 up to and including 1:1.2"),
    ],
)  # fmt: skip
def test_a_version_beside_the_range_and_on_which_side(image, feed, events, comparison, range_):
    advisory = an_advisory(CVE, "zlib")
    advisory["affected"][0]["ranges"][0]["events"] = events
    feed(advisory)
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_REPORTED, [Reason.NOT_IN_RANGE])
    assert found.lines[0].comparison == comparison
    assert found.lines[0].range == range_


def test_an_id_that_no_feed_knows(image, feed):
    feed(an_advisory(CVE, "zlib"))
    found = explain(image, "CVE-1999-0001")
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.UNKNOWN_ID])
    assert found.lines[0].sentence == (
        "No feed knows an advisory CVE-1999-0001. The feeds loaded speak of Debian."
    )


def test_without_a_feed_nothing_is_known(image):
    evaluation.evaluate()
    assert "No feed of advisories is loaded" in explain(image, CVE).lines[0].sentence


def test_an_advisory_of_another_release(image, feed):
    other = an_advisory("CVE-2026-1002", "curl")
    feed(an_advisory(CVE, "zlib", ecosystem="Debian:11"), other)
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_REPORTED, [Reason.OTHER_RELEASE])
    assert "in Debian:11 only, not in Debian:12" in found.lines[0].sentence


def test_feeds_without_the_release_leave_it_unknown(image, feed):
    feed(an_advisory(CVE, "zlib", ecosystem="Debian:11"))
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.NO_FEED])


def test_a_program_that_no_package_brought_is_called_that(feed):
    busybox = a_package("busybox", "1.36.1", "", type="binary")
    image = an_image(a_repository(), [busybox])
    feed(an_advisory(CVE, "busybox", ecosystem="Alpine:v3.20"))
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.NO_FEED])
    assert "speaks of programs that no package brought" in found.lines[0].sentence


def test_a_package_of_another_ecosystem_is_another_package(image, feed):
    feed(an_advisory(CVE, "bash", ecosystem="npm"))
    found = explain(image, CVE)
    assert reasons(found) == [Reason.NO_PACKAGE]
    assert "bash (npm)" in found.lines[0].sentence


def test_a_withdrawn_advisory_says_when(image, feed):
    feed(an_advisory(CVE, "zlib", withdrawn="2026-02-03T00:00:00Z"))
    found = explain(image, CVE)
    assert found.state == State.NOT_REPORTED
    assert set(reasons(found)) == {Reason.WITHDRAWN}
    assert "withdrawn on 2026-02-03" in found.lines[0].sentence


def test_what_was_closed_says_when_and_why(image, feed):
    feed(an_advisory(CVE, "zlib", "1:1.2.14"))
    feed(an_advisory(CVE, "zlib", "1:1.2.12"))
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (
        State.NOT_REPORTED, [Reason.CLOSED, Reason.NOT_IN_RANGE],
    )  # fmt: skip
    assert "advisory changed" in found.lines[0].sentence


def test_a_version_that_cannot_be_compared_is_not_cleared(feed):
    image = an_image(a_repository(), [a_package("jinja2", "no version", "PyPI")])
    feed(an_advisory(CVE, "jinja2", "6", ecosystem="PyPI"))
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.UNKNOWN_VERSION])


def test_a_range_that_cannot_be_compared_is_not_cleared(image, feed):
    feed(an_advisory(CVE, "bash", "5"))
    Affected.objects.update(unreadable=True)
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.UNKNOWN_RANGE])


def test_another_module_stream(image, feed):
    feed(an_advisory(CVE, "bash", "5"))
    PackageKey.objects.update(flavour="bash:5")
    Affected.objects.update(flavour="bash:4")
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_REPORTED, [Reason.OTHER_FLAVOUR])
    assert "stream bash:4 only; the one installed is of bash:5" in found.lines[0].sentence


def test_a_module_stream_that_the_advisory_does_not_tell_leaves_it_unknown(image, feed):
    feed(an_advisory(CVE, "bash", "5"))
    PackageKey.objects.update(flavour="bash:5")
    Affected.objects.update(flavour="*")
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.UNKNOWN_RANGE])


def test_a_kernel_is_found_but_not_counted(image, feed):
    feed(an_advisory(CVE, "zlib", "1:1.2.14"))
    Finding.objects.update(counted=False)
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.REPORTED, [Reason.UNCOUNTED])
    assert found.sentence == f"{CVE} is found in this image, but not counted."


def test_what_a_distribution_package_brought_is_named_with_its_owner(image, feed):
    feed(an_advisory(CVE, "urllib3", ecosystem="PyPI"))
    Report.objects.update(owned_count=1)
    path = "usr/lib/python3/dist-packages/urllib3.egg-info"
    Layer.objects.update(
        record={
            "files": {path: [["python", "URLlib3", "1.26"]]},
            "owned": {path: "python3-urllib3"},
        }
    )
    found = explain(image, CVE)
    assert Reason.OWNED in reasons(found)
    assert found.lines[0].sentence == (
        "URLlib3 1.26 is part of the distribution's package python3-urllib3, and judged with it."
    )


def test_an_image_that_could_not_be_read(image, feed):
    feed(an_advisory(CVE, "curl"))
    Report.objects.update(result="unverified", reason="no-access", detail="The registry refuses.")
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.UNREAD_IMAGE])
    assert "The registry refuses." in found.lines[0].sentence


def test_an_image_not_scanned_or_not_judged_yet(image, feed):
    feed(an_advisory(CVE, "zlib", "1:1.2.14"))
    Report.objects.update(scanned_at=timezone.now())
    assert Reason.NOT_JUDGED in reasons(explain(image, CVE))
    Report.objects.all().delete()
    found = explain(Image.objects.get(), CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.NOT_SCANNED])


def test_files_that_could_not_be_read_leave_it_unknown(image, feed):
    feed(an_advisory(CVE, "curl"))
    Report.objects.update(unread_count=2)
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (
        State.NOT_KNOWN, [Reason.NO_PACKAGE, Reason.UNREAD_FILES],
    )  # fmt: skip


def test_a_package_in_range_that_was_not_judged_by_it_is_due(image, feed):
    feed(an_advisory(CVE, "zlib", "1:1.2.14"))
    Finding.objects.all().delete()
    found = explain(image, CVE)
    assert (found.state, reasons(found)) == (State.NOT_KNOWN, [Reason.DUE])


@pytest.mark.parametrize("asked", ["", "\0", "x" * 100_000, "CVE-" + "é" * 300])
def test_whatever_is_asked_has_an_answer(image, asked):
    assert explain(image, asked).state == State.NOT_KNOWN


def test_it_asks_as_often_whatever_the_number_of_packages(image, feed):
    many = an_image(
        a_repository(),
        [a_package("zlib1g", f"1:1.2.{n}", source_name="zlib") for n in range(40)],
    )
    affected = [an_advisory(CVE, "zlib", "1:1.2.20", ecosystem=f"Debian:{n}") for n in range(9, 20)]
    feed({**affected[0], "affected": [each["affected"][0] for each in affected]})
    Package.objects.update(architecture="amd64")
    numbers = []
    for each in (image, many):
        with CaptureQueriesContext(connection) as captured:
            explain(Image.objects.get(pk=each.pk), CVE)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1] <= 14
