"""Against Debian's docker-registry: what a real server does."""

import ssl
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from registries.oci.errors import AccessDenied, NotARegistry, NotFound, RegistryError, Unreachable
from registries.oci.manifest import Index, Manifest, Platform, kind_of, parse_manifest
from registries.providers import PROVIDERS, Credentials, read_config
from tests import pushing
from tests.registries.oci.fake import Answer, as_json, fake_registry
from tests.registries.providers.certificates import Authority
from tests.registries.providers.token_service import token_service
from tests.registry_server import LOGIN, RunningRegistry

Start = Callable[..., RunningRegistry]
PROVIDER = PROVIDERS["distribution"]
CREDENTIALS = Credentials(*LOGIN)


def test_an_image_is_found_and_read(docker_registry: Start) -> None:
    server = docker_registry()
    app = pushing.image({"a": "1"}, {"b": "2"}, packing="zstd")
    pushing.push(server.url, "team/app", app, "1.0")
    with PROVIDER.open(server.url, None) as source:
        source.verify()
        assert list(source.repositories()) == ["team/app"]
        assert list(source.tags("team/app")) == ["1.0"]
        assert list(source.digests("team/app")) == []
        found = source.resolve("team/app", "1.0")
        assert (found.digest, found.size) == (app.digest, len(app.body))
        manifest = parse_manifest(*source.manifest("team/app", found.digest))
        assert isinstance(manifest, Manifest)
        assert read_config(source, "team/app", manifest).platform == Platform("linux", "amd64")
        for layer, body in zip(manifest.layers, app.blobs[1:], strict=True):
            with source.blob("team/app", layer) as chunks:
                assert b"".join(chunks) == body


def test_a_docker_image_in_a_docker_list_is_read(docker_registry: Start) -> None:
    server = docker_registry()
    arm = pushing.image({"a": "1"}, architecture="arm64", docker=True)
    intel = pushing.image({"a": "1"}, docker=True)
    pushing.push(server.url, "app", pushing.index(arm, intel, docker=True), "1")
    with PROVIDER.open(server.url, None) as source:
        index = parse_manifest(*source.manifest("app", "1"))
        assert isinstance(index, Index)
        assert [entry.platform for entry in index.images] == [
            Platform("linux", "arm64"),
            Platform("linux", "amd64"),
        ]
        manifest = parse_manifest(*source.manifest("app", index.images[0].digest))
        assert kind_of(manifest) == "image"


def test_an_attestation_in_an_index_is_an_artifact(docker_registry: Start) -> None:
    server = docker_registry()
    app = pushing.image({"a": "1"})
    attestation = pushing.attestation(app)
    pushing.push(server.url, "app", pushing.index(app, attestation), "1")
    with PROVIDER.open(server.url, None) as source:
        index = parse_manifest(*source.manifest("app", "1"))
        assert isinstance(index, Index)
        assert [entry.digest for entry in index.images] == [app.digest]
        assert kind_of(parse_manifest(*source.manifest("app", attestation.digest))) == "artifact"


def test_more_than_a_page_of_repositories_and_tags_is_listed(docker_registry: Start) -> None:
    server = docker_registry()
    app = pushing.image({"a": "1"})
    repositories = [f"team{n % 7}/app{n}" for n in range(105)]
    tags = [f"1.{n}" for n in range(105)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: pushing.push(server.url, name, app, "1"), repositories))
    with httpx.Client(base_url=server.url, headers={"Content-Type": app.media_type}) as client:
        for tag in tags:
            path = f"/v2/{repositories[0]}/manifests/{tag}"
            client.put(path, content=app.body).raise_for_status()
    with PROVIDER.open(server.url, None) as source:
        assert sorted(source.repositories()) == sorted(repositories)
        assert sorted(source.tags(repositories[0])) == sorted(["1", *tags])


def test_what_was_deleted_is_not_found(docker_registry: Start) -> None:
    server = docker_registry()
    app = pushing.image({"a": "1"})
    pushing.push(server.url, "app", app, "1")
    httpx.delete(f"{server.url}/v2/app/manifests/{app.digest}").raise_for_status()
    with PROVIDER.open(server.url, None) as source:
        assert list(source.tags("app")) == []
        with pytest.raises(NotFound, match="does not have app:1"):
            source.resolve("app", "1")
        with pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
            source.manifest("app", app.digest)


def test_an_unknown_repository_has_no_tags(docker_registry: Start) -> None:
    with PROVIDER.open(docker_registry().url, None) as source:
        assert list(source.tags("nowhere")) == []


# --- logins -------------------------------------------------------------------------------------


def test_a_password_lets_in(docker_registry: Start) -> None:
    server = docker_registry(auth="htpasswd")
    app = pushing.image({"a": "1"})
    pushing.push(server.url, "app", app, "1", login=LOGIN)
    with PROVIDER.open(server.url, CREDENTIALS) as source:
        source.verify()
        assert source.resolve("app", "1").digest == app.digest


@pytest.mark.parametrize(
    ("credentials", "sentence"),
    [
        (None, "needs a login for access"),
        (Credentials(LOGIN[0], "wrong"), "refused the login for access .*check user name"),
    ],
)
def test_without_the_password_nothing_is_seen(
    docker_registry: Start, credentials: Credentials | None, sentence: str
) -> None:
    server = docker_registry(auth="htpasswd")
    with (
        PROVIDER.open(server.url, credentials) as source,
        pytest.raises(AccessDenied, match=sentence),
    ):
        source.verify()


def test_a_token_lets_in_and_is_asked_for_once_for_each_repository(
    docker_registry: Start, tmp_path: Path
) -> None:
    with token_service(tmp_path, LOGIN) as tokens:
        server = docker_registry(auth=tokens.section)
        app = pushing.image({"a": "1"})
        push_token = tokens.sign([{"type": "repository", "name": "app", "actions": ["*"]}])
        pushing.push(server.url, "app", app, "1", headers={"Authorization": f"Bearer {push_token}"})
        with PROVIDER.open(server.url, CREDENTIALS) as source:
            source.verify()
            manifest = parse_manifest(*source.manifest("app", "1"))
            assert isinstance(manifest, Manifest)
            assert read_config(source, "app", manifest).platform.os == "linux"
            assert list(source.tags("app")) == ["1"]
        assert [scopes for _, scopes in tokens.asked] == [
            [],
            ["registry:catalog:*"],
            ["repository:app:pull"],
        ]


def test_a_login_the_token_service_refuses_is_told(docker_registry: Start, tmp_path: Path) -> None:
    with token_service(tmp_path, LOGIN) as tokens:
        server = docker_registry(auth=tokens.section)
        with (
            PROVIDER.open(server.url, Credentials("tester", "wrong")) as source,
            pytest.raises(AccessDenied, match="refused the login for a token"),
        ):
            source.verify()
        with (
            PROVIDER.open(server.url, None) as source,
            pytest.raises(AccessDenied, match="needs a login for a token"),
        ):
            source.verify()


# --- what is wrong with an address ----------------------------------------------------------------


def verify(location: str) -> None:
    with PROVIDER.open(location, None) as source:
        source.verify()


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(Unreachable, match=r"The host nowhere\.invalid is not found"):
        verify("https://nowhere.invalid")


def test_a_closed_port_is_told() -> None:
    with fake_registry() as gone:
        pass
    with pytest.raises(Unreachable, match=f"Nothing answers at {gone.address}"):
        verify(gone.url)


def test_plain_http_where_tls_was_expected_is_told(docker_registry: Start) -> None:
    server = docker_registry()
    with pytest.raises(Unreachable, match="its address has to begin with http://"):
        verify(f"https://{server.address}")


def test_tls_where_plain_http_was_expected_is_told(docker_registry: Start, tmp_path: Path) -> None:
    server = docker_registry(tls=Authority(tmp_path).files)
    with pytest.raises(NotARegistry, match="its address has to begin with https://"):
        verify(f"http://{server.address}")


def test_a_certificate_nobody_vouches_for_is_told(docker_registry: Start, tmp_path: Path) -> None:
    server = docker_registry(tls=Authority(tmp_path).files)
    with pytest.raises(Unreachable, match=r"certificate of .* is not trusted: self.signed"):
        verify(f"https://{server.address}")


def test_a_certificate_somebody_vouches_for_is_trusted(
    docker_registry: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    server = docker_registry(tls=authority.files)
    trust = ssl.create_default_context(cafile=authority.files[0])
    monkeypatch.setattr("registries.oci.transport._trust", lambda: trust)
    verify(f"https://{server.address}")


@pytest.mark.parametrize("answer", [Answer(200, b"<html>"), Answer(404)])
def test_a_web_site_is_no_registry(answer: Answer) -> None:
    with fake_registry() as site:
        site.on("/v2/", answer)
        with pytest.raises(NotARegistry, match="is no registry"):
            verify(site.url)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_catalogue_that_stays_closed_is_told(status: int) -> None:
    with fake_registry() as site:
        site.on("/v2/", as_json({}))
        site.on("/v2/_catalog", Answer(status))
        with pytest.raises(AccessDenied, match="does not show its catalogue; give the login"):
            verify(site.url)


def test_every_failure_is_one_sentence() -> None:
    for location in ("ftp://x", "http://127.0.0.1:9", "https://nowhere.invalid", "x y"):
        with pytest.raises(RegistryError) as caught:
            verify(location)
        assert str(caught.value).count(". ") == 0
        assert str(caught.value).endswith(".")


def test_a_real_client_and_we_see_the_same(docker_registry: Start, tmp_path: Path) -> None:
    if not pushing.SKOPEO:
        pytest.skip("no skopeo on this machine (Debian: apt-get install skopeo)")
    server = docker_registry()
    app = pushing.image({"a": "1"})
    pushing.write_layout(tmp_path / "app", app, "1")
    target = f"docker://{server.address}/team/app:1"
    command = [pushing.SKOPEO, "--insecure-policy", "copy", "--dest-tls-verify=false"]
    subprocess.run([*command, f"oci:{tmp_path}/app:1", target], check=True, capture_output=True)
    with PROVIDER.open(server.url, None) as source:
        assert source.resolve("team/app", "1").digest == app.digest
