"""Pages of what is connected: connect a registry, its settings and webhook, sync it
now, disconnect it."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from registries import connection, inventory, scope, tasks
from registries.forms import ConnectForm, RegistryForm
from registries.models import Registry
from registries.roles import Action


@sensitive_post_parameters("secret")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Connect a registry: it is kept only if it answers; its images are found by the first walk."""
    form = ConnectForm(request.user, request.POST or None)
    if form.is_valid() and (registry := _connected(form)):
        _walk(registry)
        walked = "" if registry.kind == Registry.Kind.SBOM else " Its catalogue is being walked."
        messages.success(request, f"{registry} is connected.{walked}")
        return redirect("registry-settings", registry.pk)
    allowed = form.fields["subscription"].queryset.exists()
    return render(request, "registries/connect.html", {"form": form, "allowed": allowed})


def _connected(form: ConnectForm) -> Registry | None:
    """The new registry, once it has answered; None leaves what is wrong in the form."""
    registry = form.save(commit=False)
    if problem := connection.verify(registry):
        form.add_error(None, problem)
        return None
    try:
        with transaction.atomic():
            registry.save()
    except IntegrityError:  # the button was pressed twice
        form.add_error("name", "This resource group has a registry of that name by now.")
        return None
    return registry


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


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask first, then forget the registry with all that is known of it."""
    registry = _manageable(request, pk)
    if request.method == "POST":
        inventory.disconnect(registry)
        messages.success(request, f"{registry.name} is disconnected, and forgotten.")
        return redirect("dashboard")
    images = registry.images.count()
    return render(request, "registries/disconnect.html", {"registry": registry, "images": images})


def _manageable(request: HttpRequest, pk: int) -> Registry:
    allowed = scope.allowed(
        Registry.objects.select_related("subscription"), request.user, Action.MANAGE_REGISTRIES
    )
    return get_object_or_404(allowed, pk=pk)


def _walk(registry: Registry) -> None:
    """Walk soon; without a broker the clock comes round to it all the same."""
    Registry.objects.filter(pk=registry.pk).update(walked_at=None)
    tasks.soon(tasks.walk, registry.pk)
