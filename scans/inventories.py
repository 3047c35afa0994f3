"""Package sets, stored once for all images that hold them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b

from django.db import connection

from scans.catalogers import DISTRIBUTION_TYPES
from scans.coalesce import Placed
from scans.models import Inventory, InventoryPackage, Layer

# All that makes a package the same one.
PACKAGE_FIELDS = (
    "type",
    "ecosystem",
    "name",
    "version",
    "architecture",
    "source_name",
    "source_version",
    "purl",
    "module",
)


def store(packages: Iterable[Placed], layers: Sequence[Layer]) -> list[Inventory]:
    """The sets these packages form, stored where they were not known: the distribution's, and the
    language packages of each ecosystem that each layer brought.

    `layers` are the image's, in order: `Placed.layer` counts in them. Call it in a transaction.
    """
    sets = _sets(packages, layers)
    known = Inventory.objects.in_bulk(list(sets), field_name="identity")
    known = {bytes(identity): inventory for identity, inventory in known.items()}
    missing = {identity: placed for identity, placed in sets.items() if identity not in known}
    return [*known.values(), *_store_new(missing, layers)]


def _sets(packages: Iterable[Placed], layers: Sequence[Layer]) -> dict[bytes, list[Placed]]:
    groups: dict[tuple, list[Placed]] = defaultdict(list)
    for placed in packages:
        # Whichever layers brought them, one database holds the distribution's packages.
        shared = placed.type in DISTRIBUTION_TYPES
        groups[placed.ecosystem, placed.type, -1 if shared else placed.layer].append(placed)
    return {_set_identity(group, layers): group for group in groups.values()}


def _store_new(sets: dict[bytes, list[Placed]], layers: Sequence[Layer]) -> list[Inventory]:
    if not sets:
        return []
    package_ids = _store_packages(placed for group in sets.values() for placed in group)
    inventories = []
    for identity, group in sorted(sets.items()):  # one order for all workers: no deadlock
        entries = {(package_identity(p), p.path): p for p in group}
        inventory, created = Inventory.objects.get_or_create(
            identity=identity,
            defaults={"ecosystem": group[0].ecosystem, "package_count": len(entries)},
        )
        inventories.append(inventory)
        if created:
            InventoryPackage.objects.bulk_create(
                InventoryPackage(
                    inventory=inventory,
                    package_id=package_ids[identity],
                    layer=layers[placed.layer],
                    path=path,
                )
                for (identity, path), placed in entries.items()
            )
    return inventories


def _store_packages(packages: Iterable[Placed]) -> dict[bytes, int]:
    """The row of each package by its identity."""
    packages_by_identity = {package_identity(placed): placed for placed in packages}
    stored = _stored_packages(packages_by_identity)
    missing = sorted(packages_by_identity.keys() - stored.keys())  # one order here, too
    if missing:
        _insert_packages(missing, [packages_by_identity[identity] for identity in missing])
        stored |= _stored_packages(missing)
    return stored


def _stored_packages(identities: Iterable[bytes]) -> dict[bytes, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT identity, id FROM scans_package WHERE identity = ANY(%s)", [list(identities)]
        )
        return {bytes(identity): row for identity, row in cursor}


def _insert_packages(identities: Sequence[bytes], packages: Sequence[Placed]) -> None:
    """By column: Django's own bulk insert names every value, as bytes are among them, and takes
    several times as long."""
    columns = ([getattr(placed, field) for placed in packages] for field in PACKAGE_FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO scans_package (identity, {", ".join(PACKAGE_FIELDS)})
            SELECT * FROM unnest(%s::bytea[]{", %s::text[]" * len(PACKAGE_FIELDS)})
            ON CONFLICT (identity) DO NOTHING
            """,
            [list(identities), *columns],
        )


def package_identity(placed: Placed) -> bytes:
    """BLAKE2b-128 over `PACKAGE_FIELDS`."""
    return _hash(*(getattr(placed, field) for field in PACKAGE_FIELDS))


def _set_identity(group: Iterable[Placed], layers: Sequence[Layer]) -> bytes:
    entries = sorted(
        _hash(package_identity(p).hex(), p.path, layers[p.layer].digest) for p in group
    )
    return blake2b(b"".join(entries), digest_size=16).digest()


def _hash(*parts: str) -> bytes:
    return blake2b("\0".join(parts).encode(), digest_size=16).digest()
