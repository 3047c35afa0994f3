"""Days and moments as feeds write them; None for anything else."""

from datetime import UTC, date, datetime


def day(value: object) -> date | None:
    """ "2026-01-31", or a moment on that day."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def moment(value: object) -> datetime | None:
    """With a time zone; in UTC where it names none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
