"""A finding of an image: what it is, what to do, and the proof."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from findings import images, vulnerabilities
from findings.actions import closing_versions, managers_of
from findings.commands import manager_of
from findings.remediation import remediate
from findings.views.image import placement_or_404


@require_safe
@login_required
def show(request: HttpRequest, repository: int, digest: str, pk: int) -> HttpResponse:
    placement = placement_or_404(request, repository, digest)
    finding = get_object_or_404(images.findings_of(placement.image_id), pk=pk)
    proof = images.proof(finding, placement.image_id)
    package = finding.package
    context = {
        "placement": placement,
        "image": placement.image,
        "repository": placement.repository,
        "registry": placement.repository.registry,
        "tags": images.tags_of([placement])[placement.pk],
        "finding": finding,
        "proof": proof,
        # Distribution packages are compared by the version of their source.
        "compared": package.source_version or package.version,
        "remedy": remediate(
            package.type,
            package.name,
            package.source_name,
            closing_versions([finding])[finding.pk],
            proof.places[0].path if proof.places else "",
            manager_of(package.type, managers_of(placement.image_id)),
            finding.fix_state,
        ),
        "vulnerability": vulnerabilities.describe(finding.vulnerability),
        "affected": vulnerabilities.elsewhere(request.user, finding.vulnerability_id, placement),
    }
    return render(request, "findings/finding.html", context)
