"""What can go wrong with a registry. `str(error)` is one sentence fit for a page."""

from typing import ClassVar


class RegistryError(Exception):
    """`permanent` says whether trying again later, unchanged, can help.

    `code` is the registry's own error code ("" where it gave none); `retry_after` the seconds it
    asked us to wait (None where it did not say).
    """

    permanent: ClassVar[bool] = False

    def __init__(self, sentence: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after


class Unreachable(RegistryError):
    """No connection, or one that broke off."""


class Throttled(RegistryError):
    """The registry asks for fewer requests."""


class ServerFailed(RegistryError):
    """The registry answered with an error of its own, or too slowly to wait for."""


class DigestMismatch(RegistryError):
    """What was sent is not what its digest or size promises: a broken proxy, or tampering."""


class AccessDenied(RegistryError):
    """It needs a login, or the login is wrong or has too few rights."""

    permanent = True


class NotFound(RegistryError):
    """The repository, manifest or blob is not there."""

    permanent = True


class BadContent(RegistryError):
    """Malformed, unsupported or larger than allowed."""

    permanent = True


class NotARegistry(RegistryError):
    """The address is wrong, or what answers there speaks no distribution protocol."""

    permanent = True
