"""Bearer tokens for the API: shown once, kept as a SHA-256."""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import AbstractUser
from django.db.models import Q
from django.utils import timezone

from registries.models import AccessToken

PREFIX = "vigie_"  # lets secret scanners recognise a leaked one
USE_RECORDED_EVERY = timedelta(hours=1)


def issue(user, name: str, expires_at: datetime | None = None) -> str:
    """A new token in plain text; nothing but its hash remains, so show it now."""
    return save(AccessToken(user=user, name=name, expires_at=expires_at))


def save(token: AccessToken) -> str:
    """Store a token with a new secret, which is returned in plain text and known to nobody else."""
    plain = PREFIX + secrets.token_urlsafe(32)
    token.token_hash = _hash(plain)
    token.save()
    return plain


def authenticate(plain: str) -> AbstractUser | None:
    """The active user whose unexpired token this is.

    The lookup is by hash, so its time says nothing about how near a guess came.
    """
    now = timezone.now()
    token = (
        AccessToken.objects.select_related("user")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now))
        .filter(token_hash=_hash(plain), user__is_active=True)
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or token.last_used_at < now - USE_RECORDED_EVERY:
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token.user


def _hash(plain: str) -> bytes:
    return sha256(plain.encode(errors="surrogatepass")).digest()
