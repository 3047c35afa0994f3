from django.contrib import admin

from billing.models import Charge


@admin.register(Charge)
class ChargeAdmin(admin.ModelAdmin):
    """The ledger, for reading: it is append-only, and only metering appends."""

    list_display = ["scanned_at", "subscription", "digest", "repository", "amount", "currency"]
    list_filter = ["subscription"]
    list_select_related = ["subscription"]
    search_fields = ["=digest"]
    ordering = ["-id"]
    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False
