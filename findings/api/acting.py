"""What to do about an image, as JSON."""

from typing import Any

from findings.actions import Plan
from findings.bases import Base
from findings.upgrades import Counts, Target, Upgrade
from registries.models import Placement


def as_json(digest: str, plan: Plan) -> dict[str, Any]:
    upgrades = plan.upgrades
    return {
        "digest": digest,
        "findings": counts(plan.findings),
        "actions": [_upgrade(upgrade) for upgrade in upgrades.upgrades],
        "waiting": counts(upgrades.waiting),
        "wontFix": counts(upgrades.wont_fix),
        "ofBase": counts(upgrades.base),
        "own": counts(upgrades.own),
        **({"base": _base(plan.base)} if plan.base else {}),
        **(
            {
                "rebuild": {
                    "closes": counts(plan.rebuild.closes),
                    "opens": counts(plan.rebuild.opens),
                }
            }
            if plan.rebuild
            else {}
        ),
        **({"endOfLife": plan.end_of_life.isoformat()} if plan.end_of_life else {}),
    }


def counts(number: Counts) -> dict[str, int]:
    return {**vars(number), "total": number.total}


def _upgrade(upgrade: Upgrade) -> dict[str, Any]:
    return {
        "type": upgrade.type,
        "place": upgrade.place,
        "sentence": upgrade.sentence,
        "closes": counts(upgrade.closes),
        "command": upgrade.command,
        "dockerfile": upgrade.dockerfile,
        "packages": [_target(target) for target in upgrade.targets],
    }


def _target(target: Target) -> dict[str, Any]:
    return {
        "name": target.name,
        "packages": list(target.packages),
        "installed": list(target.installed),
        "version": target.version,
        "closes": counts(target.closes),
    }


def _base(base: Base) -> dict[str, Any]:
    return {
        **_place(base.placement),
        "tag": base.tag,
        **({"newer": _place(base.newer)} if base.newer else {}),
    }


def _place(placement: Placement) -> dict[str, str]:
    repository = placement.repository
    return {
        "registry": repository.registry.name,
        "repository": repository.name,
        "digest": placement.image.digest,
    }
