"""Events of registries: accepted once, applied later, kept visible where they cannot be.

States of a row: new (no problem), waiting (`problem` and `retry_at`), failed (`problem` alone:
nothing tries it again until somebody asks), applied (`applied_at`).
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from registries import inventory
from registries.inventory import store
from registries.models import Registry, RegistryEvent
from registries.oci.errors import RegistryError, ServerFailed, Throttled, Unreachable
from registries.providers import PROVIDERS, Event

log = logging.getLogger(__name__)

Action = RegistryEvent.Action
APPLY = {
    Action.PUSH: inventory.record_push,
    Action.PULL: inventory.record_pull,
    Action.MOUNT: inventory.record_mount,
    Action.DELETE_MANIFEST: inventory.record_delete,
    Action.DELETE_TAG: inventory.record_delete,
    Action.DELETE_REPOSITORY: inventory.record_delete,
}
FIRST_RETRY = timedelta(seconds=10)
LAST_RETRY = timedelta(hours=1)
KEPT_FOR = timedelta(days=30)  # so long is a re-delivery recognised
AT_ONCE = 10_000

_ACCEPTED = (
    "delivery", "action", "repository", "digest", "tag",
    "media_type", "actor", "user_agent", "occurred_at",
)  # fmt: skip
_INSERT = f"""
    INSERT INTO registries_registryevent (registry_id, attempts, problem, {", ".join(_ACCEPTED)})
    SELECT %s, 0, '', * FROM unnest({"%s::text[], " * (len(_ACCEPTED) - 1)} %s::timestamptz[])
    ON CONFLICT DO NOTHING
"""


def accept(registry: Registry, events: Sequence[Event]) -> int:
    """Store what was not stored before; returns how many that were.

    What Vigie itself caused is no use of an image and is not kept, nor is what no table can hold.
    """
    now = timezone.now()
    if registry.pulls_known_since is None and events and PROVIDERS[registry.kind].tells_pulls:
        Registry.objects.filter(pk=registry.pk, pulls_known_since=None).update(
            pulls_known_since=now
        )
    rows = sorted(_row(event, now) for event in events if not event.own and _fits(event))
    if not rows:
        return 0
    with connection.cursor() as cursor:  # sorted: two deliveries at once wait, and never in a ring
        cursor.execute(_INSERT, [registry.pk, *map(list, zip(*rows, strict=True))])
        return cursor.rowcount


def apply_due(limit: int = 500) -> int:
    """Apply events that nobody has applied yet, oldest first; returns how many were.

    Pulls of what is known are by far the most, and are applied all at once.
    """
    applied = _apply_known_pulls(limit)
    for _ in range(limit - applied):
        outcome = _apply_next()
        if outcome is None:
            break
        applied += outcome
    return applied


def apply_again(events: QuerySet[RegistryEvent]) -> int:
    """Make events that failed or wait due now; returns how many there were."""
    return events.filter(applied_at=None).update(problem="", retry_at=None, attempts=0)


def forget_old() -> int:
    """Delete old applied events, looking at the oldest rows alone however long the table is."""
    oldest = RegistryEvent.objects.order_by("pk").values("pk")[:AT_ONCE]
    old = RegistryEvent.objects.filter(
        pk__in=oldest, applied_at__isnull=False, received_at__lt=timezone.now() - KEPT_FOR
    )
    return old.delete()[0]


def due() -> QuerySet[RegistryEvent]:
    return RegistryEvent.objects.filter(
        Q(problem="") | Q(retry_at__lte=timezone.now()), applied_at=None
    )


@transaction.atomic
def _apply_known_pulls(limit: int) -> int:
    pulls = due().filter(action=Action.PULL).order_by("pk")
    claimed = pulls.select_for_update(skip_locked=True).values_list("pk", flat=True)
    recorded = inventory.record_known_pulls(list(claimed[:limit]))
    return RegistryEvent.objects.filter(pk__in=recorded).update(
        applied_at=timezone.now(), attempts=F("attempts") + 1, retry_at=None, problem=""
    )


@transaction.atomic
def _apply_next() -> bool | None:
    """Claim one event and apply it; None where nothing is due. The claim is this transaction's
    lock, so an event whose worker dies is due again at once."""
    claimed = due().select_for_update(skip_locked=True, of=("self",)).select_related("registry")
    event = claimed.order_by("pk").first()
    if event is None:
        return None
    event.attempts += 1
    try:
        with transaction.atomic():
            APPLY[event.action](event.registry, event)
    except RegistryError as error:
        _keep(event, str(error), retry=not error.permanent)
        if isinstance(error, Unreachable | Throttled | ServerFailed):
            _postpone_others(event)
    except OperationalError as error:  # a deadlock or a lock that timed out
        _keep(event, f"The database was busy: {error}", retry=True)
    except Exception as error:  # hostile content, or a bug: no event behind it must wait for it
        log.exception("Event %s of registry %s cannot be applied", event.pk, event.registry_id)
        _keep(event, f"This event cannot be applied: {error}", retry=False)
    else:
        event.applied_at, event.retry_at, event.problem = timezone.now(), None, ""
    event.save(update_fields=["attempts", "applied_at", "retry_at", "problem"])
    return event.applied_at is not None


def _keep(event: RegistryEvent, problem: str, retry: bool) -> None:
    """Leave the event as it is, with the reason."""
    wait = min(FIRST_RETRY * 2 ** min(event.attempts - 1, 20), LAST_RETRY)
    event.problem, event.retry_at = problem, timezone.now() + wait if retry else None


def _postpone_others(event: RegistryEvent) -> None:
    """A registry that is not there for one event, or is not well, is so for its others too: they
    wait with it, so that the events of other registries do not."""
    others = due().filter(registry=event.registry).exclude(pk=event.pk)
    claimed = others.select_for_update(skip_locked=True).values_list("pk", flat=True)
    RegistryEvent.objects.filter(pk__in=list(claimed[:AT_ONCE])).update(
        retry_at=event.retry_at, problem=event.problem
    )


def _fits(event: Event) -> bool:
    """Whether the tables can hold what the event speaks of."""
    if (
        store.fits("repository", event.repository)
        and (not event.tag or store.fits("tag", event.tag))
        and (not event.digest or store.fits("digest", event.digest))
    ):
        return True
    log.warning("An event about %.60r was left out: its names are not valid", event.repository)
    return False


def _row(event: Event, now: datetime) -> tuple[str | datetime, ...]:
    """A clock that runs ahead must not make an event newer than all that will ever come."""
    values = [getattr(event, name).replace("\0", "") for name in _ACCEPTED[:-1]]
    return (*values, min(event.occurred_at, now))
