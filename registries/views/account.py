"""One's own account: the password, and the tokens of one's programs."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from registries import tokens
from registries.forms import TokenForm


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def show(request: HttpRequest) -> HttpResponse:
    """One's tokens; a new one is shown in this one answer and never again."""
    form, plain = TokenForm(request.POST or None), ""
    if form.is_valid():
        expires_at = timezone.now() + timedelta(days=form.cleaned_data["days"])
        plain = tokens.issue(request.user, form.cleaned_data["name"], expires_at)
        form = TokenForm()
    held = request.user.access_tokens.order_by("-created_at")
    context = {"form": form, "plain": plain, "tokens": held, "now": timezone.now()}
    return render(request, "registries/account.html", context)


@require_POST
@login_required
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(request.user.access_tokens, pk=pk)
    token.delete()
    messages.success(request, f"The token “{token.name}” no longer opens anything.")
    return redirect("account")


class ChangePassword(SuccessMessageMixin, PasswordChangeView):
    template_name = "registries/password.html"
    success_url = reverse_lazy("account")
    success_message = "Your password is changed."
