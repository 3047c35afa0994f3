"""Logging in, one's account, and the registries one manages."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from registries.views import account, registry

urlpatterns = [
    path(
        "login",
        LoginView.as_view(template_name="registries/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout", LogoutView.as_view(), name="logout"),
    path("account", account.show, name="account"),
    path("account/password", account.ChangePassword.as_view(), name="change-password"),
    path("account/tokens/<int:pk>/revoke", account.revoke, name="revoke-token"),
    path("registries/connect", registry.connect, name="connect-registry"),
    path("registries/<int:pk>/settings", registry.settings, name="registry-settings"),
    path("registries/<int:pk>/webhook", registry.webhook, name="registry-webhook"),
    path("registries/<int:pk>/disconnect", registry.disconnect, name="disconnect-registry"),
    path("registries/<int:pk>/sync", registry.sync, name="sync-registry"),
]
