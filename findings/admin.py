"""Feeds for operators to manage; advisories, findings and verdicts to read, however many."""

from django.contrib import admin, messages

from findings import tasks
from findings.models import Advisory, Feed, Finding, ImageVerdict
from findings.reasons import DOUBTS, REASONS
from registries.long_tables import KnownValues, LongTable
from registries.tasks import soon
from scans.admin import ScanNow
from scans.support import Reason

_SEVERITIES = ["critical", "high", "medium", "low", "unknown"]


@admin.register(Feed)
class FeedAdmin(admin.ModelAdmin):
    list_display = ["name", "enabled", "succeeded_at", "newest_record_at", "record_count",
                    "unreadable_ranges", "problem"]  # fmt: skip
    list_filter = ["enabled"]
    search_fields = ["name", "location"]
    readonly_fields = ["attempted_at", "succeeded_at", "newest_record_at", "record_count",
                       "unreadable_ranges", "problem"]  # fmt: skip
    actions = ["update_now"]

    @admin.action(description="Update now", permissions=["change"])
    def update_now(self, request, feeds) -> None:
        for feed in feeds:
            soon(tasks.update_feed, feed.pk)
        messages.info(
            request, f"{len(feeds)} feeds are being asked; their dates tell when it is done."
        )

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        soon(tasks.update_feed, obj.pk)

    def has_delete_permission(self, request, obj=None) -> bool:
        # Its advisories would go without a trace in the findings they proved. Disable it instead.
        return False


@admin.register(Advisory)
class AdvisoryAdmin(LongTable):
    list_display = ["name", "vulnerability", "feed", "severity", "published_at", "modified_at",
                    "withdrawn_at"]  # fmt: skip
    list_filter = ["severity", ("withdrawn_at", admin.EmptyFieldListFilter)]
    list_select_related = ["vulnerability", "feed"]
    search_fields = ["vulnerability__aliases__name"]
    search_help_text = "A whole id, such as CVE-2026-12345 or GHSA-…"


@admin.register(Finding)
class FindingAdmin(LongTable):
    list_display = ["vulnerability", "package", "severity", "fixed_version", "opened_at",
                    "opened_cause", "closed_at", "closed_cause"]  # fmt: skip
    list_filter = ["severity", "opened_cause", ("closed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["vulnerability", "package"]
    search_fields = ["vulnerability__aliases__name"]
    search_help_text = "A whole id, such as CVE-2026-12345 or GHSA-…"


class ByReason(KnownValues):
    title = parameter_name = "reason"
    values = {code: REASONS[code].title for code in (*Reason, *DOUBTS)}


@admin.register(ImageVerdict)
class ImageVerdictAdmin(ScanNow, LongTable):
    list_display = ["image", "registry", "state", "reason", *_SEVERITIES, "since", "evaluated_at"]
    list_filter = ["state", ByReason]
    list_select_related = ["image__registry"]
    search_fields = ["image__digest"]
    search_help_text = "A whole digest: sha256:…"
    actions = ["scan_now"]

    @admin.display(description="registry")
    def registry(self, verdict: ImageVerdict) -> str:
        return verdict.image.registry.name
