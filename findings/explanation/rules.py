"""What the facts say: one rule for each kind of reason, in the order in which they are told.

A further reason, such as a rule that disables findings, is a further function in `RULES`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from findings.explanation.answer import (
    Line,
    Reason,
    about,
    inside,
    listed,
    number,
    outside,
    range_in_words,
    side,
)
from findings.explanation.facts import Facts, Finding, Package, Place, Range
from findings.keys import ANY_STREAM
from findings.versions import family

_MOST_WITHDRAWN = 12
_MOST_RANGES = 4  # compared per advisory


def _not_scanned(facts: Facts) -> Iterator[Line]:
    image = facts.image
    if not image.scanned:
        yield Line(Reason.NOT_SCANNED, "The image has not been scanned yet.")
    elif image.reason:
        yield Line(
            Reason.UNREAD_IMAGE, f"The image could not be read ({image.reason}). {image.detail}"
        )
    elif not image.judged:
        yield Line(
            Reason.NOT_JUDGED, "The image was read, and is about to be judged by the advisories."
        )


def _unknown_id(facts: Facts) -> Iterator[Line]:
    if not facts.vulnerability:
        loaded = listed(sorted({family(ecosystem) for ecosystem in facts.spoken}))
        said = (
            f"The feeds loaded speak of {loaded}" if loaded else "No feed of advisories is loaded"
        )
        yield Line(Reason.UNKNOWN_ID, f"No feed knows an advisory {facts.asked}. {said}.")


def _reported(facts: Facts) -> Iterator[Line]:
    packages = {package.id: package for package in facts.packages}
    for finding in facts.findings:
        if package := packages.get(finding.package):
            yield _found(package, finding)


def _found(package: Package, finding: Finding) -> Line:
    named = f"{package.name} {package.version}"
    proof = finding.proof
    if finding.counted:
        reason, sentence = Reason.REPORTED, f"{named} is affected ({finding.severity})."
    else:
        reason = Reason.UNCOUNTED
        sentence = (
            f"{named} is affected ({finding.severity}), but it is a kernel's package: a container "
            "runs on its host's kernel, so it stands in a list of its own and does not count."
        )
    if proof is None:
        return about(package, reason, f"{sentence} It is just being judged again.")
    return about(package, reason, sentence, proof, inside(package.compared, proof))


def _closed(facts: Facts) -> Iterator[Line]:
    for closed in facts.closed:
        yield Line(
            Reason.CLOSED,
            f"It was reported for {closed.name} {closed.version}, and closed on "
            f"{closed.at:%Y-%m-%d %H:%M} UTC: {closed.cause.lower()}.",
            package=closed.name,
            version=closed.version,
        )


def _withdrawn(facts: Facts) -> Iterator[Line]:
    if facts.vulnerability and not facts.in_force:
        for withdrawal in facts.withdrawals[:_MOST_WITHDRAWN]:
            yield Line(
                Reason.WITHDRAWN,
                f"{withdrawal.advisory} was withdrawn on {withdrawal.at:%Y-%m-%d}.",
                advisory=withdrawal.advisory,
                feed=withdrawal.feed,
            )


def _not_affected(facts: Facts) -> Iterator[Line]:
    found = {finding.package for finding in facts.findings}
    for package in facts.packages:
        if package.id not in found:
            yield from _why_not(package, facts)


def _why_not(package: Package, facts: Facts) -> Iterator[Line]:
    of_name = [each for each in facts.ranges if each.name == package.key_name]
    own = [each for each in of_name if each.ecosystem == package.ecosystem]
    if not own:
        yield from _of_other_releases(package, of_name, facts.spoken)
        return
    standing = [each for each in own if each.withdrawn is None]
    if not standing:
        yield from _of_withdrawn(package, own)
        return
    flavoured = [each for each in standing if each.flavour == package.flavour]
    if package.flavour:
        flavoured += [
            replace(each, unreadable=True) for each in standing if each.flavour == ANY_STREAM
        ]
    if not flavoured:
        yield _of_other_flavours(package, standing)
        return
    yield from _compared(package, flavoured)


def _of_other_releases(
    package: Package, of_name: Iterable[Range], spoken: Sequence[str]
) -> Iterator[Line]:
    """Of another ecosystem altogether nothing is said: it is another package of that name."""
    others = {
        each.ecosystem for each in of_name if family(each.ecosystem) == family(package.ecosystem)
    }
    here = package.ecosystem or _NOWHERE.get(package.type, "the release of this image")
    if others and package.ecosystem in spoken:
        sentence = f"The advisories speak of {package.key_name} in {listed(sorted(others))} only, "
        yield about(package, Reason.OTHER_RELEASE, f"{sentence}not in {here}.")
    elif others or not package.ecosystem:
        sentence = f"No feed loaded speaks of {here}, so {package.name} {package.version} "
        yield about(package, Reason.NO_FEED, f"{sentence}is not judged.")


_NOWHERE = {"binary": "programs that no package brought"}  # nor any ecosystem knows


def _of_withdrawn(package: Package, ranges: Iterable[Range]) -> Iterator[Line]:
    for each in {each.advisory: each for each in ranges if each.withdrawn}.values():
        sentence = f"{each.advisory} named {package.key_name}, and was withdrawn on "
        yield about(package, Reason.WITHDRAWN, f"{sentence}{each.withdrawn:%Y-%m-%d}.", each)


def _of_other_flavours(package: Package, ranges: Iterable[Range]) -> Line:
    flavours = listed(sorted({each.flavour or "none" for each in ranges}))
    own = f"is of {package.flavour or 'none'}"
    return about(
        package,
        Reason.OTHER_FLAVOUR,
        f"The advisories speak of {package.key_name} of the module stream {flavours} only; the one "
        f"installed {own}.",
    )


def _compared(package: Package, ranges: Sequence[Range]) -> Iterator[Line]:
    unreadable = {each.advisory: each for each in ranges if each.unreadable}
    for each in unreadable.values():
        sentence = f"The range that {each.advisory} gives of {package.key_name} cannot be compared"
        yield about(package, Reason.UNKNOWN_RANGE, f"{sentence}: whether it counts is not known.")
    readable = [each for each in ranges if not each.unreadable]
    if not readable:
        return
    if package.key is None:
        yield about(
            package,
            Reason.UNKNOWN_VERSION,
            f"The version {package.compared!r} of {package.name} cannot be compared, so whether it "
            "is affected is not known.",
            readable[0],
        )
        return
    for advisory in dict.fromkeys(each.advisory for each in readable):
        yield _beside(package, [each for each in readable if each.advisory == advisory])


def _beside(package: Package, ranges: Sequence[Range]) -> Line:
    """The package and the ranges of one advisory, none of which it should be in."""
    for each in ranges:
        if side(package.key, each) == "in":
            sentence = f"{package.name} {package.version} is in the range, and is due to be judged."
            return about(package, Reason.DUE, sentence, each, inside(package.compared, each))
    nearest = sorted(ranges, key=lambda each: each.low)[-_MOST_RANGES:]
    comparison = ", ".join(outside(package, each) for each in nearest)
    installed = f"{package.name} {package.version}"
    sentence = f"{installed} is not in the affected range of {ranges[0].advisory}."
    line = about(package, Reason.NOT_IN_RANGE, sentence, ranges[0], comparison)
    return replace(line, range="; ".join(range_in_words(each) for each in nearest))


def _no_package(facts: Facts) -> Iterator[Line]:
    present = {(family(package.ecosystem), package.key_name) for package in facts.packages}
    present |= {("", package.key_name) for package in facts.packages if not package.ecosystem}
    missing: dict[tuple[str, str], None] = {}
    for ecosystem, name in facts.named:
        if (family(ecosystem), name) not in present and ("", name) not in present:
            missing[family(ecosystem), name] = None
    if missing and facts.image.scanned and not facts.image.reason:
        names = listed([f"{name} ({ecosystem})" for ecosystem, name in missing])
        yield Line(
            Reason.NO_PACKAGE,
            f"The image has no package that the advisories name as {names}; "
            f"{number(facts.image.packages, 'package')} of it were looked at.",
        )


def _owned(facts: Facts) -> Iterator[Line]:
    for owned in facts.owned:
        yield Line(
            Reason.OWNED,
            f"{owned.name} {owned.version} is part of the distribution's package {owned.owner}, "
            "and judged with it.",
            package=owned.name,
            version=owned.version,
            places=(Place(owned.path, ""),),
        )


def _unread_files(facts: Facts) -> Iterator[Line]:
    if facts.image.unread_files and facts.vulnerability and not facts.findings:
        count = number(facts.image.unread_files, "file")
        yield Line(
            Reason.UNREAD_FILES,
            f"{count} of the image that may tell of packages could not be read; what is in there "
            "is not known.",
        )


RULES: tuple[Callable[[Facts], Iterator[Line]], ...] = (
    _not_scanned,
    _unknown_id,
    _reported,
    _closed,
    _withdrawn,
    _not_affected,
    _owned,
    _no_package,
    _unread_files,
)
