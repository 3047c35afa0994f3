"""The OCI distribution protocol as functions of bytes: references, manifests, a client."""
