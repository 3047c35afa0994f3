"""What exists, and who may see it."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

DIGEST_LENGTH = 135  # "sha512:" and 128 hexadecimal digits; of SHA-256 they have 71


class ManagementGroup(models.Model):
    """A node of the tree that subscriptions hang from; roles on it reach everything below."""

    name = models.SlugField(max_length=90, unique=True)
    display_name = models.CharField(max_length=200)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )

    class Meta:
        ordering = ["display_name"]

    def __str__(self) -> str:
        return self.display_name


class Subscription(models.Model):
    """What is protected, billed and seen as one; its container-registries plan is off at first."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    display_name = models.CharField(max_length=200)
    management_group = models.ForeignKey(
        ManagementGroup,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="subscriptions",
    )
    plan_enabled = models.BooleanField(default=False, editable=False)
    plan_enabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["display_name"]

    def __str__(self) -> str:
        return self.display_name


class PlanSwitch(models.Model):
    """The audit entry of one switch of a subscription's plan; written by `plans`, never changed."""

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="plan_switches"
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    at = models.DateTimeField(db_default=Now())
    enabled_before = models.BooleanField()
    enabled_after = models.BooleanField()

    class Meta:
        ordering = ["-at"]


class Role(models.TextChoices):
    READER = "reader", "Reader"
    SECURITY_READER = "security-reader", "Security Reader"
    SECURITY_ADMIN = "security-admin", "Security Admin"
    CONTRIBUTOR = "contributor", "Contributor"
    OWNER = "owner", "Owner"


class RoleAssignment(models.Model):
    """A role of one user on one management group (and all below it) or on one subscription."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="role_assignments"
    )
    role = models.CharField(max_length=20, choices=Role)
    management_group = models.ForeignKey(
        ManagementGroup, null=True, blank=True, on_delete=models.CASCADE
    )
    subscription = models.ForeignKey(Subscription, null=True, blank=True, on_delete=models.CASCADE)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="role_has_one_scope",
                condition=Q(management_group__isnull=True) ^ Q(subscription__isnull=True),
                violation_error_message="Choose either a management group or a subscription.",
            ),
            models.UniqueConstraint(
                name="role_assigned_once",
                fields=["user", "role", "management_group", "subscription"],
                nulls_distinct=False,
            ),
        ]


class AccessToken(models.Model):
    """A bearer token of a user for the API; only its SHA-256 is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens"
    )
    name = models.CharField(max_length=100)
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)


class Registry(models.Model):
    """A container registry Vigie is connected to."""

    class Kind(models.TextChoices):
        DISTRIBUTION = "distribution", "Distribution protocol"
        LAYOUT = "layout", "Folder of OCI image layouts"
        SBOM = "sbom", "Imported SBOMs"

    subscription = models.ForeignKey(
        Subscription, on_delete=models.CASCADE, related_name="registries"
    )
    resource_group = models.CharField(max_length=90, default="default")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    location = models.CharField(
        max_length=500, help_text="A URL such as https://registry.example, or a folder."
    )
    # Made for a demonstration: judged by sample advisories, which say nothing of other images.
    sample = models.BooleanField(default=False, editable=False)
    username = models.CharField(max_length=300, blank=True)
    sealed_secret = models.BinaryField(null=True, blank=True, editable=False)
    webhook_secret_hash = models.BinaryField(null=True, blank=True, editable=False)
    # Since when this registry tells us who pulls; null where it never has.
    pulls_known_since = models.DateTimeField(null=True, blank=True, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    walked_at = models.DateTimeField(null=True, blank=True, editable=False)
    # One sentence that says why the last connection or walk failed; empty when it did not.
    problem = models.TextField(blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "registries"
        constraints = [
            models.UniqueConstraint(
                "subscription",
                Lower("resource_group"),
                Lower("name"),
                name="registry_named_once",
                violation_error_message="This resource group already has a registry of that name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Repository(models.Model):
    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="repositories")
    name = models.CharField(max_length=255)
    first_seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "repositories"
        constraints = [
            models.UniqueConstraint(fields=["registry", "name"], name="repository_named_once")
        ]

    def __str__(self) -> str:
        return self.name


class Image(models.Model):
    """One manifest digest in one registry: an image of one platform, an index, or an artifact."""

    class Kind(models.TextChoices):
        IMAGE = "image", "Image"
        INDEX = "index", "Index"
        ARTIFACT = "artifact", "Artifact"

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="images")
    digest = models.CharField(max_length=DIGEST_LENGTH)
    kind = models.CharField(max_length=10, choices=Kind)
    media_type = models.CharField(max_length=255)
    os = models.CharField(max_length=50, blank=True)
    architecture = models.CharField(max_length=50, blank=True)
    variant = models.CharField(max_length=50, blank=True)
    size = models.BigIntegerField(default=0, help_text="Sum of the compressed layers, in bytes.")
    first_seen_at = models.DateTimeField(db_default=Now())
    members = models.ManyToManyField(
        "self", through="IndexMember", symmetrical=False, related_name="indexes"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registry", "digest"], name="image_once_per_registry")
        ]
        indexes = [models.Index(fields=["digest"])]

    def __str__(self) -> str:
        return self.digest[:19]

    @property
    def short_digest(self) -> str:
        """The first twelve hexadecimal digits, as the panes show them."""
        return self.digest.partition(":")[2][:12]

    @property
    def platform(self) -> str:
        return "/".join(filter(None, [self.os, self.architecture, self.variant]))


class IndexMember(models.Model):
    """An image of one platform that an index lists."""

    index = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="+")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="index_memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["index", "image"], name="member_once")]


class Placement(models.Model):
    """An image, index or artifact standing in a repository, and who last pushed and pulled it.

    The same digest may stand in several repositories; each is a resource of its own to clients.
    """

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="placements")
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="placements")
    first_seen_at = models.DateTimeField(db_default=Now())
    pushed_at = models.DateTimeField(null=True, blank=True)
    pushed_by = models.CharField(max_length=200, blank=True)
    pulled_at = models.DateTimeField(null=True, blank=True)
    pulled_by = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["repository", "image"], name="placed_once")]
        indexes = [
            models.Index(
                fields=["pulled_at"], condition=Q(pulled_at__isnull=False), name="placement_pulled"
            )
        ]


class Tag(models.Model):
    """A name that points to an image or an index of its repository."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tags")
    name = models.CharField(max_length=128)
    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="tags")
    moved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["repository", "name"], name="tag_named_once")
        ]

    def __str__(self) -> str:
        return self.name


class TagMove(models.Model):
    """One move of a tag: set, moved or removed. Digests are text, so history outlives images."""

    repository = models.ForeignKey(Repository, on_delete=models.CASCADE, related_name="tag_moves")
    name = models.CharField(max_length=128)
    digest_before = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    digest_after = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["repository", "name", "-at"]),
            models.Index(fields=["repository", "digest_before"]),
        ]


class RegistryEvent(models.Model):
    """One event a registry announced: accepted once, applied later, kept visible if that fails."""

    class Action(models.TextChoices):
        PUSH = "push", "Push"
        PULL = "pull", "Pull"
        MOUNT = "mount", "Mount"
        DELETE_MANIFEST = "delete-manifest", "Delete manifest"
        DELETE_TAG = "delete-tag", "Delete tag"
        DELETE_REPOSITORY = "delete-repository", "Delete repository"

    registry = models.ForeignKey(Registry, on_delete=models.CASCADE, related_name="events")
    delivery = models.CharField(max_length=100, help_text="The registry's own id of the event.")
    action = models.CharField(max_length=20, choices=Action)
    repository = models.CharField(max_length=255)
    digest = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    tag = models.CharField(max_length=128, blank=True)
    media_type = models.CharField(max_length=255, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["registry", "delivery"], name="event_stored_once")
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(applied_at__isnull=True), name="event_not_applied"
            ),
            models.Index(fields=["digest"]),
        ]
