"""The only writer of Repository, Image, IndexMember, Placement, Tag and TagMove.

`sync` walks a registry's catalogue; the `record_*` verbs apply one event each. All may run at the
same time and in any order: an older word never overwrites a newer one. `disconnect` forgets it all.
"""

from registries.inventory.changes import (
    record_delete,
    record_known_pulls,
    record_mount,
    record_pull,
    record_push,
)
from registries.inventory.imported import record_import
from registries.inventory.store import disconnect
from registries.inventory.walk import sync

__all__ = [
    "disconnect",
    "record_delete",
    "record_import",
    "record_known_pulls",
    "record_mount",
    "record_pull",
    "record_push",
    "sync",
]
