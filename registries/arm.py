"""The envelope all resource-manager doors share: scope, api-version, bearer token, errors, paging.

Clients know this envelope from Azure Resource Manager and expect its codes and its shapes.
"""

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.response import Response


class ResourceError(Exception):
    """A refusal in the resource manager's own terms: a code programs read, a sentence people do."""

    def __init__(self, status: int, code: str, message: str, target: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.target = status, code, message, target


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


_CODES = {
    400: "InvalidRequestContent",
    404: "ResourceNotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    415: "UnsupportedMediaType",
    429: "TooManyRequests",
}


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
        code = _CODES.get(error.status_code, "BadRequest")
        return ResourceError(error.status_code, code, str(error.detail))
    return None
