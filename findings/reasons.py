"""Why images are not verified, or not known in full: what was seen, and what to do about it."""

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet

from findings.models import ImageVerdict
from registries.models import Image


@dataclass(frozen=True)
class Reason:
    """Why an image is not verified: in two words, what was seen if a scan said so, and what to do
    about it unless that said it already."""

    title: str
    advice: str
    detail: str = ""


# Codes of scans.support.Reason, of findings.verdicts.DOUBTS, and of an image without a verdict.
REASONS = {
    "windows": Reason("Windows image", "Judge this image with a tool made for Windows."),
    "empty": Reason(
        "Nothing to read", "What cannot be read here can be judged where the image is built."
    ),
    "no-access": Reason(
        "No access",
        "Where the registry refused, check the credentials in its settings and that they may pull "
        "from this repository, then scan again.",
    ),
    "too-large": Reason(
        "Too large",
        "The limits keep hostile images harmless. Split large layers, or let an operator raise the "
        "limit, then scan again.",
    ),
    "damaged": Reason("Damaged", "Push the image again."),
    "too-slow": Reason(
        "Took too long",
        "Scan again; if it stays so, look at the registry's speed and at unusually deep or "
        "numerous files.",
    ),
    "failed": Reason(
        "Scan failed", "Scan again; the detail helps whoever runs Vigie if that fails too."
    ),
    "artifact": Reason("Not an image", "Charts, signatures and the like have nothing to scan."),
    "not-judged": Reason(
        "No advisories",
        "The image was read, but no feed speaks of its distribution, of an ecosystem in it, or of "
        "programs that no package brought. Add such a feed, use a base image that is covered, or "
        "install programs as packages.",
    ),
    "end-of-life": Reason("End of life", "Build on a release that still gets them."),
    "partly-read": Reason(
        "Read in part",
        "Look at the files under Unread: what they tell of packages is missing from the lists.",
    ),
    "unknown-version": Reason(
        "Versions not understood",
        "Look under Packages for those that are not judged, and compare their versions by hand.",
    ),
    "unknown-range": Reason(
        "Advisories not understood",
        "Nothing to do in the image; a feed that writes its ranges well tells more.",
    ),
    "waiting": Reason("Waiting for its first scan", "Nothing to do: a worker will take it."),
    "running": Reason("Being scanned", "Nothing to do: the result appears in a moment."),
    "judging": Reason("Being judged", "Nothing to do: it was read, and the result appears soon."),
    "plan-off": Reason(
        "The plan is off",
        "Images of this subscription are not scanned. Switch the container-registries plan on.",
    ),
    "not-due": Reason(
        "Never scanned",
        "It was not pushed or pulled since the plan is on, so no scan was due. Scan it now to "
        "know what is inside.",
    ),
}
UNNAMED = Reason("Not verified", "Scan the image again.")


# What keeps an image from being healthy though it was read, the gravest first: the lookup on its
# verdict that says so.
DOUBTS: dict[str, tuple[str, object]] = {
    "not-judged": ("reason", "not-judged"),
    "end-of-life": ("end_of_life__isnull", False),
    "partly-read": ("unread_files__gt", 0),
    "unknown-version": ("unreadable_versions__gt", 0),
    "unknown-range": ("unreadable_ranges__gt", 0),
}


def reason_of(verdict: ImageVerdict | None, active: str, plan_enabled: bool) -> Reason | None:
    """Why an image is unverified; `active` is "queued", "running", "judging" or "" for neither."""
    if verdict is not None:
        return doubts_of(verdict)[0] if verdict.state == ImageVerdict.State.UNVERIFIED else None
    if active:
        return REASONS["waiting" if active == "queued" else active]
    return REASONS["not-due" if plan_enabled else "plan-off"]


def doubts_of(verdict: ImageVerdict) -> list[Reason]:
    """All that keeps an image from being healthy beside findings, each with what was seen: the
    verdict's detail has a line for each, in this order."""
    held = {
        "not-judged": verdict.reason == "not-judged",
        "end-of-life": verdict.end_of_life,
        "partly-read": verdict.unread_files,
        "unknown-version": verdict.unreadable_versions,
        "unknown-range": verdict.unreadable_ranges,
    }
    if verdict.state == ImageVerdict.State.UNVERIFIED and verdict.reason not in held:
        return [_seen(verdict.reason, verdict.detail)]  # it was not read at all
    codes = [code for code, holds in held.items() if holds or code == verdict.reason]
    lines = verdict.detail.split("\n")
    return [
        _seen(code, line) for code, line in zip_longest(codes, lines[: len(codes)], fillvalue="")
    ]


def _seen(code: str, detail: str) -> Reason:
    reason = REASONS.get(code, UNNAMED)
    advice = "" if reason.advice in detail else reason.advice
    return Reason(reason.title, advice, detail)


# The code of images that nobody has judged yet, whatever they wait for.
NO_VERDICT = "no-verdict"


def title_of(code: str) -> str:
    return "No verdict yet" if code == NO_VERDICT else REASONS.get(code, UNNAMED).title


@dataclass(frozen=True)
class ReasonCount:
    """A reason and how many images it holds for."""

    code: str
    title: str
    unverified: int
    unhealthy: int

    @property
    def state(self) -> str:
        """Of most of them."""
        return "unverified" if self.unverified else "unhealthy"


def held_for(code: str, verdict: str = "verdict__") -> Q:
    """Rows that a reason holds for; `verdict` is the lookup from one to its image's verdict."""
    lookup, value = DOUBTS.get(code, ("reason", code))
    if code == NO_VERDICT:
        lookup, value = "isnull", True
    return Q(**{f"{verdict}{lookup}": value})


def count_reasons(images: QuerySet[Image]) -> list[ReasonCount]:
    """For how many of these images each reason holds, the most frequent first; several may hold
    for one. One query: the images are grouped by what their verdicts say."""
    flags = {
        code.replace("-", "_"): ExpressionWrapper(held_for(code), BooleanField()) for code in DOUBTS
    }
    groups = (
        images.filter(kind=Image.Kind.IMAGE)
        .annotate(**flags)
        .values_list("verdict__state", "verdict__reason", *flags)
        .annotate(number=Count("pk"))
        .order_by()
    )
    counts: Counter[tuple[str, str]] = Counter()
    for state, reason, *held, number in groups:
        codes = [code for code, holds in zip(DOUBTS, held, strict=True) if holds]
        if not codes and state in (None, "unverified"):
            codes = [reason or NO_VERDICT]
        for code in codes:
            counts[code, state or "unverified"] += number
    found = [
        ReasonCount(
            code,
            title_of(code),
            counts[code, "unverified"],
            counts[code, "unhealthy"],
        )
        for code in dict.fromkeys(code for code, _ in counts)
    ]
    return sorted(found, key=lambda row: (-row.unverified, -row.unhealthy, row.title))
