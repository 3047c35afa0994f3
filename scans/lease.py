"""While a worker reads an image: keep its lease, and see that it takes no more than its time."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic

from django.conf import settings
from django.db import DatabaseError, connection

from scans import queue
from scans.models import Scan
from scans.support import Reason, Unsupported

# No honest image takes so long; a registry that dribbles would keep a worker for weeks.
MAX_SECONDS = 2 * 3600

log = logging.getLogger(__name__)


class Lease:
    """`check` it between steps."""

    def __init__(self) -> None:
        self.lost = Event()
        self._deadline = monotonic() + MAX_SECONDS

    def check(self) -> None:
        """Raises LeaseLost, or Unsupported where the image has had its time."""
        if self.lost.is_set():
            raise queue.LeaseLost
        if monotonic() > self._deadline:
            raise Unsupported(
                Reason.TOO_SLOW,
                f"The image could not be read within {MAX_SECONDS // 60} minutes. Look at the "
                "registry's speed, then scan it again.",
            )


@contextmanager
def kept(scan: Scan) -> Iterator[Lease]:
    """Say from time to time, in a thread of its own, that this scan's worker lives: it may be
    waiting for a registry, for another worker's layer, or computing."""
    lease, ended = Lease(), Event()
    thread = Thread(target=_keep, args=(scan, lease, ended), daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join()


def _keep(scan: Scan, lease: Lease, ended: Event) -> None:
    try:
        while not ended.wait(settings.SCAN_LEASE_SECONDS / 4):
            _extend(scan)
    except queue.LeaseLost:
        lease.lost.set()
    finally:
        connection.close()


def _extend(scan: Scan) -> None:
    try:
        queue.extend(scan)
    except DatabaseError as error:  # it may come back before the lease has run out
        log.warning("The lease of scan %s could not be extended: %s", scan.pk, error)
        connection.close()
