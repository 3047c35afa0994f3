"""Scans and what they found, for operators: written by machines, so read here and never edited."""

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import connection

from scans import queue, tasks
from scans.models import Inventory, Layer, Package, Report, Scan


class EstimatedPaginator(Paginator):
    """Counts a whole table by the planner's estimate: no page counts millions of rows."""

    @property
    def count(self) -> int:
        if self.object_list.query.where:
            return super().count
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                [self.object_list.model._meta.db_table],
            )
            estimate = cursor.fetchone()[0]
        return estimate if estimate > 10_000 else super().count


class MachineWritten(admin.ModelAdmin):
    """A long table that only machines write."""

    paginator = EstimatedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Scan)
class ScanAdmin(MachineWritten):
    list_display = ["id", "registry", "repository", "short_digest", "trigger", "state", "result",
                    "reason", "attempts", "requested_at", "finished_at"]  # fmt: skip
    list_filter = ["state", "result", "trigger", "reason"]
    search_fields = ["digest", "repository"]
    list_select_related = ["image"]
    ordering = ["-id"]
    actions = ["scan_again"]

    @admin.display(description="digest")
    def short_digest(self, scan: Scan) -> str:
        return scan.digest.partition(":")[2][:12]

    @admin.action(description="Scan these images again now")
    def scan_again(self, request, scans) -> None:
        images = [scan.image_id for scan in scans if scan.image_id]
        queued = queue.request(images)
        tasks.dispatch.delay()
        messages.info(request, f"{queued} scans queued; an active scan of an image stays as it is.")


@admin.register(Report)
class ReportAdmin(MachineWritten):
    list_display = ["image", "result", "reason", "distro_name", "package_count", "scanned_at"]
    list_filter = ["result", "reason"]
    search_fields = ["image__digest"]
    list_select_related = ["image"]
    ordering = ["-scanned_at"]


@admin.register(Package)
class PackageAdmin(MachineWritten):
    list_display = ["name", "version", "type", "ecosystem", "source_name", "purl"]
    list_filter = ["type"]
    search_fields = ["name"]
    ordering = ["id"]


@admin.register(Layer)
class LayerAdmin(MachineWritten):
    list_display = ["digest", "size", "catalogers_version", "read_at"]
    search_fields = ["digest"]
    ordering = ["-id"]


@admin.register(Inventory)
class InventoryAdmin(MachineWritten):
    list_display = ["id", "ecosystem", "package_count", "created_at"]
    search_fields = ["ecosystem"]
    ordering = ["-id"]
