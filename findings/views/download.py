"""What is downloaded of an image: its SBOM, and its findings as SARIF."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from findings import sarif, sarifs
from findings.views.image import placement_or_404
from findings.views.listing import chosen
from scans import sboms


@require_safe
@login_required
def sbom(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    placement = placement_or_404(request, repository, digest)
    format = chosen(request, "format", sboms.FORMATS, "cyclonedx")
    try:
        body = sboms.export(placement, format)
    except sboms.NotKnown as error:
        messages.warning(request, str(error))
        return redirect("image", repository, digest)
    known = sboms.FORMATS[format]
    return _file(body, known.media_type, f"{placement.image.short_digest}.{known.extension}")


@require_safe
@login_required
def findings(request: HttpRequest, repository: int, digest: str) -> HttpResponse:
    placement = placement_or_404(request, repository, digest)
    name = f"{placement.image.short_digest}.sarif"
    return _file(sarifs.export(placement), sarif.MEDIA_TYPE, name)


def _file(body: bytes, media_type: str, name: str) -> HttpResponse:
    disposition = f'attachment; filename="{name}"'
    return HttpResponse(body, content_type=media_type, headers={"Content-Disposition": disposition})
