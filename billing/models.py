"""What it costs: an append-only ledger, one charge per subscription and digest."""

from django.db import models
from django.db.models.functions import Now

from registries.models import DIGEST_LENGTH, Subscription


class Charge(models.Model):
    """One image digest charged once to one subscription, for ever. Rows are never changed or
    deleted; the database itself refuses (see the migration)."""

    subscription = models.ForeignKey(Subscription, on_delete=models.PROTECT, related_name="charges")
    digest = models.CharField(max_length=DIGEST_LENGTH)
    # Where the image stood when it was first scanned: text, so the ledger outlives the image.
    registry = models.CharField(max_length=100)
    repository = models.CharField(max_length=255)
    scan = models.BigIntegerField(help_text="The number of the scan it derives from.")
    scanned_at = models.DateTimeField()
    charged_at = models.DateTimeField(db_default=Now())
    amount = models.DecimalField(max_digits=12, decimal_places=4)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "digest"], name="charged_once")
        ]
        indexes = [models.Index(fields=["subscription", "scanned_at", "id"])]
