"""Pages of what is connected: connect a registry, its settings and webhook, sync it now."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from registries import connection, scope, tasks
from registries.forms import ConnectForm, RegistryForm
from registries.models import Registry
from registries.roles import Action


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Connect a registry: it is kept only if it answers; its images are found by the first walk."""
    form = ConnectForm(request.user, request.POST or None)
    if form.is_valid():
        registry = form.save()
        if problem := connection.verify(registry):
            registry.delete()
            form.add_error(None, problem)
        else:
            _walk(registry)
            messages.success(request, f"{registry} is connected. Its catalogue is being walked.")
            return redirect("registry-settings", registry.pk)
    allowed = form.fields["subscription"].queryset.exists()
    return render(request, "registries/connect.html", {"form": form, "allowed": allowed})


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def settings(request: HttpRequest, pk: int) -> HttpResponse:
    registry = _manageable(request, pk)
    form = RegistryForm(request.user, request.POST or None, instance=registry)
    if form.is_valid():
        registry = form.save()
        connection.forget_outcome(registry)
        if problem := connection.verify(registry):
            messages.error(request, f"Saved, but the registry does not answer: {problem}")
        else:
            _walk(registry)
            messages.success(request, "Saved, and the registry answers.")
        return redirect("registry-settings", pk)
    return render(request, "registries/settings.html", {"form": form, "registry": registry})


@never_cache
@require_POST
@login_required
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """A new webhook secret in place of the old one, shown in this one answer and never again."""
    registry = _manageable(request, pk)
    context = {
        "registry": registry,
        "form": RegistryForm(request.user, instance=registry),
        "secret": connection.new_webhook_secret(registry),
        "endpoint": request.build_absolute_uri(reverse("webhook", args=[pk])),
    }
    return render(request, "registries/settings.html", context)


@require_POST
@login_required
def sync(request: HttpRequest, pk: int) -> HttpResponse:
    registry = _manageable(request, pk)
    _walk(registry)
    messages.success(request, f"The catalogue of {registry} is being walked.")
    return redirect("registry", pk)


def _manageable(request: HttpRequest, pk: int) -> Registry:
    allowed = scope.allowed(
        Registry.objects.select_related("subscription"), request.user, Action.MANAGE_REGISTRIES
    )
    return get_object_or_404(allowed, pk=pk)


def _walk(registry: Registry) -> None:
    """Walk soon; without a broker the clock comes round to it all the same."""
    Registry.objects.filter(pk=registry.pk).update(walked_at=None)
    tasks.soon(tasks.walk, registry.pk)
