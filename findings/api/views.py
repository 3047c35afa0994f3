"""The doors of the sub-assessments: what this user may see, one page of it, in the known shape."""

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from findings import recommendations
from findings.api import choosing, schema
from findings.api.rows import only, page_after
from findings.api.shape import subassessments
from findings.subassessments import START, Key, pack, unpack
from registries.arm import ResourceError, ResourceManagerDoor, next_link, parameter
from registries.resource_ids import VisibleScope, parse_scope, resolve

SECURITY = "/providers/Microsoft.Security"


class SubAssessments(ResourceManagerDoor, APIView):
    @extend_schema(**schema.LIST_ALL)
    def get(self, request, scope: str) -> Response:
        """List the sub-assessments of all recommendations at a scope."""
        found = resolve(parse_scope(scope), request.user)
        return Response(_list(request, found, f"{found.id}{SECURITY}/subAssessments"))


class SubAssessmentsOfAssessment(ResourceManagerDoor, APIView):
    @extend_schema(**schema.LIST)
    def get(self, request, scope: str, assessment: str) -> Response:
        """List the sub-assessments of one recommendation at a scope."""
        found = resolve(parse_scope(scope), request.user)
        _require_assessment(assessment)
        path = f"{found.id}{SECURITY}/assessments/{recommendations.KEY}/subAssessments"
        return Response(_list(request, found, path))


class SubAssessment(ResourceManagerDoor, APIView):
    @extend_schema(**schema.GET)
    def get(self, request, scope: str, assessment: str, name: str) -> Response:
        """Get one sub-assessment by its name."""
        found = resolve(parse_scope(scope), request.user)
        _require_assessment(assessment)
        key = unpack(name)
        shaped = subassessments(only(found.registries, key), found.registries) if key else iter(())
        if (answer := next(shaped, None)) is None:
            raise ResourceError(
                404, "SubAssessmentNotFound", "There is no sub-assessment of that name here."
            )
        return Response(answer)


class UnknownType(ResourceManagerDoor, APIView):
    """Whatever else Microsoft.Security has elsewhere: said in the shape clients can read."""

    @extend_schema(exclude=True)
    def get(self, request, scope: str, rest: str) -> Response:
        raise ResourceError(
            404, "InvalidResourceType", "This type of Microsoft.Security is not served here."
        )


def _require_assessment(key: str) -> None:
    if key.lower() != recommendations.KEY:
        raise ResourceError(
            404,
            "AssessmentNotFound",
            f"There is no such assessment here; sub-assessments are of {recommendations.KEY}.",
        )


def _list(request, scope: VisibleScope, path: str) -> dict:
    query = {name: parameter(request.query_params, name) for name in choosing.PARAMETERS}
    wanted = choosing.wanted(query)
    page = page_after(scope.registries, _start(request), wanted=wanted)
    answer = {"value": list(subassessments(page, scope.registries))}
    if page.after:
        given = {name: value for name, value in query.items() if value}
        answer["nextLink"] = next_link(request, path, pack(page.after), given)
    return answer


def _start(request) -> Key:
    """Where the page begins: the token is the name of the row before it."""
    token = parameter(request.query_params, "$skipToken")
    start = unpack(token) if token else START
    if start is None:
        raise ResourceError(
            400,
            "InvalidSkipToken",
            "The $skipToken is none of ours: follow nextLink as it was given.",
            target="$skipToken",
        )
    return start
