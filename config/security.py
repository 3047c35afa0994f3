"""What a browser may do with a page: use nothing but this host's own files, and nothing inline."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
# Swagger's page brings styles of its own.
PATHS = {"/api/docs": POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")}


def content_security_policy(get_response):
    """Middleware that sends the policy with every answer."""

    def respond(request):
        response = get_response(request)
        response["Content-Security-Policy"] = PATHS.get(request.path, POLICY)
        return response

    return respond
