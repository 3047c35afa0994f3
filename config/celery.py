"""The Celery app, the whole clock, and which task is worth a nudge after which.

The tables are the queues: every task asks what is due and is safe to run twice. A message is only
the nudge that makes it fast, so a lost one costs a tick of this clock and never a scan.
"""

import os
import warnings

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import task_success

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

warnings.simplefilter("ignore", SecurityWarning)  # who runs all of it as root means to

app = Celery("vigie")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# task → every so many seconds
CLOCK = {
    "registries.tasks.apply_events": 10,
    "registries.tasks.walk_due": 30,
    "scans.tasks.dispatch": 10,
    "findings.tasks.evaluate": 10,
    "findings.tasks.update_feeds": 30,
    "findings.tasks.follow_calendar": 3600,
    "findings.tasks.count_day": 600,
    "billing.tasks.meter": 60,
}

# When the left task has done something, the right one is worth asking: data flows up by pulling.
NUDGES = {
    "registries.tasks.apply_events": "scans.tasks.dispatch",
    "registries.tasks.walk": "scans.tasks.dispatch",
    "scans.tasks.scan_next": "findings.tasks.evaluate",
    "findings.tasks.update_feed": "findings.tasks.evaluate",
    "findings.tasks.evaluate": "billing.tasks.meter",
}

app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in CLOCK.items()
}


@task_success.connect
def nudge(sender, result=None, **_):
    """Tasks return how much they did; nothing done needs no nudge."""
    if result and (follower := NUDGES.get(sender.name)):
        app.send_task(follower)
