from hashlib import sha256

from django.utils import timezone

from registries import connection
from registries.models import Registry
from tests.registries.layouts import Shelf


def test_a_connection_that_works_is_verified(shelves):
    Registry.objects.update(verified_at=None, problem="It was down.")
    shelves.refresh_from_db()
    assert connection.verify(shelves) == ""
    shelves.refresh_from_db()
    assert shelves.problem == ""
    assert shelves.verified_at is not None


def test_a_connection_that_fails_says_why_in_one_sentence(shelves, folder):
    shelves.location = str(folder / "nowhere")
    sentence = connection.verify(shelves)
    assert "nowhere" in sentence
    assert sentence.endswith(".")
    shelves.refresh_from_db()
    assert shelves.problem == sentence


def test_a_failure_keeps_the_date_of_the_last_success(shelves, folder):
    since = shelves.verified_at
    shelves.location = str(folder / "nowhere")
    connection.verify(shelves)
    shelves.refresh_from_db()
    assert shelves.verified_at == since


def test_a_folder_outside_the_roots_is_never_opened(shelves, folder, settings):
    settings.LAYOUT_ROOTS = [folder / "registries"]
    sentence = connection.verify(shelves)
    assert "VIGIE_LAYOUT_ROOTS" in sentence
    settings.LAYOUT_ROOTS = [folder]
    assert connection.verify(shelves) == ""


def test_a_link_out_of_the_roots_leads_nowhere(shelves, folder, settings, tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    (root / "link").symlink_to(folder)
    shelves.location = str(root / "link")
    settings.LAYOUT_ROOTS = [root]
    assert "VIGIE_LAYOUT_ROOTS" in connection.verify(shelves)


def test_verifying_does_not_save_what_else_was_changed_meanwhile(shelves):
    Registry.objects.update(name="renamed")
    connection.verify(shelves)
    shelves.refresh_from_db()
    assert shelves.name == "renamed"


def test_the_client_gets_the_credentials_unsealed(registry, monkeypatch):
    given = []
    provider = connection.PROVIDERS[registry.kind]
    monkeypatch.setitem(
        connection.PROVIDERS,
        registry.kind,
        type(provider)(provider.kind, "", False, lambda *values: given.append(values)),
    )
    connection.connect(registry)
    connection.set_credentials(registry, "alice", "hunter2")
    registry.save()
    registry.refresh_from_db()
    connection.connect(registry)
    (_, nobody), (location, alice) = given
    assert nobody is None
    assert (location, alice.username, alice.secret) == (registry.location, "alice", "hunter2")
    assert b"hunter2" not in bytes(registry.sealed_secret)


def test_an_empty_secret_makes_the_connection_anonymous(registry):
    connection.set_credentials(registry, "alice", "hunter2")
    connection.set_credentials(registry, "", "")
    assert (registry.username, registry.sealed_secret) == ("", None)


def test_credentials_that_cannot_be_unsealed_fail_with_their_sentence(shelves, settings):
    connection.set_credentials(shelves, "alice", "hunter2")
    shelves.save()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", []
    assert "enter the password again" in connection.verify(shelves)


def test_a_changed_connection_is_unverified_and_due_for_a_walk(shelves, folder):
    Shelf(folder, "app")
    Registry.objects.update(walked_at=timezone.now(), problem="It was down.")
    connection.forget_outcome(shelves)
    assert (shelves.verified_at, shelves.walked_at, shelves.problem) == (None, None, "")


def test_a_webhook_secret_is_shown_once_and_kept_as_its_hash(registry):
    secret = connection.new_webhook_secret(registry)
    registry.refresh_from_db()
    assert bytes(registry.webhook_secret_hash) == sha256(secret.encode()).digest()
    assert connection.new_webhook_secret(registry) != secret
