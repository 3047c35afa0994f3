"""Locks that belong to a database connection: a worker that dies lets go of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def alone_with(kind: int, row: int) -> Iterator[bool]:
    """Whether no other session is at this row for this `kind` of work, which is any number of the
    caller's own; while it is true, no other will be."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [kind, row])
        (alone,) = cursor.fetchone()
    try:
        yield alone
    finally:
        if alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [kind, row])
