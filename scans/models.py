"""What is inside: layers once for all images, deduplicated package sets, and their scans."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from registries.models import DIGEST_LENGTH, Image, Subscription


class Layer(models.Model):
    """One blob, read once for every image that shares it, until the catalogers' version changes.

    `record` is the pure layer record (`scans.layers.LayerRecord`) as JSON: enough to stack the
    layer under or over any other without fetching it again.
    """

    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    diff_id = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    catalogers_version = models.PositiveIntegerField()
    size = models.BigIntegerField(help_text="Compressed bytes.")
    record = models.JSONField()
    read_at = models.DateTimeField(db_default=Now())


class Package(models.Model):
    """A package as its database names it, whatever image it stands in."""

    # BLAKE2b-128 over every field below: one narrow unique key instead of a seven-column one.
    identity = models.BinaryField(max_length=16, unique=True)
    type = models.CharField(max_length=20)
    # The OSV ecosystem with its release: "Debian:12", "Alpine:v3.19", "PyPI", "npm".
    ecosystem = models.CharField(max_length=60)
    name = models.CharField(max_length=300)
    version = models.CharField(max_length=300)
    architecture = models.CharField(max_length=30, blank=True)
    source_name = models.CharField(max_length=300, blank=True)
    source_version = models.CharField(max_length=300, blank=True)
    purl = models.CharField(max_length=1000)
    module = models.CharField(max_length=300, blank=True, help_text="Of an rpm: nodejs:18.")

    class Meta:
        indexes = [models.Index(fields=["name", "ecosystem"])]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Inventory(models.Model):
    """A deduplicated package set: what one package database (the distribution's, or the language
    packages of one ecosystem that one layer brought) holds in a stack. Images share it."""

    identity = models.BinaryField(max_length=16, unique=True)
    ecosystem = models.CharField(max_length=60)
    package_count = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_default=Now())
    packages = models.ManyToManyField(
        Package, through="InventoryPackage", related_name="inventories"
    )

    class Meta:
        verbose_name_plural = "inventories"
        indexes = [models.Index(fields=["ecosystem"])]


class InventoryPackage(models.Model):
    """A package in a set: the file it was read from and the layer that brought it."""

    inventory = models.ForeignKey(Inventory, on_delete=models.CASCADE, related_name="entries")
    package = models.ForeignKey(Package, on_delete=models.CASCADE, related_name="entries")
    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="+", db_index=False)
    path = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["inventory", "package", "path"], name="entry_once")
        ]


class Scan(models.Model):
    """One scan of one image: queued, claimed by a worker under a lease, finished with a result.

    It keeps digest and subscription of its own, so that it outlives a deleted image: charges are
    derived from it.
    """

    class Trigger(models.TextChoices):
        PUSH = "push", "Push"
        DISCOVERY = "discovery", "Plan switched on or registry connected"
        ON_DEMAND = "on-demand", "On demand"
        WEEKLY = "weekly", "Weekly rescan"
        CATALOGERS = "catalogers", "New cataloger"
        SBOM = "sbom", "Imported SBOM"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"

    class Result(models.TextChoices):
        INDEXED = "indexed", "Indexed"
        UNVERIFIED = "unverified", "Unverified"

    image = models.ForeignKey(Image, null=True, on_delete=models.SET_NULL, related_name="scans")
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="scans")
    digest = models.CharField(max_length=DIGEST_LENGTH)
    registry = models.CharField(max_length=100, help_text="Where it was read from, as text.")
    repository = models.CharField(max_length=255)
    trigger = models.CharField(max_length=12, choices=Trigger)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    result = models.CharField(max_length=10, choices=Result, blank=True)
    reason = models.CharField(max_length=30, blank=True)
    detail = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Whether a message was sent for it since it was last queued.
    announced = models.BooleanField(default=False)
    requested_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    bytes_fetched = models.BigIntegerField(default=0)
    layers_fetched = models.PositiveIntegerField(default=0)
    layers_reused = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image"],
                condition=Q(state__in=["queued", "running"]),
                name="one_active_scan_per_image",
            )
        ]
        indexes = [
            models.Index(
                fields=["not_before", "id"], condition=Q(state="queued"), name="scan_queued"
            ),
            models.Index(
                fields=["leased_until"], condition=Q(state="running"), name="scan_running"
            ),
            models.Index(fields=["subscription", "digest"]),
            models.Index(fields=["-finished_at"]),
        ]


class Report(models.Model):
    """What the last finished scan found in an image; it stands until the next one replaces it."""

    image = models.OneToOneField(
        Image, primary_key=True, on_delete=models.CASCADE, related_name="report"
    )
    result = models.CharField(max_length=10, choices=Scan.Result)
    # A code of `scans.support.Reason` and a sentence, where the result is unverified.
    reason = models.CharField(max_length=30, blank=True)
    detail = models.TextField(blank=True)
    distro_id = models.CharField(max_length=60, blank=True)
    distro_version = models.CharField(max_length=60, blank=True)
    distro_name = models.CharField(max_length=200, blank=True)
    package_count = models.PositiveIntegerField(default=0)
    # Language packages left out because a package of the distribution brought their files.
    owned_count = models.PositiveIntegerField(default=0)
    # Files that tell of packages and could not be read: how many, and [{path, reason, sentence}]
    # of the first.
    unread_count = models.PositiveIntegerField(default=0)
    unread_files = models.JSONField(default=list, blank=True)
    # BLAKE2b-128 over the digests of the layers, lowest first: an image whose layers begin with
    # all of another's is built on it.
    chain = models.BinaryField(max_length=16, default=b"")
    catalogers_version = models.PositiveIntegerField()
    scanned_at = models.DateTimeField()
    inventories = models.ManyToManyField(
        Inventory, through="ReportInventory", related_name="reports"
    )

    class Meta:
        indexes = [
            models.Index(fields=["catalogers_version"]),
            models.Index(fields=["scanned_at"]),
            models.Index(fields=["chain"]),
        ]


class ReportInventory(models.Model):
    """A package set that an image holds."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    inventory = models.ForeignKey(Inventory, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["report", "inventory"], name="set_once")]


class ImageLayer(models.Model):
    """One step of an image's history, oldest first; steps that made no layer have no digest."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="layers")
    position = models.PositiveSmallIntegerField()
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    size = models.BigIntegerField(default=0)
    created_by = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["report", "position"], name="layer_position_once")
        ]
