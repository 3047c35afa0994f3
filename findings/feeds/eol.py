"""Until when releases of distributions get security fixes: JSON in the shape of endoflife.date.

That is the answer of its API (v1) to `products/full` or to `products/NAME`: a list of products, or
one, each with its releases. `end-of-life.json` beside this file is of the same shape and our own;
it is used unless a setting names another.

The day that counts is the last on which everyone gets fixes without paying: `eolFrom`, and of
Debian the end of its long-term support, `eoesFrom`. What Canonical, Red Hat, SUSE or Oracle sell
beyond does not reach an image by itself; who has bought it puts his own days into a document.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from findings.feeds import NotAdvisories
from findings.feeds.dates import day, moment

SHIPPED = Path(__file__).parent / "end-of-life.json"
MAX_RELEASES = 2_000

# Their names there → ID of os-release. CentOS Stream calls itself "centos" too.
PRODUCTS = {
    "almalinux": "almalinux",
    "alpine": "alpine",
    "alpine-linux": "alpine",
    "amazon-linux": "amzn",
    "azure-linux": "azurelinux",
    "cbl-mariner": "mariner",
    "centos": "centos",
    "centos-stream": "centos-stream",
    "debian": "debian",
    "fedora": "fedora",
    "mageia": "mageia",
    "opensuse": "opensuse-leap",
    "oracle-linux": "ol",
    "photon": "photon",
    "rhel": "rhel",
    "rocky": "rocky",
    "rocky-linux": "rocky",
    "sles": "sles",
    "ubuntu": "ubuntu",
}
_EXTENDED_FOR_EVERYONE = {"debian"}
_VERSION = re.compile(r"[0-9]{1,8}(?:\.[0-9]{1,8}){0,3}", re.ASCII)


@dataclass(frozen=True)
class Release:
    """`distro_id` and `version` as os-release says ID and VERSION_ID, or the version up to a dot.
    `ends_on` is None where no day is announced."""

    distro_id: str
    version: str
    ends_on: date | None


@dataclass(frozen=True)
class Calendar:
    """`unreadable` counts releases of distributions whose version or day is not understood."""

    generated: datetime | None
    releases: tuple[Release, ...]
    unreadable: int


def parse(raw: bytes) -> Calendar:
    """Raises NotAdvisories where that is no such document. Products that are no distribution of
    the table above are passed over."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotAdvisories(f"The ends of life are not JSON: {error}.") from error
    fields = document if isinstance(document, dict) else {}
    result = fields.get("result")
    products = result if isinstance(result, list) else [result]
    if not any(isinstance(product, dict) for product in products):
        raise NotAdvisories("There is no product in the ends of life.")
    read = list(_releases(products))
    known = {(r.distro_id, r.version): r for r in read[:MAX_RELEASES] if r}
    generated = moment(fields.get("generated_at") or fields.get("last_modified"))
    unreadable = read.count(None) + len(read[MAX_RELEASES:])
    return Calendar(generated, tuple(known.values()), unreadable)


def _releases(products: Iterable[Any]) -> Iterator[Release | None]:
    for product in products:
        fields = product if isinstance(product, dict) else {}
        name = fields.get("name")
        distro_id = PRODUCTS.get(name) if isinstance(name, str) else None
        releases = fields.get("releases")
        if distro_id and isinstance(releases, list):
            for release in releases:
                yield _release(distro_id, release if isinstance(release, dict) else {})


def _release(distro_id: str, fields: dict[str, Any]) -> Release | None:
    version, ends = fields.get("name"), fields.get("eolFrom")
    if distro_id in _EXTENDED_FOR_EVERYONE:
        ends = fields.get("eoesFrom") or ends
    if not (isinstance(version, str) and _VERSION.fullmatch(version)):
        return None
    ends_on = day(ends)
    return Release(distro_id, version, ends_on) if ends_on or ends is None else None


def end_of(
    releases: Iterable[Release], distro_id: str, version: str, name: str = ""
) -> date | None:
    """The last day of this release, as `findings.verdicts` asks the database.

    "9" stands for 9.3 as well, but not where releases such as 9.2 have days of their own: a new
    one is then not known to have ended.
    """
    if name.startswith("CentOS Stream"):
        distro_id = "centos-stream"
    ends = {
        release.version: release.ends_on for release in releases if release.distro_id == distro_id
    }
    if version in ends:
        return ends[version]
    fitting = (
        ends_on
        for stem, ends_on in ends.items()
        if version.startswith(f"{stem}.") and not any(v.startswith(f"{stem}.") for v in ends)
    )
    return next(fitting, None)
