"""Scans and what they found, for operators: written by machines, so read here and never edited."""

from django.contrib import admin, messages

from registries.long_tables import LongTable
from registries.tasks import soon
from scans import queue, tasks
from scans.models import Inventory, Layer, Package, Report, Scan


@admin.register(Scan)
class ScanAdmin(LongTable):
    list_display = ["id", "registry", "repository", "short_digest", "trigger", "state", "result",
                    "reason", "attempts", "requested_at", "finished_at"]  # fmt: skip
    list_filter = ["state", "result", "trigger", "reason"]
    search_fields = ["digest", "repository"]
    list_select_related = ["image"]
    actions = ["scan_again"]

    @admin.display(description="digest")
    def short_digest(self, scan: Scan) -> str:
        return scan.digest.partition(":")[2][:12]

    @admin.action(description="Scan these images again now")
    def scan_again(self, request, scans) -> None:
        images = [scan.image_id for scan in scans if scan.image_id]
        queued = queue.request(images)
        soon(tasks.dispatch)
        messages.info(request, f"{queued} scans queued; an active scan of an image stays as it is.")


@admin.register(Report)
class ReportAdmin(LongTable):
    list_display = ["image", "result", "reason", "distro_name", "package_count", "scanned_at"]
    list_filter = ["result", "reason"]
    search_fields = ["image__digest"]
    list_select_related = ["image"]
    ordering = ["-scanned_at"]


@admin.register(Package)
class PackageAdmin(LongTable):
    list_display = ["name", "version", "type", "ecosystem", "source_name", "purl"]
    list_filter = ["type"]
    search_fields = ["name"]


@admin.register(Layer)
class LayerAdmin(LongTable):
    list_display = ["digest", "size", "catalogers_version", "read_at"]
    search_fields = ["digest"]


@admin.register(Inventory)
class InventoryAdmin(LongTable):
    list_display = ["id", "ecosystem", "package_count", "created_at"]
    search_fields = ["ecosystem"]
