"""Which feeds are asked, and when."""

from datetime import timedelta

import pytest
from django.utils import timezone

from findings import updates
from findings.feeds import osv
from findings.models import Feed

pytestmark = pytest.mark.django_db

NOW = timezone.now()
RECENTLY, LONG_AGO, BEFORE = (NOW - timedelta(minutes=m) for m in (5, 90, 60))


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({}, True),
        ({"attempted_at": LONG_AGO, "succeeded_at": LONG_AGO}, True),
        ({"attempted_at": LONG_AGO, "enabled": False}, False),
        ({"attempted_at": RECENTLY, "succeeded_at": RECENTLY}, False),
        ({"attempted_at": RECENTLY, "succeeded_at": RECENTLY, "read_by": 0}, True),
        ({"attempted_at": RECENTLY, "succeeded_at": LONG_AGO, "read_by": 0}, False),
        ({"attempted_at": RECENTLY, "succeeded_at": RECENTLY, "read_by": 0, "kind": "kev"}, False),
    ],
)
def test_a_feed_is_due_after_its_interval_or_when_another_reader_read_it(fields, due):
    Feed.objects.create(name="x", location="/nowhere", **{"read_by": osv.READER} | fields)
    assert updates.due(BEFORE).exists() == due
