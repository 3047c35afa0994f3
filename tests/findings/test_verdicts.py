"""What an image is, by everything that can be wrong with it: every combination, in the database."""

from datetime import date, datetime, timedelta
from itertools import product

import pytest
from django.db import connection, transaction
from django.utils import timezone

from findings import lifecycles, verdicts
from findings.models import (
    Affected,
    DistributionRelease,
    Finding,
    ImageVerdict,
    InventoryVerdict,
    Judge,
    PackageKey,
)
from registries.models import Repository
from scans.models import ReportInventory
from tests.factories import (
    a_package,
    a_report,
    a_repository,
    an_advisory,
    an_image,
    an_inventory,
    find,
)

pytestmark = pytest.mark.django_db

UNREAD = {"path": "app/lib.jar", "reason": "damaged", "sentence": "It is no zip."}
# What can be wrong → the start of the line that says so.
DOUBTS = {
    "not-judged": "Read, but not judged: no feed has advisories for Debian:12.",
    "end-of-life": "Security fixes for Debian GNU/Linux 9 (stretch) ended on 30 June 2022:",
    "partly-read": "2 files that tell of packages could not be read, first /app/lib.jar: It is no",
    "unknown-version": "1 package has a version that cannot be compared; not judged.",
    "unknown-range": "3 packages are named by an advisory in a range that cannot be compared:",
}


@pytest.fixture(autouse=True)
def stretch():
    a_repository()
    return DistributionRelease.objects.create(
        distro_id="debian", version="9", ends_on=date(2022, 6, 30)
    )


def roll_up() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE work_inventory (id bigint) ON COMMIT DROP")
        verdicts.roll_up_images(cursor)
        cursor.execute("DROP TABLE work_inventory")


def an_image_that_is(wrong: set[str], findings: int, **report):
    """An image of one set, of whose verdict this much is wrong."""
    image, inventory = an_image(Repository.objects.last()), an_inventory([])
    InventoryVerdict.objects.create(
        inventory=inventory,
        judged_by=Judge.NOBODY if "not-judged" in wrong else Judge.FEEDS,
        unreadable_versions=int("unknown-version" in wrong),
        unreadable_ranges=3 * ("unknown-range" in wrong),
        low=findings,
        uncounted=4,
        exploited=findings,
        evaluated_at=timezone.now(),
    )
    old = "end-of-life" in wrong
    given = {
        "distro_version": "9" if old else "12",
        "distro_name": "Debian GNU/Linux 9 (stretch)" if old else "Debian GNU/Linux 12 (bookworm)",
        "unread_count": 2 * ("partly-read" in wrong),
        "unread_files": [UNREAD] if "partly-read" in wrong else [],
    }
    a_report(image, [inventory], **given | report)
    return image


def test_every_combination_of_what_is_wrong_has_its_state_its_first_reason_and_all_its_lines():
    made = {}
    for held in product([False, True], repeat=len(DOUBTS)):
        wrong = {code for code, holds in zip(DOUBTS, held, strict=True) if holds}
        for findings in (0, 1):
            made[an_image_that_is(wrong, findings).pk] = (wrong, findings)
    roll_up()
    found = ImageVerdict.objects.in_bulk()
    assert found.keys() == made.keys()
    for pk, (wrong, findings) in made.items():
        verdict = found[pk]
        codes = [code for code in DOUBTS if code in wrong]
        quiet = "unverified" if wrong else "healthy"
        assert verdict.state == ("unhealthy" if findings else quiet), wrong
        assert verdict.reason == (codes[0] if codes else ""), wrong
        lines = verdict.detail.splitlines()
        assert len(lines) == len(codes), wrong
        for line, code in zip(lines, codes, strict=True):
            assert line.startswith(DOUBTS[code])
        assert (verdict.end_of_life is not None) == ("end-of-life" in wrong)
        assert verdict.unread_files == 2 * ("partly-read" in wrong)
        assert verdict.unreadable_ranges == 3 * ("unknown-range" in wrong)
        assert (verdict.uncounted, verdict.exploited) == (4, findings)


def test_an_image_that_was_not_read_has_the_reason_of_its_report_and_no_other():
    image = an_image()
    sentence = "Windows images are not supported; only Linux images are scanned."
    a_report(image, [], result="unverified", reason="windows", detail=sentence, distro_id="")
    roll_up()
    verdict = ImageVerdict.objects.get(image=image)
    assert (verdict.state, verdict.reason, verdict.detail) == ("unverified", "windows", sentence)


def test_what_a_hostile_file_says_of_itself_stays_on_its_line():
    image = an_image_that_is({"partly-read"}, 0, unread_files=[UNREAD | {"sentence": "a\n\tb"}])
    other = an_image_that_is({"partly-read"}, 0, unread_files=[])
    roll_up()
    assert ImageVerdict.objects.get(image=image).detail.endswith("first /app/lib.jar: a b")
    assert ImageVerdict.objects.get(image=other).detail.endswith("could not be read.")


@pytest.mark.parametrize("codes", [set(), {"not-judged"}])
def test_programs_without_a_package_are_told_apart_from_an_unknown_distribution(codes):
    image = an_image_that_is(codes, 0)
    programs = an_inventory(
        [a_package(type="binary", ecosystem="", name=name) for name in ("perl", "bash")]
    )
    judged = {"judged_by": Judge.NOBODY, "evaluated_at": timezone.now()}
    InventoryVerdict.objects.create(inventory=programs, **judged)
    ReportInventory.objects.create(report_id=image.pk, inventory=programs)
    roll_up()
    verdict = ImageVerdict.objects.get(image=image)
    assert (verdict.state, verdict.reason) == ("unverified", "not-judged")
    (line,) = verdict.detail.splitlines()
    assert "o feed speaks of programs that no package brought, such as bash." in line
    assert ("no feed has advisories for Debian:12." in line) == bool(codes)
    assert "Debian GNU/Linux" not in line


# --- the end of life -----------------------------------------------------------------------------

RELEASES = [
    ("rhel", "9", date(2022, 1, 1)),
    ("sles", "15", date(2019, 12, 31)),
    ("sles", "15.5", date(2022, 1, 1)),
    ("sles", "15.6", None),
    ("centos", "8", date(2021, 12, 31)),
    ("centos-stream", "8", date(2022, 1, 1)),
    ("alpine", "3.1", date(2016, 11, 1)),
]


@pytest.mark.parametrize(
    ("distro", "version", "name", "ended"),
    [
        ("rhel", "9.3", "", date(2022, 1, 1)),
        ("rhel", "9", "", date(2022, 1, 1)),
        ("rhel", "10.1", "", None),
        ("sles", "15.5", "", date(2022, 1, 1)),
        ("sles", "15", "", date(2019, 12, 31)),
        ("sles", "15.6", "", None),  # no day is announced
        ("sles", "15.7", "", None),  # not the first release of 15, and nothing else is known
        ("centos", "8", "CentOS Linux 8", date(2021, 12, 31)),
        ("centos", "8", "CentOS Stream 8", date(2022, 1, 1)),
        ("alpine", "3.19.4", "", None),
        ("alpine", "3.1.4", "", date(2016, 11, 1)),
        ("debian", "", "Debian GNU/Linux trixie/sid", None),
        ("unheard-of", "9", "", None),
    ],
)
def test_a_release_ends_by_its_own_day_or_that_of_the_release_it_belongs_to(
    distro, version, name, ended
):
    DistributionRelease.objects.bulk_create(
        DistributionRelease(distro_id=d, version=v, ends_on=day) for d, v, day in RELEASES
    )
    image = an_image_that_is(
        set(), 0, distro_id=distro, distro_version=version, distro_name=name or distro
    )
    roll_up()
    assert ImageVerdict.objects.get(image=image).end_of_life == ended


@pytest.fixture
def clock(monkeypatch):
    """Moves what Python takes for now; PostgreSQL's clock goes on as it is."""
    real = timezone.now

    def move(to: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: to)

    yield move
    monkeypatch.setattr(timezone, "now", real)


def test_an_image_ages_with_the_calendar_and_nothing_is_read_or_matched_again(clock, stretch):
    healthy, vulnerable = (an_image_that_is(set(), n, distro_version="9") for n in (0, 1))
    other = an_image_that_is(set(), 0)
    stretch.ends_on = date(2030, 6, 30)
    stretch.save()
    roll_up()

    def states():
        rows = ImageVerdict.objects.values_list("image", "state", "reason")
        return {pk: (state, reason) for pk, state, reason in rows}

    new = {healthy.pk: ("healthy", ""), vulnerable.pk: ("unhealthy", ""), other.pk: ("healthy", "")}
    assert states() == new
    last_day = datetime(2030, 6, 30, 23, 59, tzinfo=timezone.get_current_timezone())
    clock(last_day)
    assert lifecycles.follow_calendar() == 0
    clock(last_day + timedelta(minutes=1))
    assert lifecycles.follow_calendar() == 2
    old = new | {
        healthy.pk: ("unverified", "end-of-life"),
        vulnerable.pk: ("unhealthy", "end-of-life"),
    }
    assert states() == old
    assert lifecycles.follow_calendar() == 0
    stretch.delete()  # whoever keeps the dates was wrong
    assert lifecycles.follow_calendar() == 2
    assert states() == new


# --- kernels, and ranges nobody can read ---------------------------------------------------------


def roll_up_sets(*inventories) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE work_inventory (id bigint) ON COMMIT DROP")
        cursor.executemany(
            "INSERT INTO work_inventory VALUES (%s)", [[each.pk] for each in inventories]
        )
        verdicts.roll_up_inventories(cursor)
        cursor.execute("DROP TABLE work_inventory")


def test_findings_of_kernels_are_counted_apart_and_known_exploitation_among_those_that_count():
    advisory, other, third = (an_advisory() for _ in range(3))
    for exploited in (advisory.vulnerability, other.vulnerability):
        exploited.known_exploited_on = date(2025, 1, 1)
        exploited.save()
    package = a_package()
    inventory = an_inventory([package])
    find(inventory, [(package, advisory), (package, third)])
    kernel = find(inventory, [(package, other)])
    Finding.objects.filter(pk__in=[f.pk for f in kernel]).update(counted=False)
    roll_up_sets(inventory)
    verdict = InventoryVerdict.objects.get(inventory=inventory)
    assert (verdict.high, verdict.uncounted, verdict.exploited) == (2, 1, 1)


def test_a_range_nobody_can_read_of_another_module_stream_is_not_about_the_package():
    advisory, package = an_advisory(), a_package()
    key = PackageKey.objects.create(
        package=package, ecosystem="AlmaLinux:8", name="nodejs", key=b"1", flavour="nodejs:18"
    )
    affected = Affected.objects.create(
        advisory=advisory, ecosystem="AlmaLinux:8", name="nodejs", low=b"", high=None,
        unreadable=True,
    )  # fmt: skip
    inventory = an_inventory([package])
    for flavour, of_package, number in (
        ("nodejs:20", "nodejs:18", 0), ("nodejs:18", "nodejs:18", 1), ("*", "nodejs:18", 1),
        ("*", "", 0), ("", "", 1), ("", "nodejs:18", 0),
    ):  # fmt: skip
        Affected.objects.filter(pk=affected.pk).update(flavour=flavour)
        PackageKey.objects.filter(pk=key.pk).update(flavour=of_package)
        roll_up_sets(inventory)
        assert InventoryVerdict.objects.get(inventory=inventory).unreadable_ranges == number


def test_a_package_named_in_a_range_nobody_can_read_is_counted_unless_it_is_a_finding_anyway():
    _, matched, unnamed, kernel = packages = [a_package() for _ in range(4)]
    advisory = an_advisory()
    for package in packages:
        PackageKey.objects.create(
            package=package, ecosystem="Debian:12", name=package.name, key=b"1"
        )
    PackageKey.objects.filter(package=kernel).update(counted=False)
    Affected.objects.bulk_create(
        Affected(
            advisory=advisory, ecosystem="Debian:12", name=package.name, low=b"", high=None,
            unreadable=package != unnamed,
        )
        for package in packages
    )  # fmt: skip
    inventory = an_inventory(packages)
    find(inventory, [(matched, advisory)])
    roll_up_sets(inventory)
    verdict = InventoryVerdict.objects.get(inventory=inventory)
    assert (verdict.unreadable_ranges, verdict.unreadable_versions) == (1, 0)
