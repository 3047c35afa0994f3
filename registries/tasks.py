"""What the clock and the doors ask of registries. Each is safe to run twice, and at once."""

import logging

from celery import Task, shared_task
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerUnreachable

from registries import events, inventory
from registries.inventory.walk import due
from registries.models import Registry

EVENTS_AT_ONCE = 500
# A catalogue of a million tags is walked in less; what was found by then stays.
WALK_SECONDS = 3600

log = logging.getLogger(__name__)


def soon(task: Task, *arguments: int) -> None:
    """Call a worker once this transaction is through; where the broker is down, the clock comes
    round to the work all the same."""

    def call() -> None:
        try:
            task.apply_async(arguments, retry=False)
        except BrokerUnreachable as error:
            log.warning("%s waits for the clock, since the broker is down: %s", task.name, error)

    transaction.on_commit(call)


@shared_task
def apply_events() -> int:
    applied = events.apply_due(EVENTS_AT_ONCE)
    if applied == EVENTS_AT_ONCE:
        apply_events.delay()
    return applied


@shared_task
def walk_due() -> int:
    """Ask for a walk of every registry whose turn it is."""
    events.forget_old()
    registries = list(due().values_list("pk", flat=True))
    for registry in registries:
        walk.delay(registry, only_if_due=True)
    return len(registries)


@shared_task(soft_time_limit=WALK_SECONDS, time_limit=WALK_SECONDS + 300)
def walk(registry_id: int, only_if_due: bool = False) -> int:
    """Walk one registry now; returns how much was found changed."""
    registries = due() if only_if_due else Registry.objects.all()
    registry = registries.filter(pk=registry_id).first()
    return inventory.sync(registry) if registry else 0
