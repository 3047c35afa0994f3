"""Filters take what a browser sends, and nothing else."""

import pytest

from findings.filters import FindingFilter
from findings.models import Finding
from tests.factories import a_finding


@pytest.mark.django_db
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"severity": "no such severity"},
        {"fix": "perhaps"},
        {"q": "\0"},
        {"q": "x" * 500},
    ],
)
def test_what_is_no_choice_filters_nothing(given):
    finding = a_finding()
    assert list(FindingFilter(given, Finding.objects.all()).qs) == [finding]
