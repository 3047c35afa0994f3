"""`manage.py scan` judges in memory and the product in SQL: from the same packages and the same
advisories both must draw the same conclusions, proof by proof."""

import json
import random

import pytest

from findings import advisories, evaluation
from findings.feeds import osv
from findings.matching import match
from findings.models import Finding, ImageVerdict, PackageMatch
from tests.findings.estate import a_feed, a_package, a_repository, an_image

pytestmark = pytest.mark.django_db

NAMES = ["alpha", "beta", "gamma", "linux"]
ECOSYSTEMS = ["Debian:12", "AlmaLinux:9", "PyPI", "npm"]
MODULES = ["", "tool:1", "tool:2"]
TITLES = ["", "Important: tool:1 security update", "Moderate: tool:2 security update"]
VECTORS = {
    "critical": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "medium": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N",
    "second": "AV:N/AC:L/Au:N/C:P/I:P/A:P",
}


def a_version(chance: random.Random) -> str:
    return f"{chance.randrange(4)}.{chance.randrange(4)}.{chance.randrange(3)}"


def some_packages(chance: random.Random) -> list:
    made = {
        (name, a_version(chance), ecosystem)
        for name in NAMES
        for ecosystem in ECOSYSTEMS
        for _ in range(3)
    }
    made.add(("alpha", "what", "PyPI"))
    return [
        a_package(*fields, module=chance.choice(MODULES) if fields[2] == "AlmaLinux:9" else "")
        for fields in sorted(made)
    ]


def a_record(chance: random.Random, number: int) -> dict:
    """Of an id others may name too, affecting some packages in some ranges, in some words."""
    kind = chance.choice(["CVE-2026", "GHSA", "PYSEC"])
    record = {
        "id": f"{kind}-{1000 + number}",
        "modified": f"2026-0{chance.randrange(1, 4)}-01T00:00:00Z",
        "summary": chance.choice(TITLES),
        "affected": [an_affected(chance) for _ in range(chance.randrange(1, 4))],
    }
    if chance.random() < 0.5:
        record["aliases"] = [f"CVE-2026-{1000 + chance.randrange(30)}"]
    if chance.random() < 0.5:
        vector = chance.choice(list(VECTORS.values()))
        type_ = "CVSS_V3" if vector.startswith("CVSS:3") else "CVSS_V2"
        record["severity"] = [{"type": type_, "score": vector}]
    if chance.random() < 0.1:
        record["withdrawn"] = "2026-04-01T00:00:00Z"
    return record


def an_affected(chance: random.Random) -> dict:
    ecosystem = chance.choice(ECOSYSTEMS)
    low, high = sorted(a_version(chance) for _ in range(2))
    if ecosystem == "AlmaLinux:9":
        high += chance.choice(["-1.el9", "-1.module_el9"])
    if chance.random() < 0.1:
        high = "no version"
    end = chance.choice([[], [{"fixed": high}], [{"last_affected": high}]])
    affected = {
        "package": {"ecosystem": ecosystem, "name": chance.choice(NAMES)},
        "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": chance.choice(["0", low])}, *end]}
        ],
    }
    if chance.random() < 0.3:
        affected["versions"] = [a_version(chance) for _ in range(2)]
    if chance.random() < 0.3:
        affected["ecosystem_specific"] = {"urgency": chance.choice(["low", "high", "unimportant"])}
    return affected


@pytest.mark.parametrize("seed", range(12))
def test_memory_and_database_find_the_same_by_the_same_proof(tmp_path, seed):
    chance = random.Random(seed)
    packages = some_packages(chance)
    records = [a_record(chance, number) for number in range(25)]
    feed = a_feed(tmp_path / "feed", *records)
    image = an_image(a_repository(), packages)
    advisories.update(feed)
    evaluation.evaluate()

    judgement = match(packages, [osv.parse(json.dumps(record).encode()) for record in records])
    in_memory = {
        (packages[m.package].purl, m.vulnerability): (
            m.advisory, m.severity, m.cvss, m.introduced, m.fixed_version, m.last_affected,
            m.fix_state, not m.kernel,
        )
        for m in judgement.matches
    }  # fmt: skip
    rows = PackageMatch.objects.values_list(
        "package__purl", "vulnerability__name", "advisory__name", "severity", "cvss",
        "introduced", "fixed_version", "last_affected", "fix_state", "package__match_key__counted",
    )  # fmt: skip
    in_database = {(purl, name): proof for purl, name, *proof in rows}
    assert {key: list(proof) for key, proof in in_memory.items()} == in_database
    assert in_database, "nothing matched, so nothing was compared"
    verdict = ImageVerdict.objects.get(image=image)
    assert verdict.unreadable_versions == len(judgement.unknown)
    assert verdict.unreadable_ranges == len(judgement.uncertain)
    kernels = sum(found.kernel for found in judgement.matches)
    assert verdict.uncounted == kernels
    assert Finding.objects.open().count() == len(judgement.matches) - kernels
