"""What the clock and the nudges ask of billing."""

from celery import shared_task

from billing import metering


@shared_task
def meter() -> int:
    """Charge what was scanned for the first time."""
    return metering.derive()
