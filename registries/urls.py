from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from registries import views

urlpatterns = [
    path(
        "login",
        LoginView.as_view(template_name="registries/login.html", redirect_authenticated_user=True),
        name="login",
    ),
    path("logout", LogoutView.as_view(), name="logout"),
    path("registries/connect", views.connect, name="connect-registry"),
    path("registries/<int:pk>/settings", views.settings, name="registry-settings"),
    path("registries/<int:pk>/webhook", views.webhook, name="registry-webhook"),
    path("registries/<int:pk>/sync", views.sync, name="sync-registry"),
]
