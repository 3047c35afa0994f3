"""What is wrong, and what to do: advisories, matches that know nothing of images, findings per
package set, verdicts per image."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from registries.models import Image, Subscription
from scans.models import Inventory, Package


class Severity(models.IntegerChoices):
    """Critical is kept inside; outside it is High (see `findings.severity`)."""

    UNKNOWN = 0, "Unknown"
    LOW = 1, "Low"
    MEDIUM = 2, "Medium"
    HIGH = 3, "High"
    CRITICAL = 4, "Critical"


class Feed(models.Model):
    """A source of advisories and how fresh it is; when an import fails, the last good one stays."""

    class Kind(models.TextChoices):
        OSV = "osv", "Advisories (OSV)"
        KEV = "kev", "Known exploited vulnerabilities (CISA KEV)"
        EPSS = "epss", "Exploit prediction scores (EPSS)"
        EOL = "eol", "End of life of distributions"

    kind = models.CharField(max_length=4, choices=Kind, default=Kind.OSV)
    name = models.CharField(max_length=100, unique=True)
    location = models.CharField(
        max_length=500, help_text="A URL, a file, or, of advisories, a folder of OSV records."
    )
    enabled = models.BooleanField(default=True)
    # A handful of records for a demonstration: it finds, but nothing is healthy by it alone,
    # except in registries that are samples themselves.
    sample = models.BooleanField(default=False, editable=False)
    attempted_at = models.DateTimeField(null=True, blank=True, editable=False)
    succeeded_at = models.DateTimeField(null=True, blank=True, editable=False)
    newest_record_at = models.DateTimeField(null=True, blank=True, editable=False)
    record_count = models.PositiveIntegerField(default=0, editable=False)
    unreadable_ranges = models.PositiveIntegerField(default=0, editable=False)
    etag = models.CharField(max_length=300, blank=True, editable=False)
    # The reader (`findings.feeds.osv.READER`) of its records: by another they may say more.
    read_by = models.PositiveIntegerField(default=0, editable=False)
    problem = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            # Of what is known of a CVE or a release, one source has the word.
            models.UniqueConstraint(
                fields=["kind"],
                condition=~Q(kind="osv"),
                name="one_feed_of_a_kind",
                violation_error_message="There is a feed of this kind; change its location.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class FeedEcosystem(models.Model):
    """An ecosystem a feed speaks of: what no feed speaks of is read, but not judged."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="ecosystems")
    ecosystem = models.CharField(max_length=60)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["feed", "ecosystem"], name="feed_ecosystem_once")
        ]
        indexes = [models.Index(fields=["ecosystem"])]


class Vulnerability(models.Model):
    """Ids that mean the same (CVE, GHSA, distribution ids): one finding, many names."""

    name = models.CharField(max_length=100, unique=True, help_text="The CVE id where there is one.")
    # The worst of its CVEs, from `Exploitation`, to filter and to sort by.
    known_exploited_on = models.DateField(null=True, blank=True)
    ransomware = models.BooleanField(db_default=False)
    epss = models.FloatField(null=True, blank=True, help_text="Probability, 0 to 1.")
    epss_percentile = models.FloatField(null=True, blank=True, help_text="0 to 1.")

    class Meta:
        verbose_name_plural = "vulnerabilities"
        indexes = [
            models.Index(
                fields=["known_exploited_on"],
                condition=Q(known_exploited_on__isnull=False),
                name="vulnerability_exploited",
            )
        ]

    def __str__(self) -> str:
        return self.name


class VulnerabilityAlias(models.Model):
    """One id of a vulnerability, its name included."""

    vulnerability = models.ForeignKey(
        Vulnerability, on_delete=models.CASCADE, related_name="aliases"
    )
    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name


class Exploitation(models.Model):
    """What is known of a CVE's exploitation: that it happens (KEV), or how likely it is (EPSS)."""

    cve = models.CharField(max_length=30, unique=True)
    known_exploited_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True, help_text="By when CISA wants it mended.")
    ransomware = models.BooleanField(db_default=False)
    required_action = models.TextField(blank=True, db_default="")
    epss = models.FloatField(null=True, blank=True)
    epss_percentile = models.FloatField(null=True, blank=True)
    epss_on = models.DateField(null=True, blank=True, help_text="The day of the score.")

    def __str__(self) -> str:
        return self.cve


class DistributionRelease(models.Model):
    """A release of a distribution, and until when it gets security fixes."""

    distro_id = models.CharField(max_length=60, help_text="ID of os-release.")
    version = models.CharField(
        max_length=60, help_text="VERSION_ID of os-release, or its beginning up to a dot."
    )
    ends_on = models.DateField(null=True, blank=True, help_text="The last day, if known.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["distro_id", "version"], name="release_once")
        ]

    def __str__(self) -> str:
        return f"{self.distro_id} {self.version}"


class FixState(models.TextChoices):
    """Whether there is a version that mends it. `UNKNOWN` only where a source says nothing."""

    FIXED = "fixed", "Fixed"
    NOT_YET = "not-yet", "No fix yet"
    WONT_FIX = "wont-fix", "Will not be fixed"
    UNKNOWN = "", "Not known"


class Advisory(models.Model):
    """One OSV record of one feed."""

    feed = models.ForeignKey(Feed, on_delete=models.CASCADE, related_name="advisories")
    vulnerability = models.ForeignKey(
        Vulnerability, on_delete=models.PROTECT, related_name="advisories"
    )
    name = models.CharField(max_length=100, help_text="The record's own id.")
    modified_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)
    first_imported_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    summary = models.TextField(blank=True)
    details = models.TextField(blank=True)
    severity = models.SmallIntegerField(choices=Severity, default=Severity.UNKNOWN)
    # Where the severity came from: "distribution", "cvss", or "" when nothing says.
    severity_source = models.CharField(max_length=20, blank=True)
    cvss_v2 = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    cvss_v3 = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    cvss_v4 = models.DecimalField(max_digits=3, decimal_places=1, null=True, blank=True)
    cvss_vectors = models.JSONField(default=list, blank=True)
    references = models.JSONField(default=list, blank=True, help_text="[{type, url}]")
    # Intervals of versions no ordering could read: counted by feed, never "not affected".
    unreadable_ranges = models.PositiveIntegerField(default=0)
    # The ids it says are one vulnerability, its own the first; empty where it was read before this
    # was kept: then it holds together what it was found with.
    claims = ArrayField(models.TextField(), db_default=[], editable=False)
    # SHA-256 of the record as read: unchanged records cost nothing at the next import. Empty once
    # the feed no longer holds the record.
    content_hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name_plural = "advisories"
        constraints = [models.UniqueConstraint(fields=["feed", "name"], name="advisory_once")]

    def __str__(self) -> str:
        return self.name


class Affected(models.Model):
    """One interval of versions an advisory affects: low <= key < high, in the byte order of
    `findings.versions` keys; no high means no end is known."""

    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE, related_name="affected")
    ecosystem = models.CharField(max_length=60)
    name = models.CharField(max_length=300)
    low = models.BinaryField()
    high = models.BinaryField(null=True)
    introduced = models.CharField(max_length=300, blank=True)
    fixed = models.CharField(max_length=300, blank=True)
    last_affected = models.CharField(max_length=300, blank=True)
    # The module stream ("nodejs:18") or flavour of release that it is about; "" is the ordinary.
    flavour = models.CharField(max_length=300, blank=True, db_default="")
    # No ordering reads the range: it matches nothing, and whoever has the package is not cleared.
    unreadable = models.BooleanField(db_default=False)
    fix_state = models.CharField(max_length=8, choices=FixState, blank=True, db_default="")
    severity = models.SmallIntegerField(
        choices=Severity, null=True, help_text="Where the source gives one for this package."
    )

    class Meta:
        verbose_name_plural = "affected"
        indexes = [
            models.Index(fields=["name", "ecosystem"]),
            models.Index(
                fields=["name", "ecosystem"],
                condition=Q(unreadable=True),
                name="affected_unreadable",
            ),
        ]


class PackageKey(models.Model):
    """The name and the sortable version under which a package is matched.

    A version no key can be made of has none: it is unknown, and counted, never "not affected".
    """

    package = models.OneToOneField(
        Package, primary_key=True, on_delete=models.CASCADE, related_name="match_key"
    )
    ecosystem = models.CharField(max_length=60)
    name = models.CharField(max_length=300)
    key = models.BinaryField(null=True)
    flavour = models.CharField(max_length=300, blank=True, db_default="")
    # Of a kernel, which a container does not run: found, but not counted.
    counted = models.BooleanField(db_default=True)
    # The rules, orderings and settings (`findings.evaluation.made_by`) that made the key.
    made_by = models.PositiveIntegerField(db_default=0)

    class Meta:
        indexes = [models.Index(fields=["name", "ecosystem"]), models.Index(fields=["made_by"])]


# SQL on an interval `f` of `Affected` and a package's key `k`: whether the one speaks for certain
# of the other, and whether the version lies in it.
ABOUT = """f.name = k.name AND f.ecosystem = k.ecosystem AND f.flavour = k.flavour
    AND NOT f.unreadable"""
WITHIN = "k.key >= f.low AND (f.high IS NULL OR k.key < f.high)"


class StalePackage(models.Model):
    """A package whose matches an import may have changed: evaluation's queue."""

    package = models.OneToOneField(
        Package, primary_key=True, on_delete=models.CASCADE, related_name="+"
    )


class PackageMatch(models.Model):
    """A package has a vulnerability, whatever image it stands in; carries the proof."""

    package = models.ForeignKey(
        Package, on_delete=models.CASCADE, related_name="matches", db_index=False
    )
    vulnerability = models.ForeignKey(
        Vulnerability, on_delete=models.CASCADE, related_name="matches"
    )
    advisory = models.ForeignKey(Advisory, on_delete=models.CASCADE, related_name="matches")
    severity = models.SmallIntegerField(choices=Severity)
    cvss = models.DecimalField(max_digits=3, decimal_places=1, null=True)
    introduced = models.CharField(max_length=300, blank=True)
    fixed_version = models.CharField(max_length=300, blank=True)
    last_affected = models.CharField(max_length=300, blank=True)
    fix_state = models.CharField(max_length=8, choices=FixState, blank=True, db_default="")

    class Meta:
        verbose_name_plural = "package matches"
        constraints = [
            models.UniqueConstraint(fields=["package", "vulnerability"], name="match_once")
        ]


class FindingQuerySet(models.QuerySet["Finding"]):
    """Which findings are meant; SQL says it with `OPEN` and `OPEN_KERNEL`."""

    def open(self) -> Self:
        """Those that count."""
        return self.filter(closed_at=None, counted=True)

    def open_kernel(self) -> Self:
        """Of kernel packages: there, but a container runs its host's kernel."""
        return self.filter(closed_at=None, counted=False)

    def closed(self) -> Self:
        return self.filter(closed_at__isnull=False)


OPEN = "finding.closed_at IS NULL AND finding.counted"
OPEN_KERNEL = "finding.closed_at IS NULL AND NOT finding.counted"


class Finding(models.Model):
    """A vulnerability of a package in a package set, from when to when and why: every image that
    holds the set has it."""

    class Cause(models.TextChoices):
        NEW_INVENTORY = "new-inventory", "New image"
        ADVISORY_PUBLISHED = "advisory-published", "New advisory"
        ADVISORY_CHANGED = "advisory-changed", "Advisory changed"
        ADVISORY_WITHDRAWN = "advisory-withdrawn", "Advisory withdrawn"

    # Millions are written at once, so none is indexed twice: the open ones stand in the unique
    # index, and packages are never deleted.
    inventory = models.ForeignKey(
        Inventory, on_delete=models.CASCADE, related_name="findings", db_index=False
    )
    package = models.ForeignKey(
        Package, on_delete=models.CASCADE, related_name="findings", db_index=False
    )
    vulnerability = models.ForeignKey(
        Vulnerability, on_delete=models.CASCADE, related_name="findings"
    )
    severity = models.SmallIntegerField(choices=Severity)
    fixed_version = models.CharField(max_length=300, blank=True)
    fix_state = models.CharField(max_length=8, choices=FixState, blank=True, db_default="")
    # Whether it costs anything: findings of kernel packages stand in a list of their own.
    counted = models.BooleanField(db_default=True)
    opened_at = models.DateTimeField(db_default=Now())
    opened_cause = models.CharField(max_length=20, choices=Cause)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_cause = models.CharField(max_length=20, choices=Cause, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["inventory", "package", "vulnerability"],
                condition=Q(closed_at__isnull=True),
                name="finding_open_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["inventory"],
                condition=Q(closed_at__isnull=False),
                name="finding_closed",
            ),
        ]


class SeverityCounts(models.Model):
    """Open findings by severity: narrow, unindexed, updated in place."""

    critical = models.PositiveIntegerField(default=0)
    high = models.PositiveIntegerField(default=0)
    medium = models.PositiveIntegerField(default=0)
    low = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True


class Judge(models.IntegerChoices):
    """Which feeds speak of an ecosystem."""

    NOBODY = 0, "No feed"
    SAMPLES = 1, "Samples only"
    FEEDS = 2, "Feeds"


class InventoryVerdict(SeverityCounts):
    """The roll-up of one package set; a set without one is due for evaluation."""

    inventory = models.OneToOneField(
        Inventory, primary_key=True, on_delete=models.CASCADE, related_name="verdict"
    )
    # Packages that some advisory names, of a version no ordering could read.
    unreadable_versions = models.PositiveIntegerField(default=0)
    # Packages of known version that some advisory names in a range no ordering could read.
    unreadable_ranges = models.PositiveIntegerField(db_default=0)
    uncounted = models.PositiveIntegerField(db_default=0, help_text="Findings of kernel packages.")
    exploited = models.PositiveIntegerField(db_default=0, help_text="Findings known exploited.")
    judged_by = models.SmallIntegerField(choices=Judge)
    evaluated_at = models.DateTimeField()


class ImageVerdict(SeverityCounts):
    """What an analyst reads first: healthy, unhealthy or unverified with the reason."""

    class State(models.TextChoices):
        HEALTHY = "healthy", "Healthy"
        UNHEALTHY = "unhealthy", "Unhealthy"
        UNVERIFIED = "unverified", "Unverified"

    image = models.OneToOneField(
        Image, primary_key=True, on_delete=models.CASCADE, related_name="verdict"
    )
    state = models.CharField(max_length=10, choices=State)
    # A code of `scans.support.Reason`, or the first of those in `findings.verdicts`; the detail has
    # a line for each that holds, in their order.
    reason = models.CharField(max_length=30, blank=True)
    detail = models.TextField(blank=True)
    unreadable_versions = models.PositiveIntegerField(default=0)
    unreadable_ranges = models.PositiveIntegerField(db_default=0)
    unread_files = models.PositiveIntegerField(db_default=0)
    uncounted = models.PositiveIntegerField(db_default=0, help_text="Findings of kernel packages.")
    exploited = models.PositiveIntegerField(db_default=0, help_text="Findings known exploited.")
    # The last day on which its distribution got security fixes, once that is past.
    end_of_life = models.DateField(null=True, blank=True)
    since = models.DateTimeField(help_text="When the state last changed.")
    # The report it was made from: another one makes the verdict due again.
    scanned_at = models.DateTimeField()
    evaluated_at = models.DateTimeField()


class DailyCount(SeverityCounts):
    """A day of a subscription, for the trend: open findings by severity, images by state."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="daily_counts"
    )
    day = models.DateField()
    healthy_images = models.PositiveIntegerField(default=0)
    unhealthy_images = models.PositiveIntegerField(default=0)
    unverified_images = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(fields=["subscription", "day"], name="one_count_a_day")
        ]
