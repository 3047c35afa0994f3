"""The doors through which SBOMs come: page, API and shell."""

from io import StringIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from findings.models import ImageVerdict
from registries import tokens
from registries.models import Image, Registry, Role
from tests.factories import a_feed, a_registry, a_subscription, a_user
from tests.scans.test_importing import BODY

pytestmark = pytest.mark.django_db


@pytest.fixture
def registry():
    return a_registry(kind=Registry.Kind.SBOM, location="sbom:")


def logged_in(client, registry, role=Role.CONTRIBUTOR):
    user = a_user(registry.subscription, role)
    client.force_login(user)
    return user


# --- the page ---


def upload(client, registry, body=BODY, **fields):
    given = {"repository": "team/app", "document": SimpleUploadedFile("a.json", body)} | fields
    return client.post(reverse("import-sbom", args=[registry.pk]), given, follow=True)


def test_an_upload_leads_to_the_image(client, registry):
    logged_in(client, registry)
    assert "Import an SBOM" in client.get(reverse("registry", args=[registry.pk])).content.decode()
    page = upload(client, registry, tag="1.2").content.decode()
    assert "Imported. It is judged within seconds." in page
    assert Image.objects.get().digest in page


def test_the_page_of_an_imported_sbom_offers_nothing_of_a_scanned_image(client, registry):
    logged_in(client, registry, Role.OWNER)
    page = upload(client, registry).content.decode()
    assert "Imported SBOM in team/app" in page
    assert "CycloneDX document" in page
    assert "Scan now" not in page
    assert "compressed" not in page
    listed = client.get(reverse("registry", args=[registry.pk])).content.decode()
    assert "imported SBOMs" in listed
    assert "catalogue walked" not in listed


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [({"document": ""}, "Choose a file"), ({"repository": "A B"}, "is not the name")],
)
def test_what_is_refused_says_why(client, registry, fields, sentence):
    logged_in(client, registry)
    assert sentence in upload(client, registry, **fields).content.decode()


@pytest.mark.parametrize("role", [Role.READER, Role.SECURITY_READER])
def test_who_may_only_look_imports_nothing(client, registry, role):
    logged_in(client, registry, role)
    page = client.get(reverse("registry", args=[registry.pk])).content.decode()
    assert "Import an SBOM" not in page
    assert upload(client, registry).status_code == 404
    assert not Image.objects.exists()


def test_a_registry_for_sboms_is_made_on_the_page(client, registry):
    logged_in(client, registry, Role.OWNER)
    client.post(
        reverse("connect-registry"),
        {
            "subscription": registry.subscription_id, "resource_group": "default", "name": "boms",
            "kind": "sbom", "location": "", "username": "", "secret": "",
        },
    )  # fmt: skip
    assert Registry.objects.get(name="boms").kind == Registry.Kind.SBOM


# --- the API ---


def post(client, registry, user, body=BODY, query="repository=team/app&tag=1"):
    token = tokens.issue(user, "test") if user else ""
    return client.post(
        f"/api/registries/{registry.pk}/sboms?{query}",
        body,
        content_type="application/vnd.cyclonedx+json",
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )


def test_a_document_that_is_posted_is_an_image(client, registry):
    answer = post(client, registry, a_user(registry.subscription, Role.CONTRIBUTOR))
    assert (answer.status_code, answer.json()["digest"]) == (201, Image.objects.get().digest)


def test_a_document_larger_than_a_form_may_be_is_taken(client, registry, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    user = a_user(registry.subscription, Role.CONTRIBUTOR)
    answer = post(client, registry, user, BODY + b" " * 200)
    assert answer.status_code == 201


def test_what_is_no_sbom_is_refused_in_the_shape_of_refusals(client, registry):
    user = a_user(registry.subscription, Role.CONTRIBUTOR)
    for body, query in ((b"{}", "repository=a"), (b"", "repository=a"), (BODY, "")):
        answer = post(client, registry, user, body, query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "SbomRefused")


def test_nobody_else_posts_there(client, registry):
    assert post(client, registry, None).status_code == 401
    for user in (a_user(registry.subscription, Role.READER), a_user(a_subscription(), Role.OWNER)):
        assert post(client, registry, user).status_code == 404
    assert not Image.objects.exists()


# --- the shell ---


def imported(file, *options: str) -> str:
    out = StringIO()
    call_command("import_sbom", str(file), "--repository", "team/app", *options, stdout=out)
    return out.getvalue()


def test_the_command_makes_the_registry_imports_and_judges(tmp_path):
    a_subscription()
    a_feed()
    (tmp_path / "a.json").write_bytes(BODY)
    told = imported(tmp_path / "a.json", "--registry", "boms", "--tag", "1")
    image = Image.objects.get()
    assert told.strip() == f"boms/team/app@{image.digest}"
    assert ImageVerdict.objects.get(image=image).state == "healthy"
    imported(tmp_path / "a.json", "--registry", "boms")
    assert Registry.objects.count() == 1


@pytest.mark.parametrize(
    ("subscriptions", "options", "sentence"),
    [
        (0, (), "There is no subscription yet"),
        (2, (), "Say which subscription is meant"),
        (1, ("--subscription", "nobody"), "There is no subscription nobody"),
    ],
)
def test_the_subscription_is_asked_for_where_it_is_not_clear(
    tmp_path, subscriptions, options, sentence
):
    for _ in range(subscriptions):
        a_subscription()
    (tmp_path / "a.json").write_bytes(BODY)
    with pytest.raises(CommandError, match=sentence):
        imported(tmp_path / "a.json", "--registry", "boms", *options)


def test_a_file_that_is_not_there_or_no_sbom_is_said_so(tmp_path):
    a_subscription()
    with pytest.raises(CommandError, match="cannot be read"):
        imported(tmp_path / "none", "--registry", "boms")
    (tmp_path / "a.json").write_bytes(b"{}")
    with pytest.raises(CommandError, match="neither CycloneDX"):
        imported(tmp_path / "a.json", "--registry", "boms")
