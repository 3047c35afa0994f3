"""Every kind of registry Vigie can connect to, in one table.

To add one: copy its nearest neighbour and its test, and add a line here and in Registry.Kind.
"""

from registries.oci.auth import Credentials
from registries.providers import distribution, layout
from registries.providers.source import Action, Event, Provider, Source, read_config

__all__ = ["PROVIDERS", "Action", "Credentials", "Event", "Provider", "Source", "read_config"]

PROVIDERS: dict[str, Provider] = {
    provider.kind: provider for provider in (distribution.PROVIDER, layout.PROVIDER)
}
