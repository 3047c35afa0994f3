"""From a Registry row to a live client; verify one, and say in one sentence why it fails."""

import secrets
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from registries import credentials
from registries.models import Registry
from registries.oci.errors import AccessDenied, NotARegistry, RegistryError
from registries.providers import PROVIDERS, Credentials, Source


def connect(registry: Registry) -> AbstractContextManager[Source]:
    """An open source, to be used as a context manager; raises RegistryError."""
    if registry.kind == Registry.Kind.LAYOUT:
        _require_allowed(Path(registry.location))
    if registry.kind == Registry.Kind.SBOM:
        raise NotARegistry(f"{registry} holds imported SBOMs; there is no registry to ask.")
    return PROVIDERS[registry.kind].open(registry.location, _credentials(registry))


def verify(registry: Registry) -> str:
    """Try the connection and record the outcome: the sentence that says what is wrong, or ""."""
    try:
        if registry.kind != Registry.Kind.SBOM:
            with connect(registry) as source:
                source.verify()
    except RegistryError as error:
        registry.problem = str(error)
    else:
        registry.problem = ""
        registry.verified_at = timezone.now()
    Registry.objects.filter(pk=registry.pk).update(
        problem=registry.problem, verified_at=registry.verified_at
    )
    return registry.problem


def set_credentials(registry: Registry, username: str, secret: str) -> None:
    """Seal new credentials into the row, without saving it; an empty secret means anonymous."""
    registry.username = username
    registry.sealed_secret = credentials.seal(secret) if secret else None


def forget_outcome(registry: Registry) -> None:
    """After its location or credentials changed: nothing is verified, and a walk is due."""
    Registry.objects.filter(pk=registry.pk).update(verified_at=None, walked_at=None, problem="")
    registry.refresh_from_db(fields=["verified_at", "walked_at", "problem"])


def new_webhook_secret(registry: Registry) -> str:
    """A new secret in plain text, in place of the old one; only its SHA-256 remains."""
    plain = secrets.token_urlsafe(32)
    registry.webhook_secret_hash = sha256(plain.encode()).digest()
    registry.save(update_fields=["webhook_secret_hash"])
    return plain


def _require_allowed(folder: Path) -> None:
    """Raises AccessDenied for a folder that the operator has not opened to registries."""
    roots = [root.resolve() for root in settings.LAYOUT_ROOTS]
    if not any(folder.resolve().is_relative_to(root) for root in roots):
        raise AccessDenied(
            f"{folder} lies in none of the folders that registries may lie in "
            f"({', '.join(map(str, roots))}); the operator adds one with VIGIE_LAYOUT_ROOTS."
        )


def _credentials(registry: Registry) -> Credentials | None:
    if registry.sealed_secret is None:
        return None
    return Credentials(registry.username, credentials.unseal(registry.sealed_secret))
