"""One package, and every image that holds it."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from findings import images, packages
from findings.keyset import page
from findings.views.listing import render_list, searched
from scans.models import Package

ORDER = ("-id",)


@require_safe
@login_required
def show(request: HttpRequest, pk: int) -> HttpResponse:
    package = get_object_or_404(Package, pk=pk)
    placed = packages.placed(request.user, pk)
    reach = images.reach(placed)
    if not reach["images"]:
        raise Http404("It stands in no image you may see.")
    if q := searched(request):
        placed = placed.filter(repository__name__icontains=q)
    found = page(placed, ORDER, request.GET)
    context = {
        "package": package,
        "matches": packages.matches(pk),
        "counted": packages.is_counted(pk),
        "judged": packages.judged_among([pk]).exists(),
        "reach": reach,
        "page": found,
        "rows": images.describe(found.rows),
        "q": q,
    }
    return render_list(request, "findings/package.html", "findings/parts/affected.html", context)
