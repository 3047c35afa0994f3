"""What the lists inside an image can be filtered by. A value that is no choice filters nothing."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import TextInput
from django_filters import CharFilter, ChoiceFilter, FilterSet

from findings.models import Finding, Severity, VulnerabilityAlias
from scans.models import InventoryPackage

LONGEST_SEARCH = 200
FIXED = {"yes": ~Q(fixed_version=""), "no": Q(fixed_version="")}


def _search(placeholder: str) -> CharFilter:
    widget = TextInput({"type": "search", "placeholder": placeholder})
    return CharFilter(label="Search", method="called", max_length=LONGEST_SEARCH, widget=widget)


class FindingFilter(FilterSet):
    q = _search("CVE, other id or package")
    severity = ChoiceFilter(
        label="Severity",
        choices=[(severity.name.lower(), severity.label) for severity in reversed(Severity)],
        empty_label="All",
        method="of_severity",
    )
    fix = ChoiceFilter(
        label="Fix",
        choices=[("yes", "With a fixed version"), ("no", "No fix yet")],
        empty_label="All",
        method="with_fix",
    )

    class Meta:
        model = Finding
        fields = []

    def called(self, found: QuerySet, _, q: str) -> QuerySet:
        alias = VulnerabilityAlias.objects.filter(
            vulnerability=OuterRef("vulnerability"), name__icontains=q
        )
        return found.filter(Q(package__name__icontains=q) | Exists(alias))

    def of_severity(self, found: QuerySet, _, severity: str) -> QuerySet:
        return found.filter(severity=Severity[severity.upper()])

    def with_fix(self, found: QuerySet, _, fix: str) -> QuerySet:
        return found.filter(FIXED[fix])


class PackageFilter(FilterSet):
    q = _search("Package or file")

    class Meta:
        model = InventoryPackage
        fields = []

    def called(self, entries: QuerySet, _, q: str) -> QuerySet:
        return entries.filter(Q(package__name__icontains=q) | Q(path__icontains=q))
