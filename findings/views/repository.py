"""A repository: its images by state."""

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from findings import images, reasons, recommendations
from findings.recommendations import (
    HEALTHY,
    NOT_APPLICABLE,
    UNHEALTHY,
    UNVERIFIED,
    WORST_FIRST,
)
from findings.views.listing import Sort, by_state, render_list
from registries import scope
from registries.models import Image, Repository, Tag

SORTS = {
    "worst": Sort("Most vulnerable first", WORST_FIRST),
    "exploited": Sort("Known exploited first", ("-known_exploited", *WORST_FIRST)),
    "newest": Sort("Newest first", ("-id",)),
    "oldest": Sort("Oldest first", ("id",)),
}
# As findings.recommendations.image_state says, in words that the database can look up.
_IS_IMAGE = Q(image__kind=Image.Kind.IMAGE)
IN_STATE = {
    UNHEALTHY: Q(image__verdict__state=UNHEALTHY),
    UNVERIFIED: _IS_IMAGE & (Q(image__verdict__state=UNVERIFIED) | Q(image__verdict__isnull=True)),
    HEALTHY: Q(image__verdict__state=HEALTHY),
    NOT_APPLICABLE: ~_IS_IMAGE,
}


@require_safe
@login_required
def show(request: HttpRequest, pk: int) -> HttpResponse:
    visible = scope.visible(
        Repository.objects.select_related("registry__subscription"), request.user
    )
    repository = get_object_or_404(visible, pk=pk)
    rows = images.placements().filter(repository=repository)
    found = reasons.count_reasons(Image.objects.filter(placements__repository=repository))
    reason = next((row for row in found if row.code == request.GET.get("reason")), None)
    if reason:
        rows = rows.filter(reasons.held_for(reason.code, "image__verdict__"))
    everything = Image.objects.filter(placements__repository=repository)
    tally = recommendations.total(everything)
    counts = {
        UNHEALTHY: tally.unhealthy,
        UNVERIFIED: tally.unverified,
        HEALTHY: tally.healthy,
        NOT_APPLICABLE: everything.exclude(kind=Image.Kind.IMAGE).count(),
    }
    context = by_state(request, rows, counts, IN_STATE, _by_digest_or_tag, SORTS) | {
        "repository": repository,
        "registry": repository.registry,
        "tally": tally,
        "emptied": not any(counts.values()),
        "reasons": found,
        "reason": reason,
    }
    context["rows"] = images.describe(context["page"].rows)
    return render_list(request, "findings/repository.html", "findings/parts/images.html", context)


def _by_digest_or_tag(q: str) -> Q:
    tags = Tag.objects.filter(repository=OuterRef("repository"), name__icontains=q)
    direct = tags.filter(image=OuterRef("image"))
    through_index = tags.filter(image__members=OuterRef("image"))
    return Q(image__digest__contains=q.lower()) | Exists(direct) | Exists(through_index)
