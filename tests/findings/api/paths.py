"""The addresses of the sub-assessments, and what they answer."""

from findings.recommendations import KEY
from registries.models import Registry, Subscription


def of_subscription(subscription: Subscription) -> str:
    return f"/subscriptions/{subscription.pk}"


def of_registry(registry: Registry) -> str:
    return (
        f"/subscriptions/{registry.subscription_id}/resourceGroups/{registry.resource_group}"
        f"/providers/Microsoft.ContainerRegistry/registries/{registry.name}"
    )


def list_all(scope: str) -> str:
    return f"{scope}/providers/Microsoft.Security/subAssessments"


def listed(scope: str, key: str = KEY) -> str:
    return f"{scope}/providers/Microsoft.Security/assessments/{key}/subAssessments"


def named(scope: str, name: str, key: str = KEY) -> str:
    return f"{listed(scope, key)}/{name}"


def values(response) -> list[dict]:
    assert response.status_code == 200, response.content
    return response.json()["value"]
