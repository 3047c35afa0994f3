"""The client against a scripted server: everything a real one cannot be made to do."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from registries.oci import bodies
from registries.oci import client as client_module
from registries.oci.auth import Credentials
from registries.oci.client import USER_AGENT, Client, Patience
from registries.oci.errors import (
    AccessDenied,
    BadContent,
    DigestMismatch,
    NotARegistry,
    NotFound,
    RegistryError,
    ServerFailed,
    Throttled,
    Unreachable,
)
from registries.oci.manifest import MAX_BODY, OCI_MANIFEST, Descriptor
from tests import pushing
from tests.registries.oci.fake import Answer, Fake, as_json, fake_registry

APP = pushing.image({"a": "b"})
MANIFEST = "/v2/app/manifests/1"
FOUND = Answer(200, APP.body, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": APP.digest})
CONTENT = bytes(range(256)) * 20_000
BLOB = Descriptor("", pushing.digest_of(CONTENT), len(CONTENT))
BLOB_PATH = f"/v2/app/blobs/{BLOB.digest}"
LOGIN = Credentials("me", "hunter2")


@pytest.fixture
def pauses() -> list[float]:
    """The pauses the client makes; it makes them in no time."""
    return []


@pytest.fixture
def open_client(fake: Fake, pauses: list[float]) -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def start(credentials: Credentials | None = None, **patience: float) -> Client:
        client = Client(fake.url, credentials, Patience(sleep=pauses.append, **patience))
        opened.append(client)
        return client

    yield start
    for client in opened:
        client.__exit__()


@pytest.fixture
def client(open_client: Callable[..., Client]) -> Client:
    return open_client()


def read(client: Client, descriptor: Descriptor = BLOB) -> bytes:
    with client.blob("app", descriptor) as chunks:
        return b"".join(chunks)


# --- retries ----------------------------------------------------------------------------------


def test_a_throttled_request_waits_as_long_as_it_is_told(
    fake: Fake, client: Client, pauses: list[float]
) -> None:
    fake.on(MANIFEST, Answer(429, headers={"Retry-After": "7"}), FOUND)
    assert client.manifest("app", "1")[2] == APP.digest
    assert len(pauses) == 1
    assert 7 <= pauses[0] < 9


def test_a_moment_to_wait_for_is_understood_too(
    fake: Fake, client: Client, pauses: list[float]
) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    fake.on(MANIFEST, Answer(503, headers={"Retry-After": moment}), FOUND)
    client.manifest("app", "1")
    assert 15 < pauses[0] < 22


def test_pauses_grow_and_are_never_the_same(
    fake: Fake, client: Client, pauses: list[float]
) -> None:
    fake.on(MANIFEST, Answer(500))
    with pytest.raises(ServerFailed, match=r"failed to answer for app:1 \(500\)"):
        client.manifest("app", "1")
    assert len(fake.asked) == 5
    bounds = [(0.25, 0.75), (0.5, 1.5), (1, 3), (2, 6)]
    assert all(low <= pause <= high for pause, (low, high) in zip(pauses, bounds, strict=True))
    assert len(set(pauses)) == len(pauses)


def test_nobody_waits_longer_than_patience_lasts(
    fake: Fake, client: Client, pauses: list[float]
) -> None:
    fake.on(MANIFEST, Answer(429, headers={"Retry-After": "3600"}))
    with pytest.raises(Throttled, match="asks for fewer requests") as caught:
        client.manifest("app", "1")
    assert caught.value.retry_after == 3600
    assert pauses == []


@pytest.mark.parametrize("told", ["soon", "-1", "9" * 500, "1e9", "Fri, 99 Foo 2026"])
def test_a_strange_retry_after_does_no_harm(fake: Fake, client: Client, told: str) -> None:
    fake.on(MANIFEST, Answer(429, headers={"Retry-After": told}))
    with pytest.raises(Throttled):
        client.manifest("app", "1")


def test_a_connection_that_breaks_is_tried_again(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(200, APP.body, FOUND.headers, cut=10), FOUND)
    assert client.manifest("app", "1")[0] == APP.body


def test_a_refused_request_is_not_repeated(fake: Fake, client: Client, pauses: list[float]) -> None:
    fake.on(MANIFEST, as_json({"errors": [{"code": "MANIFEST_UNKNOWN"}]}, 404))
    with pytest.raises(NotFound, match=r"does not have app:1 \(404 MANIFEST_UNKNOWN\)") as caught:
        client.manifest("app", "1")
    assert caught.value.code == "MANIFEST_UNKNOWN"
    assert caught.value.permanent
    assert len(fake.asked) == 1
    assert pauses == []


# --- manifests --------------------------------------------------------------------------------


def test_every_request_says_who_we_are_and_what_we_read(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, FOUND)
    client.resolve("app", "1")
    [asked] = fake.asked
    assert asked.method == "HEAD"
    assert asked.headers["User-Agent"] == USER_AGENT
    assert asked.headers["Accept-Encoding"] == "identity"
    assert OCI_MANIFEST in asked.headers["Accept"]
    assert "Authorization" not in asked.headers


def test_a_head_without_a_digest_is_followed_by_a_get(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(200, APP.body, {"Content-Type": OCI_MANIFEST + "; charset=utf-8"}))
    assert client.resolve("app", "1") == Descriptor(OCI_MANIFEST, APP.digest, len(APP.body))
    assert [asked.method for asked in fake.asked] == ["HEAD", "GET"]


@pytest.mark.parametrize("reference", ["1", APP.digest])
def test_a_manifest_that_is_not_its_digest_is_refused(
    fake: Fake, client: Client, reference: str
) -> None:
    fake.on(f"/v2/app/manifests/{reference}", Answer(200, APP.body + b" ", FOUND.headers))
    with pytest.raises(DigestMismatch, match="does not match its digest"):
        client.manifest("app", reference)


def test_another_digest_than_asked_for_is_refused(fake: Fake, client: Client) -> None:
    other = "sha256:" + "0" * 64
    fake.on(f"/v2/app/manifests/{other}", FOUND)
    with pytest.raises(DigestMismatch, match="Asked for"):
        client.resolve("app", other)


def test_a_sha512_digest_is_checked(fake: Fake, client: Client) -> None:
    digest = "sha512:" + hashlib.sha512(APP.body).hexdigest()
    fake.on(f"/v2/app/manifests/{digest}", FOUND)
    assert client.manifest("app", digest)[2] == digest


def test_an_oversized_manifest_is_refused(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(200, b" " * (MAX_BODY + 1)))
    with pytest.raises(BadContent, match="more than 4,194,304 bytes"):
        client.manifest("app", "1")


def test_a_packed_answer_is_refused(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(200, b"\x1f\x8b", {"Content-Encoding": "gzip"}))
    with pytest.raises(BadContent, match="although asked not to"):
        client.manifest("app", "1")


@pytest.mark.parametrize(
    ("repository", "reference"),
    [
        ("app", "a/../b"),
        ("App", "1"),
        ("../x", "1"),
        ("app", "sha256:x"),
        ("a?b", "1"),
        ("app", ""),
    ],
)
def test_an_invalid_name_never_leaves(
    fake: Fake, client: Client, repository: str, reference: str
) -> None:
    with pytest.raises(NotFound):
        client.manifest(repository, reference)
    assert fake.asked == []


# --- blobs ------------------------------------------------------------------------------------


def test_a_blob_is_streamed_in_large_chunks(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT))
    with client.blob("app", BLOB) as chunks:
        sizes = [len(chunk) for chunk in chunks]
    assert sum(sizes) == len(CONTENT)
    assert all(size >= 1024 * 1024 for size in sizes[:-1])


def test_an_empty_blob_is_a_blob(fake: Fake, client: Client) -> None:
    empty = Descriptor("", pushing.digest_of(b""), 0)
    fake.on(f"/v2/app/blobs/{empty.digest}", Answer(200))
    assert read(client, empty) == b""


def test_a_broken_blob_goes_on_where_it_stopped(fake: Fake, client: Client) -> None:
    cut = 3 * 1024 * 1024
    fake.on(
        BLOB_PATH,
        Answer(200, CONTENT, cut=cut),
        Answer(206, CONTENT[cut:], {"Content-Range": f"bytes {cut}-{len(CONTENT) - 1}/*"}),
    )
    assert read(client) == CONTENT
    assert fake.asked[1].headers["Range"] == f"bytes={cut}-"


@pytest.mark.parametrize(
    "second",
    [Answer(200, CONTENT), Answer(206, CONTENT, {"Content-Range": f"bytes 0-1/{len(CONTENT)}"})],
)
def test_a_server_that_cannot_resume_is_an_error_to_retry(
    fake: Fake, client: Client, second: Answer
) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT, cut=3 * 1024 * 1024), second)
    with pytest.raises(Unreachable, match="cannot resume") as caught:
        read(client)
    assert not caught.value.permanent


def test_a_blob_that_always_breaks_is_given_up(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT, cut=0))
    with pytest.raises(Unreachable, match="broke off a blob 5 times, last at 0 of"):
        read(client)
    assert len(fake.asked) == 5


def test_a_blob_shorter_than_promised_is_a_mismatch(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT[:-1]), Answer(416))
    with pytest.raises(DigestMismatch, match="shorter than its manifest says"):
        read(client)


def test_a_blob_longer_than_promised_is_a_mismatch(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT + b"x"))
    with pytest.raises(DigestMismatch, match="more bytes than"):
        read(client)


def test_a_blob_of_other_content_is_a_mismatch(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, b"x" + CONTENT[1:]))
    with pytest.raises(DigestMismatch, match="does not match its digest"):
        read(client)


def test_what_a_reader_leaves_is_checked_all_the_same(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT[:-1] + b"x"))
    with pytest.raises(DigestMismatch), client.blob("app", BLOB) as chunks:
        next(chunks)


def test_a_reader_that_fails_is_not_made_to_read_on(fake: Fake, client: Client) -> None:
    fake.on(BLOB_PATH, Answer(200, CONTENT[:-1] + b"x"))
    with pytest.raises(ZeroDivisionError), client.blob("app", BLOB) as chunks:  # noqa: PT012
        next(chunks)
        raise ZeroDivisionError


def test_a_blob_that_dribbles_is_not_waited_for(
    fake: Fake, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "_GRACE", 0)
    monkeypatch.setattr(bodies, "_SLOWEST", 1 << 60)
    fake.on(BLOB_PATH, Answer(200, CONTENT))
    with pytest.raises(ServerFailed, match="sends too slowly to wait for"):
        read(client)


def test_the_time_a_reader_takes_is_his_own(
    fake: Fake, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(bodies.time, "monotonic", lambda: now)
    fake.on(BLOB_PATH, Answer(200, CONTENT))
    with client.blob("app", BLOB) as chunks:
        for _ in chunks:
            now += 3600
    assert len(fake.asked) == 1


# --- redirects and logins -----------------------------------------------------------------------


def test_a_blob_may_lie_elsewhere_but_the_login_stays(
    fake: Fake, open_client: Callable[..., Client]
) -> None:
    with fake_registry("127.0.0.2") as storage:
        storage.on("/bucket", Answer(200, CONTENT))
        challenge = {"WWW-Authenticate": 'Basic realm="x"'}
        moved = Answer(307, headers={"Location": f"{storage.url}/bucket?signature=x"})
        fake.on(BLOB_PATH, Answer(401, headers=challenge), moved)
        assert read(open_client(LOGIN)) == CONTENT
        assert fake.asked[1].headers["Authorization"] == LOGIN.basic
        [asked] = storage.asked
        assert "Authorization" not in asked.headers


def test_another_port_of_the_same_host_is_another_place(
    fake: Fake, open_client: Callable[..., Client]
) -> None:
    with fake_registry() as storage:
        storage.on("/bucket", Answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
        challenge = {"WWW-Authenticate": 'Basic realm="x"'}
        moved = Answer(302, headers={"Location": f"{storage.url}/bucket"})
        fake.on(BLOB_PATH, Answer(401, headers=challenge), moved)
        with pytest.raises(AccessDenied):
            read(open_client(LOGIN))
        assert all("Authorization" not in asked.headers for asked in storage.asked)


def test_a_redirect_inside_the_registry_keeps_the_login(
    fake: Fake, open_client: Callable[..., Client]
) -> None:
    fake.on(
        MANIFEST,
        Answer(401, headers={"WWW-Authenticate": "Basic"}),
        Answer(308, headers={"Location": "/v2/app/manifests/2"}),
    )
    fake.on("/v2/app/manifests/2", FOUND)
    open_client(LOGIN).manifest("app", "1")
    assert fake.asked[-1].headers["Authorization"] == LOGIN.basic


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("http://169.254.169.254/latest/meta-data/", "further inside the network"),
        ("file:///etc/passwd", "no plain http or https URL"),
        (MANIFEST, "redirects in circles"),
    ],
)
def test_a_hostile_redirect_is_refused(
    fake: Fake, client: Client, location: str, sentence: str
) -> None:
    fake.on(MANIFEST, Answer(302, headers={"Location": location}))
    with pytest.raises(BadContent, match=sentence):
        client.manifest("app", "1")


def test_a_redirect_to_nowhere_is_an_error_too(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(302, headers={"Location": "http://[::1"}))
    with pytest.raises(RegistryError):
        client.manifest("app", "1")


def test_a_token_is_fetched_once_and_used_until_it_is_refused(
    fake: Fake, open_client: Callable[..., Client]
) -> None:
    challenge = Answer(
        401, headers={"WWW-Authenticate": f'Bearer realm="{fake.url}/token",service="s"'}
    )
    fake.on("/token", as_json({"token": "one"}), as_json({"token": "two"}))
    fake.on(MANIFEST, challenge, FOUND, FOUND, challenge, FOUND)
    client = open_client(LOGIN)
    for _ in range(3):
        client.manifest("app", "1")
    used = [asked.headers.get("Authorization") for asked in fake.asked]
    assert used == [
        *(None, LOGIN.basic, "Bearer one"),
        "Bearer one",
        *("Bearer one", LOGIN.basic, "Bearer two"),
    ]


def test_no_cookie_is_taken(fake: Fake, client: Client) -> None:
    fake.on(MANIFEST, Answer(200, APP.body, {**FOUND.headers, "Set-Cookie": "a=b; Path=/"}))
    client.manifest("app", "1")
    client.manifest("app", "1")
    assert all("Cookie" not in asked.headers for asked in fake.asked)


def test_one_connection_serves_everything(fake: Fake, open_client: Callable[..., Client]) -> None:
    fake.on("/v2/", Answer(401, b"{}", {"WWW-Authenticate": "Basic"}), as_json({}))
    fake.on(MANIFEST, Answer(307, b"moved", {"Location": "/v2/app/manifests/2"}))
    fake.on("/v2/app/manifests/2", FOUND)
    fake.on(BLOB_PATH, Answer(200, CONTENT))
    client = open_client(LOGIN)
    client.ping()
    client.resolve("app", "1")
    client.manifest("app", "1")
    with pytest.raises(NotFound):
        client.manifest("app", "3")
    read(client)
    assert fake.connections == 1


def test_a_login_does_not_follow_the_realm_elsewhere(
    fake: Fake, open_client: Callable[..., Client]
) -> None:
    with fake_registry("127.0.0.2") as other:
        realm = f'Bearer realm="{fake.url}/token"'
        fake.on(MANIFEST, Answer(401, headers={"WWW-Authenticate": realm}))
        fake.on("/token", Answer(302, headers={"Location": f"{other.url}/token"}))
        with pytest.raises(RegistryError):
            open_client(LOGIN).manifest("app", "1")
        assert other.asked == []


@pytest.mark.parametrize(
    ("credentials", "status", "sentence"),
    [
        (None, 401, "needs a login for app:1"),
        (None, 403, "needs a login for app:1"),
        (LOGIN, 401, "refused the login for app:1"),
        (LOGIN, 403, r"The login has no right to app:1 on .* \(403 DENIED\)"),
    ],
)
def test_a_closed_door_is_told_in_a_sentence(
    fake: Fake,
    open_client: Callable[..., Client],
    credentials: Credentials | None,
    status: int,
    sentence: str,
) -> None:
    fake.on(MANIFEST, as_json({"errors": [{"code": "DENIED"}]}, status))
    with pytest.raises(AccessDenied, match=sentence) as caught:
        open_client(credentials).manifest("app", "1")
    assert "hunter2" not in str(caught.value)


# --- lists ------------------------------------------------------------------------------------


def test_pages_are_followed_to_the_end(fake: Fake, client: Client) -> None:
    following = {"Link": '</v2/_catalog?last=b&n=2>; rel="next"'}
    fake.on("/v2/_catalog?n=100", as_json({"repositories": ["a", "b"]}, **following))
    fake.on("/v2/_catalog?last=b&n=2", as_json({"repositories": ["c"]}))
    assert list(client.repositories()) == ["a", "b", "c"]


def test_a_link_in_full_is_followed_on_the_address_we_know(fake: Fake, client: Client) -> None:
    link = {"Link": '<https://127.0.0.1/v2/app/tags/list?last=1>; foo=bar; rel="next"'}
    fake.on("/v2/app/tags/list?n=100", as_json({"tags": ["1"]}, **link))
    fake.on("/v2/app/tags/list?last=1", as_json({"tags": ["2"]}))
    assert list(client.tags("app")) == ["1", "2"]


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.2/v2/_catalog?last=b",
        "/v2/app/tags/list?last=b",
        "/v2/_catalog?n=100",
        "http://[",
        "file:///v2/_catalog?last=b",
    ],
)
def test_a_next_page_elsewhere_is_refused(fake: Fake, client: Client, link: str) -> None:
    fake.on("/v2/_catalog", as_json({"repositories": ["a"]}, Link=f'<{link}>; rel="next"'))
    with pytest.raises(BadContent, match="links its next page to"):
        list(client.repositories())
    assert len(fake.asked) == 1


def test_endless_pages_are_refused(
    fake: Fake, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "MAX_PAGES", 4)
    pages = [
        as_json({"repositories": []}, Link=f'</v2/_catalog?last={n}>; rel="next"') for n in range(9)
    ]
    fake.on("/v2/_catalog", *pages)
    with pytest.raises(BadContent, match="more than 4 pages"):
        list(client.repositories())
    assert len(fake.asked) == 4


def test_names_nobody_can_pull_are_left_out_and_logged(
    fake: Fake, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["ok", "../../etc", "Upper", 5, None, "a" * 300]
    fake.on("/v2/_catalog", as_json({"repositories": names}))
    assert list(client.repositories()) == ["ok"]
    assert "invalid names" in caplog.text


def test_no_tags_is_an_empty_list(fake: Fake, client: Client) -> None:
    fake.on("/v2/app/tags/list", as_json({"name": "app", "tags": None}))
    assert list(client.tags("app")) == []


def test_a_404_that_no_registry_gives_is_not_an_empty_list(fake: Fake, client: Client) -> None:
    fake.on("/v2/app/tags/list", Answer(404, b"<html>"))
    with pytest.raises(NotFound):
        list(client.tags("app"))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"repositories": {"a": 1}}'])
def test_a_list_that_is_none_is_refused(fake: Fake, client: Client, body: bytes) -> None:
    fake.on("/v2/_catalog", Answer(200, body))
    with pytest.raises(BadContent):
        list(client.repositories())


# --- what answers ---------------------------------------------------------------------------------


def test_a_registry_is_recognised(fake: Fake, client: Client) -> None:
    fake.on("/v2/", as_json({}))
    client.ping()


@pytest.mark.parametrize(
    "answer", [Answer(200, b"<html>"), Answer(404), Answer(400), Answer(200, b"{")]
)
def test_something_else_is_not_taken_for_a_registry(
    fake: Fake, client: Client, answer: Answer
) -> None:
    fake.on("/v2/", answer)
    with pytest.raises(NotARegistry, match="is no registry"):
        client.ping()


def test_a_registry_that_wants_tls_says_so(fake: Fake, client: Client) -> None:
    fake.on("/v2/", Answer(301, headers={"Location": "https://127.0.0.1:5443/v2/"}))
    with pytest.raises(NotARegistry, match=r"give its address as https://127.0.0.1:5443\."):
        client.ping()


def test_a_failing_registry_is_asked_once_when_connecting(fake: Fake, client: Client) -> None:
    fake.on("/v2/", Answer(502))
    with pytest.raises(ServerFailed):
        client.ping()
    assert len(fake.asked) == 1
