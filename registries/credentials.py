"""Seal and unseal the secrets that are kept at rest."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from registries.oci.errors import AccessDenied

PURPOSE = b"vigie: registry credentials"


class Unsealable(AccessDenied):
    """A stored secret was sealed with a key that is no longer known; no retry will help."""


def seal(secret: str) -> bytes:
    return _box().encrypt(secret.encode())


def unseal(sealed: bytes) -> str:
    """The secret; raises Unsealable where no known key opens it."""
    try:
        return _box().decrypt(bytes(sealed)).decode()
    except InvalidToken:
        raise Unsealable(
            "The stored password was sealed with another secret key: enter the password again, "
            "or add the old key to VIGIE_SECRET_KEY_FALLBACKS."
        ) from None


def _box() -> MultiFernet:
    return _box_of((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _box_of(secret_keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in secret_keys])


def _derive(secret_key: str) -> bytes:
    """A key of this purpose alone, so that it cannot stand in for Django's other uses of it."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret_key.encode())
