"""What the lists inside an image can be filtered by. A value that is no choice filters nothing."""

from decimal import Decimal

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.forms import NumberInput, TextInput
from django_filters import CharFilter, ChoiceFilter, FilterSet, NumberFilter

from findings.models import Finding, FixState, Severity, VulnerabilityAlias
from scans.models import InventoryPackage

LONGEST_SEARCH = 200
FIXED = {
    "yes": ~Q(fixed_version=""),
    "no": Q(fixed_version="") & ~Q(fix_state=FixState.WONT_FIX),
    "never": Q(fixed_version="", fix_state=FixState.WONT_FIX),
}

EXPLOITED = {
    "known": Q(vulnerability__known_exploited_on__isnull=False),
    "ransomware": Q(vulnerability__ransomware=True),
}


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
        choices=[
            ("yes", "With a fixed version"),
            ("no", "No fix yet"),
            ("never", "Will not be fixed"),
        ],
        empty_label="All",
        method="with_fix",
    )
    exploited = ChoiceFilter(
        label="Exploited",
        choices=[("known", "Known exploited"), ("ransomware", "By ransomware")],
        empty_label="All",
        method="known_exploited",
    )
    epss = NumberFilter(
        label="EPSS from, %",
        method="as_likely",
        min_value=0,
        max_value=100,
        widget=NumberInput({"min": 0, "max": 100, "step": "any", "placeholder": "0"}),
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

    def known_exploited(self, found: QuerySet, _, how: str) -> QuerySet:
        return found.filter(EXPLOITED[how])

    def as_likely(self, found: QuerySet, _, percent: Decimal) -> QuerySet:
        return found.filter(vulnerability__epss__gte=float(percent) / 100)


class PackageFilter(FilterSet):
    q = _search("Package or file")

    class Meta:
        model = InventoryPackage
        fields = []

    def called(self, entries: QuerySet, _, q: str) -> QuerySet:
        return entries.filter(Q(package__name__icontains=q) | Q(path__icontains=q))
