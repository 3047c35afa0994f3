"""The envelope all resource-manager doors share: bearer token, api-version, errors, paging.

Clients know this envelope from Azure Resource Manager and expect its codes and its shapes.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from urllib.parse import quote, urlencode

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls.conf import _path
from django.urls.resolvers import RoutePattern
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response

from registries import tokens


class ResourceError(Exception):
    """A refusal in the resource manager's own terms: a code programs read, a sentence people do."""

    def __init__(self, status: int, code: str, message: str, target: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target = status, code, message, target


# --- answers ------------------------------------------------------------------------------------


class OrjsonRenderer(BaseRenderer):
    """JSON by orjson: four times the pages of the framework's own encoder."""

    media_type = "application/json"
    format = "json"
    charset = None  # JSON is UTF-8; a charset parameter means nothing here (RFC 8259, section 11)

    def render(self, data, accepted_media_type=None, renderer_context=None) -> bytes:
        return b"" if data is None else orjson.dumps(data)


def exception_handler(error: Exception, context) -> Response | None:
    """Whatever a door refuses, in one shape. What is nobody's fault but ours stays an exception."""
    refused = _refusal(error)
    if refused is None:
        return None
    response = Response(_error_body(refused), status=refused.status)
    if refused.status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="vigie", error="invalid_token"'
    return response


def _error_body(refused: ResourceError) -> dict:
    return {
        "error": {
            "code": refused.code,
            "message": refused.message,
            "target": refused.target,
            "details": [],
            "additionalInfo": [],
        }
    }


_CODES = {404: "ResourceNotFound", 405: "MethodNotAllowed", 406: "NotAcceptable"}


def _refusal(error: Exception) -> ResourceError | None:
    if isinstance(error, ResourceError):
        return error
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        return ResourceError(
            401,
            "InvalidAuthenticationToken",
            "The access token is missing, expired or unknown: send 'Authorization: Bearer TOKEN'.",
        )
    # What one may not see does not exist for him.
    if isinstance(error, Http404 | PermissionDenied | exceptions.PermissionDenied):
        return ResourceError(404, "ResourceNotFound", "There is no such resource.")
    if isinstance(error, exceptions.APIException):
        code = _CODES.get(error.status_code, "InvalidRequest")
        return ResourceError(error.status_code, code, str(error.detail))
    return None


# --- doors --------------------------------------------------------------------------------------


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer TOKEN`, where TOKEN is one a user of Vigie has made."""

    def authenticate(self, request):
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        user = tokens.authenticate(token.strip())
        if user is None:
            raise exceptions.AuthenticationFailed
        return user, None


class ResourceManagerDoor:
    """What a view adds to the framework's APIView to be a door of the resource manager: who asks,
    then which version, so that a stranger learns nothing.

    Not an APIView itself: the framework's settings name this module, so it must be importable
    while the framework's views are still being imported.
    """

    authentication_classes = [BearerToken]
    permission_classes = [IsAuthenticated]

    def initial(self, request, *args, **kwargs) -> None:
        super().initial(request, *args, **kwargs)
        require_api_version(request.query_params)


class _AnyCase(RoutePattern):
    """Literal segments match in any case: Microsoft.Security is microsoft.security."""

    def __init__(self, route, name=None, is_endpoint=False):
        super().__init__(route, name, is_endpoint)
        self.__dict__["regex"] = re.compile(self._regex, re.IGNORECASE)


# As django.urls.path, for the paths of resources.
resource_path = partial(_path, Pattern=_AnyCase)


# --- query parameters ---------------------------------------------------------------------------

_API_VERSION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(-[a-z]{1,30})?", re.IGNORECASE)


def parameter(query: Mapping[str, str], name: str) -> str:
    """A query parameter, whatever the case of its name; "" where it is missing."""
    return next((value for key, value in query.items() if key.lower() == name.lower()), "")


def require_api_version(query: Mapping[str, str]) -> None:
    """Any well-formed version is served: clients of one product already ask for three."""
    version = parameter(query, "api-version")
    if not version:
        raise ResourceError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _is_api_version(version):
        raise ResourceError(
            400,
            "InvalidApiVersionParameter",
            "The api-version is not a date such as 2020-01-01 or 2019-01-01-preview.",
        )


def _is_api_version(version: str) -> bool:
    parsed = _API_VERSION.fullmatch(version)
    try:
        return parsed is not None and bool(date.fromisoformat(parsed[1]))
    except ValueError:
        return False


def next_link(request, path: str, skip_token: str, given: Mapping[str, str] = {}) -> str:
    """The absolute address of the next page. `path` is the resource's own, unquoted; the token,
    and what else was given in the query, must be made of characters that need no quoting, as some
    clients quote twice."""
    version = parameter(request.query_params, "api-version")
    query = urlencode({"api-version": version, **given, "$skipToken": skip_token})
    return request.build_absolute_uri(f"{quote(path)}?{query}")
