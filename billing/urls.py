"""The statement of charges, as a page and as CSV."""

from django.urls import path

from billing import views

app_name = "billing"
urlpatterns = [
    path("", views.statement, name="statement"),
    path("statement.csv", views.download, name="download"),
]
