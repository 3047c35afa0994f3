"""Rows for tests: plain functions, each makes what its name says and what that cannot do without.

`an_estate` makes many at once, in bulk: a subscription with registries, repositories and scanned
images, their packages and open findings.
"""

from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from findings.models import (
    Advisory,
    Feed,
    FeedEcosystem,
    Finding,
    ImageVerdict,
    InventoryVerdict,
    PackageMatch,
    Severity,
    Vulnerability,
    VulnerabilityAlias,
)
from registries.models import (
    Image,
    Placement,
    Registry,
    Repository,
    Role,
    RoleAssignment,
    Subscription,
    Tag,
)
from scans.models import (
    ImageLayer,
    Inventory,
    InventoryPackage,
    Layer,
    Package,
    Report,
    ReportInventory,
)

MEDIA_TYPE = "application/vnd.oci.image.manifest.v1+json"
_numbers = count(1)


def a_number() -> int:
    return next(_numbers)


def a_digest() -> str:
    return "sha256:" + sha256(f"digest {a_number()}".encode()).hexdigest()


# --- who ---


def a_user(on: Subscription | None = None, role: str = Role.SECURITY_READER, **more: Any):
    """A user, with a role on a subscription where one is given; without a password he cannot log
    in but by `force_login`, which is much faster."""
    more.setdefault("username", f"user-{a_number()}")
    user = get_user_model().objects.create_user(**more)
    if on:
        RoleAssignment.objects.create(user=user, role=role, subscription=on)
    return user


# --- what exists ---


def a_subscription(plan_enabled: bool = True, **more: Any) -> Subscription:
    more.setdefault("display_name", f"Subscription {a_number()}")
    since = timezone.now() if plan_enabled else None
    return Subscription.objects.create(plan_enabled=plan_enabled, plan_enabled_at=since, **more)


def a_registry(subscription: Subscription | None = None, **more: Any) -> Registry:
    more.setdefault("name", f"registry-{a_number()}")
    more.setdefault("kind", Registry.Kind.DISTRIBUTION)
    more.setdefault("location", f"https://{more['name']}.example")
    more.setdefault("verified_at", timezone.now())
    return Registry.objects.create(subscription=subscription or a_subscription(), **more)


def a_repository(registry: Registry | None = None, **more: Any) -> Repository:
    more.setdefault("name", f"team/app-{a_number()}")
    return Repository.objects.create(registry=registry or a_registry(), **more)


def an_image(
    repository: Repository | None = None, tags: tuple[str, ...] = (), **more: Any
) -> Image:
    """An image standing in a repository, not scanned yet."""
    repository = repository or a_repository()
    defaults = {
        "digest": a_digest(), "kind": Image.Kind.IMAGE, "media_type": MEDIA_TYPE,
        "os": "linux", "architecture": "amd64", "size": 48_000_000,
    }  # fmt: skip
    image = Image.objects.create(registry=repository.registry, **(defaults | more))
    place(image, repository)
    for tag in tags:
        Tag.objects.create(repository=repository, name=tag, image=image)
    return image


def place(image: Image, repository: Repository) -> Placement:
    now = timezone.now()
    return Placement.objects.create(repository=repository, image=image, pushed_at=now)


# --- what is inside ---


def a_layer(**more: Any) -> Layer:
    defaults = {"digest": a_digest(), "catalogers_version": 1, "size": 30_000_000, "record": {}}
    return Layer.objects.create(**(defaults | more))


def a_package(**more: Any) -> Package:
    return packages(1, **more)[0]


def packages(number: int, **more: Any) -> list[Package]:
    """Packages of Debian 12 unless told otherwise."""
    made = []
    for n in islice(_numbers, number):
        fields = {
            "type": "deb", "ecosystem": "Debian:12", "name": f"libexample{n}",
            "version": "1.2.3-4", "architecture": "amd64", "source_name": f"example{n}",
            "source_version": "1.2.3-4",
        } | more  # fmt: skip
        purl = f"pkg:{fields['type']}/{fields['name']}@{fields['version']}"
        identity = sha256(f"package {n}".encode()).digest()[:16]
        made.append(Package(identity=identity, purl=purl, **fields))
    return Package.objects.bulk_create(made)


def an_inventory(of: list[Package] | None = None, layer: Layer | None = None) -> Inventory:
    """A package set: what one database in one layer holds."""
    of = packages(3) if of is None else of
    layer = layer or a_layer()
    identity = sha256(f"inventory {a_number()}".encode()).digest()[:16]
    ecosystem = of[0].ecosystem if of else "Debian:12"
    inventory = Inventory.objects.create(
        identity=identity, ecosystem=ecosystem, package_count=len(of)
    )
    InventoryPackage.objects.bulk_create(
        InventoryPackage(
            inventory=inventory, package=package, layer=layer, path="var/lib/dpkg/status"
        )
        for package in of
    )
    return inventory


def add_package(inventory: Inventory, **fields: Any) -> Package:
    """One more package in a set, such as the image's package manager."""
    package = a_package(**fields)
    layer = a_layer()
    InventoryPackage.objects.create(
        inventory=inventory, package=package, layer=layer, path="var/lib/dpkg/status"
    )
    return package


def a_report(image: Image, inventories: list[Inventory], **more: Any) -> Report:
    """What a finished scan found in an image; its layers are those of the package sets."""
    defaults = {
        "result": "indexed", "distro_id": "debian", "distro_version": "12",
        "distro_name": "Debian GNU/Linux 12 (bookworm)", "catalogers_version": 1,
        "scanned_at": timezone.now(), "package_count": sum(i.package_count for i in inventories),
    }  # fmt: skip
    report = Report.objects.create(image=image, **(defaults | more))
    ReportInventory.objects.bulk_create(
        ReportInventory(report=report, inventory=inventory) for inventory in inventories
    )
    layers = Layer.objects.filter(
        pk__in=InventoryPackage.objects.filter(inventory__in=inventories).values("layer")
    ).order_by("pk")
    ImageLayer.objects.bulk_create(
        ImageLayer(
            report=report, position=position, digest=layer.digest, size=layer.size,
            created_by=f"RUN /bin/sh -c apt-get install step-{position}",
        )
        for position, layer in enumerate(layers)
    )  # fmt: skip
    return report


# --- what is wrong ---


def a_feed(**more: Any) -> Feed:
    now = timezone.now()
    defaults = {
        "name": f"feed-{a_number()}", "location": "https://advisories.example/all.zip",
        "attempted_at": now, "succeeded_at": now, "newest_record_at": now, "record_count": 1000,
    }  # fmt: skip
    feed = Feed.objects.create(**(defaults | more))
    FeedEcosystem.objects.create(feed=feed, ecosystem="Debian:12")
    return feed


def an_advisory(feed: Feed | None = None, aliases: tuple[str, ...] = (), **more: Any) -> Advisory:
    """An advisory on a vulnerability of its own; `aliases` are its further names."""
    return advisories(1, feed or a_feed(), aliases, **more)[0]


def advisories(
    number: int, feed: Feed, aliases: tuple[str, ...] = (), **more: Any
) -> list[Advisory]:
    numbers = list(islice(_numbers, number))
    vulnerabilities = Vulnerability.objects.bulk_create(
        Vulnerability(name=f"CVE-2026-{10_000 + n}") for n in numbers
    )
    VulnerabilityAlias.objects.bulk_create(
        VulnerabilityAlias(vulnerability=vulnerability, name=alias)
        for vulnerability in vulnerabilities
        for alias in (vulnerability.name, *aliases)
    )
    defaults = {
        "feed": feed, "modified_at": timezone.now(), "published_at": timezone.now(),
        "summary": "A crafted file overflows a buffer", "details": "Reading a crafted file …",
        "severity": Severity.HIGH, "severity_source": "distribution", "cvss_v3": "7.5",
        "cvss_vectors": ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"],
        "references": [{"type": "ADVISORY", "url": "https://advisories.example/1"}],
        "content_hash": b"0" * 32,
    }  # fmt: skip
    return Advisory.objects.bulk_create(
        Advisory(name=f"DSA-{n}", vulnerability=vulnerability, **(defaults | more))
        for n, vulnerability in zip(numbers, vulnerabilities, strict=True)
    )


def find(inventory: Inventory, pairs: list[tuple[Package, Advisory]], **more: Any) -> list[Finding]:
    """Open findings of a package set, with the matches that prove them."""
    more.setdefault("fixed_version", "1.2.4-1")
    PackageMatch.objects.bulk_create(
        (
            PackageMatch(
                package=package, vulnerability_id=advisory.vulnerability_id, advisory=advisory,
                severity=advisory.severity, cvss=advisory.cvss_v3, introduced="0", **more,
            )
            for package, advisory in pairs
        ),
        ignore_conflicts=True,
    )  # fmt: skip
    return Finding.objects.bulk_create(
        Finding(
            inventory=inventory, package=package, vulnerability_id=advisory.vulnerability_id,
            severity=advisory.severity, opened_cause=Finding.Cause.NEW_INVENTORY, **more,
        )
        for package, advisory in pairs
    )  # fmt: skip


def a_finding(image: Image | None = None, **more: Any) -> Finding:
    """One high finding in an image that is scanned for it."""
    advisory = an_advisory(**more)
    package = a_package()
    inventory = an_inventory([package])
    (finding,) = find(inventory, [(package, advisory)])
    image = image or an_image()
    a_report(image, [inventory])
    a_verdict(image)
    return finding


def a_verdict(image: Image, **more: Any) -> ImageVerdict:
    """The verdict that follows from an image's open findings, or the one that is given."""
    return verdicts([image], **more)[0]


def verdicts(images: list[Image], **more: Any) -> list[ImageVerdict]:
    now = timezone.now()
    sets: dict[int, list[int]] = {}
    for image, inventory in ReportInventory.objects.filter(
        report__in=[image.pk for image in images]
    ).values_list("report_id", "inventory_id"):
        sets.setdefault(image, []).append(inventory)
    counts = _counts({inventory for inventories in sets.values() for inventory in inventories})
    InventoryVerdict.objects.bulk_create(
        (
            InventoryVerdict(inventory_id=pk, judged_by=2, evaluated_at=now, **c)
            for pk, c in counts.items()
        ),
        ignore_conflicts=True,
    )
    made = []
    for image in images:
        sums = _sum(counts[inventory] for inventory in sets.get(image.pk, []))
        state = "unhealthy" if any(sums.values()) else "healthy"
        fields = (
            {"state": state, "since": now, "scanned_at": now, "evaluated_at": now} | sums | more
        )
        made.append(ImageVerdict(image=image, **fields))
    return ImageVerdict.objects.bulk_create(made)


def _counts(inventories: set[int]) -> dict[int, dict[str, int]]:
    counts = {pk: _sum([]) for pk in inventories}
    names = {severity.value: severity.name.lower() for severity in Severity}
    for inventory, severity in Finding.objects.filter(
        inventory__in=inventories, closed_at=None
    ).values_list("inventory_id", "severity"):
        counts[inventory][names[severity]] += 1
    return counts


def _sum(counts) -> dict[str, int]:
    total = {severity.name.lower(): 0 for severity in Severity}
    for count_ in counts:
        for severity, number in count_.items():
            total[severity] += number
    return total


# --- many at once ---


@dataclass(frozen=True)
class Estate:
    subscription: Subscription
    registries: list[Registry]
    repositories: list[Repository]
    images: list[Image] = field(default_factory=list)


def an_estate(
    images: int = 3,
    findings: int = 2,
    registries: int = 1,
    repositories: int = 1,
    stacks: int = 10,
    subscription: Subscription | None = None,
) -> Estate:
    """Scanned images spread over registries and repositories (so many in each registry), each with
    so many open findings; at most `stacks` different package sets, the rest share them."""
    subscription = subscription or a_subscription()
    made = [a_registry(subscription) for _ in range(registries)]
    places = Repository.objects.bulk_create(
        Repository(registry=registry, name=f"team/app-{a_number()}")
        for registry in made
        for _ in range(repositories)
    )
    stored = _images(images, places)
    sets = _stacks(min(stacks, images), findings)
    now = timezone.now()
    Report.objects.bulk_create(
        Report(
            image=image, result="indexed", distro_id="debian", distro_version="12",
            distro_name="Debian GNU/Linux 12 (bookworm)", catalogers_version=1, scanned_at=now,
            package_count=findings,
        )
        for image in stored
    )  # fmt: skip
    ReportInventory.objects.bulk_create(
        ReportInventory(report_id=image.pk, inventory=sets[n % len(sets)])
        for n, image in enumerate(stored)
    )
    verdicts(stored)
    return Estate(subscription, made, places, stored)


def _images(number: int, places: list[Repository]) -> list[Image]:
    homes = [places[n % len(places)] for n in range(number)]
    stored = Image.objects.bulk_create(
        Image(
            registry=home.registry, digest=a_digest(), kind=Image.Kind.IMAGE, os="linux",
            architecture="amd64", media_type=MEDIA_TYPE, size=48_000_000,
        )
        for home in homes
    )  # fmt: skip
    now = timezone.now()
    Placement.objects.bulk_create(
        Placement(repository=home, image=image, pushed_at=now)
        for home, image in zip(homes, stored, strict=True)
    )
    Tag.objects.bulk_create(
        Tag(repository=home, name=f"1.{n}", image=image)
        for n, (home, image) in enumerate(zip(homes, stored, strict=True))
    )
    return stored


def _stacks(number: int, findings: int) -> list[Inventory]:
    """Package sets with so many findings each, of mixed severities."""
    feed = a_feed()
    sets = []
    for _ in range(number):
        of = packages(max(findings, 1))
        found = advisories(findings, feed)
        for n, advisory in enumerate(found):
            advisory.severity = Severity.values[-1 - n % 5]
        Advisory.objects.bulk_update(found, ["severity"])
        inventory = an_inventory(of)
        find(inventory, list(zip(of, found, strict=False)))
        sets.append(inventory)
    return sets
