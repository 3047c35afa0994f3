"""The ledger, for operators to read: it is append-only, and only metering appends."""

from django.contrib import admin

from billing.models import Charge
from registries.long_tables import LongTable


@admin.register(Charge)
class ChargeAdmin(LongTable):
    list_display = ["scanned_at", "subscription", "digest", "repository", "amount", "currency"]
    list_filter = ["subscription"]
    list_select_related = ["subscription"]
    search_fields = ["digest"]
    search_help_text = "A whole digest"
