"""What the clock and the nudges ask of scans."""

from celery import shared_task

from scans import indexing, queue


@shared_task
def dispatch() -> int:
    """Queue what is due, take back what was lost, and call a worker for each scan that waits."""
    queue.withdraw()
    queue.reap()
    while scan := queue.claim_exhausted():
        indexing.give_up(scan)
    queue.record_rescans()
    queue.enqueue_due()
    announced = queue.announce()
    for _ in range(announced):
        scan_next.delay()
    return announced


@shared_task
def scan_next() -> int:
    """Scan the image that has waited longest."""
    if not (scan := queue.claim()):
        return 0
    indexing.index(scan)
    return 1
