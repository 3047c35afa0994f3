"""Where a registry's address leads, and where a registry may send us from there.

A registry names other addresses: the realm that gives out tokens, the storage that holds blobs.
A hostile one would name the metadata service or the database beside us. The rule: a registry may
send us outwards, never further inwards than it stands itself, and never from TLS to plain HTTP.
"""

import ipaddress
import socket

import httpx

from registries.oci.errors import BadContent, NotARegistry

# How far inside a network an address lies.
_GLOBAL, _PRIVATE, _LOOPBACK, _LINK_LOCAL = range(4)
_PORTS = {"http": 80, "https": 443}

# The one registry whose name is not the host of its API.
_ALIASES = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}


def registry_url(location: str) -> httpx.URL:
    """The address of a registry: a URL, or a bare `host[:port]` (https, http on loopback)."""
    location = location.strip()
    try:
        url = httpx.URL(location if "://" in location else f"{_scheme(location)}://{location}")
    except (httpx.InvalidURL, ValueError):
        raise _wrong_address(location) from None
    if url.scheme not in _PORTS or not url.host or url.query or url.path not in ("", "/"):
        raise _wrong_address(location)
    if url.userinfo:
        raise NotARegistry("The address must not hold a login; give user name and secret apart.")
    return url.copy_with(host=_ALIASES.get(url.host, url.host), path="/", fragment=None)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


def place(url: httpx.URL) -> str:
    """host[:port], for sentences."""
    return url.netloc.decode("ascii", "replace")


def admit(url: httpx.URL, home: httpx.URL) -> None:
    """Let pass an address that the registry at `home` sends us to, or raise BadContent.

    The names are looked up here and again when connecting, so a name that changes in between gets
    past; it wins one blind GET without credentials whose answer must match a digest.
    """
    if origin(url) == origin(home):
        return
    if url.scheme not in _PORTS or not url.host or url.userinfo:
        raise BadContent(
            f"{place(home)} sends us to an address that is no plain http or https URL."
        )
    if home.scheme == "https" and url.scheme != "https":
        raise BadContent(
            f"{place(home)} sends us from https to plain http at {place(url)}; refused."
        )
    if url.host != home.host and max(_depths(url)) > min(*_depths(home), _LOOPBACK):
        raise BadContent(
            f"{place(home)} sends us to {place(url)}, "
            "further inside the network than it is; refused."
        )


def refuse_link_local(url: httpx.URL) -> None:
    """Raises NotARegistry for the addresses where clouds keep their secrets, and no one a registry:
    whoever may connect one is not to ask the machine's own metadata service through us."""
    if _LINK_LOCAL in _depths(url):
        raise NotARegistry(f"{place(url)} is a link-local address, where no registry stands.")


def may_see_credentials(url: httpx.URL, home: httpx.URL) -> bool:
    """Whether a realm may see the registry's credentials.

    Over https the realm may be another host (Docker Hub's and GitLab's are): a registry that would
    give them away could as well ask for them itself. In the clear only the registry's own host.
    """
    return url.scheme == "https" or url.host == home.host


def _depths(url: httpx.URL) -> list[int]:
    """How far inside each address of the host lies; an unknown name is a proxy's to look up."""
    try:
        found = socket.getaddrinfo(url.host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return [_GLOBAL]
    return [_depth(str(address[0])) for *_, address in found]


def _depth(text: str) -> int:
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_link_local:
        return _LINK_LOCAL
    if address.is_loopback or address.is_unspecified:
        return _LOOPBACK
    return _GLOBAL if address.is_global else _PRIVATE


def _scheme(location: str) -> str:
    """Without a scheme: https, but plain http on this very machine, as container clients do."""
    host = location.rsplit(":", 1)[0] if location.count(":") == 1 else location
    local = host == "localhost" or host.startswith("127.") or location.startswith("[::1]")
    return "http" if local else "https"


def _wrong_address(location: str) -> NotARegistry:
    return NotARegistry(
        f"{location[:100]!r} is not the address of a registry; "
        "it should look like https://registry.example."
    )
