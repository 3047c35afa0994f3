"""Any server of the OCI distribution protocol, and the notifications of CNCF Distribution.

Sources: OCI distribution specification 1.1; Distribution's "Work with notifications", and its
notifications/bridge.go for the three shapes of a delete.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from registries.oci.auth import Credentials
from registries.oci.client import Client
from registries.oci.errors import AccessDenied, BadContent, NotFound
from registries.oci.manifest import MANIFEST_TYPES, SCHEMA1_TYPES, as_object, read_object
from registries.oci.reference import is_digest, is_repository, is_tag
from registries.providers.source import Action, Event, Provider

_ANNOUNCED = MANIFEST_TYPES | SCHEMA1_TYPES
_DELETES: tuple[tuple[str, Action], ...] = (("digest", "delete-manifest"), ("tag", "delete-tag"))


class DistributionSource(Client):
    def verify(self) -> None:
        """Log in, and see whether the catalogue is ours to read: without it nothing is found."""
        self.ping()
        try:
            next(self.repositories(), None)
        except (AccessDenied, NotFound) as error:
            raise AccessDenied(
                f"{self.name} lets us in but does not show its catalogue; "
                "give the login the right to list it."
            ) from error

    def digests(self, repository: str) -> Iterator[str]:
        """None: the protocol has no way to list what no tag names."""
        return iter(())


def open_source(location: str, credentials: Credentials | None = None) -> DistributionSource:
    return DistributionSource(location, credentials)


def parse_events(body: bytes) -> list[Event]:
    """Read a notification. Layers and actions of other kinds are left out.

    A HEAD of a manifest is announced as a pull like a GET; it counts as the registry reports it.
    Raises BadContent if what remains is malformed.
    """
    envelope = read_object(body, "notification")
    values = envelope.get("events")
    if not isinstance(values, list):
        raise BadContent("The notification holds no list of events.")
    events = (_event(as_object(value)) for value in values)
    return [event for event in events if event]


def _event(document: dict[str, object]) -> Event | None:
    target = as_object(document.get("target") or {})
    action = _action(document.get("action"), target)
    if action is None:
        return None
    return Event(
        delivery=_delivery(document.get("id")),
        action=action,
        repository=_repository(target),
        digest=_checked(target, "digest", is_digest),
        tag=_checked(target, "tag", is_tag),
        media_type=_brief(target, "mediaType", 255),
        actor=_brief(document.get("actor"), "name", 200),
        user_agent=_brief(document.get("request"), "useragent", 300),
        occurred_at=_moment(document.get("timestamp")),
    )


def _action(name: object, target: dict[str, object]) -> Action | None:
    """Vigie's word for what happened, or None for what is no concern of ours."""
    if name == "delete":
        # A deleted layer looks like a deleted manifest; it is nobody's digest and changes nothing.
        return next((action for key, action in _DELETES if target.get(key)), "delete-repository")
    if name in ("push", "pull", "mount") and target.get("mediaType") in _ANNOUNCED:
        return name
    return None


def _repository(target: dict[str, object]) -> str:
    name = target.get("repository")
    if not isinstance(name, str) or not is_repository(name):
        raise BadContent("An event names no repository.")
    return name


def _checked(target: dict[str, object], key: str, is_valid: Callable[[str], bool]) -> str:
    """A tag or a digest, or "" where there is none."""
    value = target.get(key) or ""
    if not isinstance(value, str) or (value and not is_valid(value)):
        raise BadContent(f"The {key} of an event is malformed.")
    return value


def _delivery(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[\x21-\x7e]{1,100}", value):
        raise BadContent("An event has no id.")
    return value


def _brief(part: object, key: str, limit: int) -> str:
    """What the registry says of somebody, cut to `limit` characters; it decides nothing."""
    value = part.get(key) if isinstance(part, dict) else None
    return value.replace("\0", "")[:limit] if isinstance(value, str) else ""


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment and moment.tzinfo:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadContent("An event has no time with its zone.")


PROVIDER = Provider(
    kind="distribution",
    label="Distribution protocol",
    tells_pulls=True,
    open=open_source,
    parse_events=parse_events,
)
