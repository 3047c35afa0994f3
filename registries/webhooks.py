"""Notifications of registries: verify, parse, store once, answer. No work is done here."""

import base64
import binascii
import hmac
from hashlib import sha256

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from registries import events, tasks
from registries.models import Registry
from registries.oci.errors import BadContent
from registries.providers import PROVIDERS

MAX_BODY = 1024 * 1024
_NOBODYS_HASH = bytes(32)


@csrf_exempt
@require_POST
def distribution(request: HttpRequest, registry_id: int) -> HttpResponse:
    """The endpoint of CNCF Distribution's notifications.

    202 however often a notification comes; 401 alike for a wrong secret and an unknown registry.
    """
    registry = _authenticated(request, Registry.Kind.DISTRIBUTION, registry_id)
    if registry is None:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return _refused(413, f"The notification is larger than {MAX_BODY:,} bytes.")
    try:
        received = PROVIDERS[registry.kind].parse_events(body)
    except BadContent as error:
        return _refused(400, str(error))
    stored = events.accept(registry, received)
    if stored:
        tasks.soon(tasks.apply_events)
    return JsonResponse({"received": len(received), "stored": stored}, status=202)


def _authenticated(request: HttpRequest, kind: str, registry_id: int) -> Registry | None:
    registry = Registry.objects.filter(pk=registry_id, kind=kind).first()
    expected = registry and registry.webhook_secret_hash
    given = sha256(_secret(request.headers.get("Authorization", ""))).digest()
    # Compared even where there is nothing to compare with, so that time tells nothing either.
    matches = hmac.compare_digest(given, bytes(expected or _NOBODYS_HASH))
    return registry if matches and expected else None


def _secret(authorization: str) -> bytes:
    """From a bearer token, or from the password of Basic."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode(errors="replace")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def _refused(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
