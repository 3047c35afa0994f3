"""Scans and what they found, for operators: written by machines, so read here and never edited.

Registries and images, which stand below, get their action "Scan now" here.
"""

from collections.abc import Collection

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from registries.admin import ImageAdmin, RegistryAdmin
from registries.long_tables import KnownValues, LongTable
from registries.models import Image, Registry
from registries.tasks import soon
from scans import queue, tasks
from scans.models import Inventory, Layer, Package, Report, Scan
from scans.support import Reason


class ScanNow:
    """The action "Scan now", for who may add scans, on rows that each lead to an image."""

    to_image = "image_id"

    def has_scan_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scans.add_scan")

    @admin.action(description="Scan now", permissions=["scan"])
    def scan_now(self, request: HttpRequest, queryset: QuerySet) -> None:
        queued = self.request_scans(queryset.order_by().values_list(self.to_image, flat=True))
        soon(tasks.dispatch)
        messages.info(
            request,
            f"{queued} scan(s) queued. Where one is under way already, the plan is off, or there "
            "is no image to read, none is.",
        )

    def request_scans(self, keys: Collection[int]) -> int:
        return queue.request([key for key in keys if key])


class IsScanned(admin.SimpleListFilter):
    title = parameter_name = "scanned"

    def lookups(self, request: HttpRequest, model_admin):
        return [("yes", "Yes"), ("no", "Never")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        never = {"yes": False, "no": True}.get(self.value())
        return queryset if never is None else queryset.filter(report__isnull=never)


class ByReason(KnownValues):
    title = parameter_name = "reason"
    values = {reason: reason.replace("-", " ").capitalize() for reason in Reason}


# --- what stands below ---

admin.site.unregister([Registry, Image])


@admin.register(Registry)
class ScannedRegistryAdmin(ScanNow, RegistryAdmin):
    """All of its images that are in use are scanned."""

    actions = [*RegistryAdmin.actions, "scan_now"]
    to_image = "pk"

    def request_scans(self, keys: Collection[int]) -> int:
        return queue.request_in_use(keys)


@admin.register(Image)
class ScannedImageAdmin(ScanNow, ImageAdmin):
    list_filter = [*ImageAdmin.list_filter, IsScanned]
    actions = ["scan_now"]
    to_image = "pk"


# --- what is inside ---


@admin.register(Scan)
class ScanAdmin(ScanNow, LongTable):
    list_display = ["id", "registry", "repository", "short_digest", "trigger", "state", "result",
                    "reason", "attempts", "requested_at", "finished_at"]  # fmt: skip
    list_filter = ["state", "result", "trigger", ByReason]
    search_fields = ["digest", "image__placements__repository__name"]
    search_help_text = "A whole digest, or the whole name of a repository"
    list_select_related = ["image"]
    actions = ["scan_now"]

    @admin.display(description="digest")
    def short_digest(self, scan: Scan) -> str:
        return scan.digest.partition(":")[2][:12]


@admin.register(Report)
class ReportAdmin(ScanNow, LongTable):
    list_display = ["image", "result", "reason", "distro_name", "package_count", "scanned_at"]
    list_filter = ["result", ByReason]
    search_fields = ["image__digest"]
    search_help_text = "A whole digest"
    list_select_related = ["image"]
    ordering = ["-scanned_at", "-pk"]
    actions = ["scan_now"]


@admin.register(Package)
class PackageAdmin(LongTable):
    list_display = ["name", "version", "type", "ecosystem", "source_name", "purl"]
    search_fields = ["name"]
    search_help_text = "A whole name"


@admin.register(Layer)
class LayerAdmin(LongTable):
    """Without the record, which may weigh megabytes."""

    list_display = ["digest", "size", "catalogers_version", "read_at"]
    search_fields = ["digest"]
    search_help_text = "A whole digest"
    exclude = ["record"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        return super().get_queryset(request).defer("record")


@admin.register(Inventory)
class InventoryAdmin(LongTable):
    list_display = ["id", "ecosystem", "package_count", "created_at"]
    search_fields = ["ecosystem"]
    search_help_text = "A whole ecosystem, such as Debian:12 or npm"
