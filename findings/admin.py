"""Feeds for operators to manage; advisories, findings and verdicts to read, however many."""

from django.contrib import admin, messages

from findings import advisories, tasks, withdrawal
from findings.models import (
    Advisory,
    DistributionRelease,
    Exploitation,
    Feed,
    Finding,
    ImageVerdict,
)
from findings.reasons import DOUBTS, REASONS, held_for
from registries.long_tables import KnownValues, LongTable
from registries.tasks import soon
from scans.admin import ScanNow
from scans.support import Reason

_SEVERITIES = ["critical", "high", "medium", "low", "unknown"]


@admin.register(Feed)
class FeedAdmin(admin.ModelAdmin):
    list_display = ["name", "kind", "enabled", "succeeded_at", "newest_record_at", "record_count",
                    "unreadable_ranges", "problem"]  # fmt: skip
    list_filter = ["kind", "enabled"]
    search_fields = ["name", "location"]
    readonly_fields = ["attempted_at", "succeeded_at", "newest_record_at", "record_count",
                       "unreadable_ranges", "problem"]  # fmt: skip
    actions = ["update_now", "believe_next", "withdraw"]

    @admin.action(description="Believe the next import, however small", permissions=["change"])
    def believe_next(self, request, feeds) -> None:
        feeds.update(record_count=0)
        self.update_now(request, feeds)

    @admin.action(description="Update now", permissions=["change"])
    def update_now(self, request, feeds) -> None:
        for feed in feeds:
            soon(tasks.update_feed, feed.pk)
        messages.info(
            request, f"{len(feeds)} feeds are being asked; their dates tell when it is done."
        )

    @admin.action(description="Disable, and withdraw all that they say", permissions=["change"])
    def withdraw(self, request, feeds) -> None:
        for feed in feeds:
            try:
                number = withdrawal.withdraw(feed)
            except advisories.Refused as refused:
                messages.error(request, str(refused))
            else:
                messages.info(request, f"{feed.name}: {number} advisories are withdrawn.")
        soon(tasks.evaluate)

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        soon(tasks.update_feed, obj.pk)

    def get_readonly_fields(self, request, obj=None):
        # What it told of would stay without it.
        return [*self.readonly_fields, "kind"] if obj else self.readonly_fields

    def has_delete_permission(self, request, obj=None) -> bool:
        # Its advisories would go without a trace in the findings they proved: withdraw it first.
        allowed = super().has_delete_permission(request, obj)
        return allowed and obj is not None and withdrawal.removable(obj)

    def get_deleted_objects(self, objs, request):
        # Its advisories go with it, far too many to be listed.
        return [str(feed) for feed in objs], {"feeds": len(objs)}, set(), []

    def delete_model(self, request, obj) -> None:
        withdrawal.remove(obj)


@admin.register(Exploitation)
class ExploitationAdmin(LongTable):
    list_display = ["cve", "known_exploited_on", "due_on", "ransomware", "epss", "epss_percentile",
                    "epss_on"]  # fmt: skip
    list_filter = [("known_exploited_on", admin.EmptyFieldListFilter), "ransomware"]
    search_fields = ["cve"]
    search_help_text = "A whole id, such as CVE-2026-12345"


@admin.register(DistributionRelease)
class DistributionReleaseAdmin(LongTable):
    list_display = ["distro_id", "version", "ends_on"]
    list_filter = [("ends_on", admin.EmptyFieldListFilter)]
    search_fields = ["distro_id"]
    search_help_text = "A whole ID of os-release, such as debian"


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
    list_filter = ["severity", "counted", "opened_cause",
                   ("closed_at", admin.EmptyFieldListFilter)]  # fmt: skip
    list_select_related = ["vulnerability", "package"]
    search_fields = ["vulnerability__aliases__name"]
    search_help_text = "A whole id, such as CVE-2026-12345 or GHSA-…"


class ByReason(KnownValues):
    title = parameter_name = "reason"
    values = {code: REASONS[code].title for code in (*Reason, *DOUBTS)}

    def queryset(self, request, queryset):
        code = self.value()
        return queryset.filter(held_for(code, verdict="")) if code else queryset


@admin.register(ImageVerdict)
class ImageVerdictAdmin(ScanNow, LongTable):
    list_display = ["image", "registry", "state", "reason", "end_of_life", "exploited",
                    *_SEVERITIES, "since", "evaluated_at"]  # fmt: skip
    list_filter = ["state", ByReason, ("end_of_life", admin.EmptyFieldListFilter)]
    list_select_related = ["image__registry"]
    search_fields = ["image__digest"]
    search_help_text = "A whole digest: sha256:…"
    actions = ["scan_now"]

    @admin.display(description="registry")
    def registry(self, verdict: ImageVerdict) -> str:
        return verdict.image.registry.name
