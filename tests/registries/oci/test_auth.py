from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci import auth
from registries.oci.auth import Authenticator, Credentials, parse_challenges
from registries.oci.errors import AccessDenied, BadContent

HOME = httpx.URL("https://93.184.216.34/")
LOGIN = Credentials("me", "hunter2")
BEARER = 'Bearer realm="https://8.8.8.8/token",service="tests",scope="repository:app:pull"'


class Realm:
    """Stands for the token service; keeps what it was asked."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer or {"token": "abc"}
        self.asked: list[tuple[httpx.URL, str | None]] = []

    def __call__(self, url: httpx.URL, authorization: str | None) -> bytes:
        self.asked.append((url, authorization))
        return orjson.dumps(self.answer)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Basic realm="x"', [("basic", {"realm": "x"})]),
        ("Negotiate", [("negotiate", {})]),
        (
            'Bearer realm="https://a/b?c=d", service=tests ,scope="a b,c"',
            [("bearer", {"realm": "https://a/b?c=d", "service": "tests", "scope": "a b,c"})],
        ),
        (
            r'Basic realm="a \"quoted\" one", Bearer realm="https://a"',
            [("basic", {"realm": 'a "quoted" one'}), ("bearer", {"realm": "https://a"})],
        ),
        ('realm="nothing"', []),
    ],
)
def test_challenges_are_read(header: str, expected: list) -> None:
    assert [(one.scheme, one.parameters) for one in parse_challenges(header)] == expected


@given(st.text(max_size=300) | st.text('Bearer ="\\,', max_size=300))
def test_any_header_can_be_read(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme == challenge.scheme.lower()


def test_a_secret_is_never_shown() -> None:
    assert "hunter2" not in repr(LOGIN)


def test_a_token_is_asked_for_the_challenged_scope_with_the_login() -> None:
    realm = Realm()
    authenticator = Authenticator(HOME, LOGIN, realm)
    assert authenticator.header("mine") is None
    assert authenticator.answer(BEARER, "mine")
    [(url, authorization)] = realm.asked
    assert url.copy_with(query=None) == httpx.URL("https://8.8.8.8/token")
    assert dict(url.params) == {"service": "tests", "scope": "repository:app:pull"}
    assert authorization == LOGIN.basic
    assert authenticator.header("mine") == "Bearer abc"
    assert authenticator.header("another") is None


def test_without_a_login_the_realm_is_asked_anonymously() -> None:
    realm = Realm(access_token="xyz")
    authenticator = Authenticator(HOME, None, realm)
    assert authenticator.answer('Bearer realm="https://8.8.8.8/"', "repository:app:pull other")
    [(url, authorization)] = realm.asked
    assert url.params.get_list("scope") == ["repository:app:pull", "other"]
    assert authorization is None
    assert authenticator.header("repository:app:pull other") == "Bearer xyz"


@pytest.mark.parametrize(
    ("told", "lasts"), [(None, 50), (1, 50), (300, 290), (10**9, 3590), ("x", 50), (-5, 50)]
)
def test_a_token_is_kept_until_shortly_before_it_expires(
    told: object, lasts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(auth.time, "monotonic", lambda: now)
    authenticator = Authenticator(HOME, None, Realm(token="abc", expires_in=told))
    authenticator.answer(BEARER, "mine")
    now += lasts - 1
    assert authenticator.header("mine") == "Bearer abc"
    now += 2
    assert authenticator.header("mine") is None


def test_only_so_many_tokens_are_kept() -> None:
    authenticator = Authenticator(HOME, None, Realm())
    for number in range(auth.MAX_TOKENS + 1):
        authenticator.answer(BEARER, str(number))
    assert authenticator.header("0") is None
    assert authenticator.header(str(auth.MAX_TOKENS)) == "Bearer abc"


def test_basic_is_tried_once() -> None:
    authenticator = Authenticator(HOME, LOGIN, Realm())
    assert authenticator.answer('Basic realm="x"', "")
    assert authenticator.header("any") == LOGIN.basic
    assert not authenticator.answer('Basic realm="x"', "")


@pytest.mark.parametrize("header", ["", 'Basic realm="x"', "Digest nonce=1"])
def test_without_a_way_in_nothing_is_tried(header: str) -> None:
    assert not Authenticator(HOME, None, Realm()).answer(header, "")


@pytest.mark.parametrize(
    "realm",
    [
        *("", "nonsense", "/token", "file:///etc/passwd", "http://8.8.8.8/token", "https://[::1"),
        *("https://169.254.169.254/token", "https://127.0.0.1/token", "https://a:b@8.8.8.8/"),
    ],
)
def test_a_hostile_realm_is_never_asked(realm: str) -> None:
    asked = Realm()
    authenticator = Authenticator(HOME, LOGIN, asked)
    with pytest.raises(BadContent):
        authenticator.answer(f'Bearer realm="{realm}"', "")
    assert asked.asked == []


def test_a_login_is_not_sent_in_the_clear_to_a_foreign_host() -> None:
    asked = Realm()
    authenticator = Authenticator(httpx.URL("http://127.0.0.1:5000"), LOGIN, asked)
    with pytest.raises(AccessDenied, match=r"in the clear to 127\.0\.0\.2:5001; refused"):
        authenticator.answer('Bearer realm="http://127.0.0.2:5001/token"', "")
    assert asked.asked == []


@pytest.mark.parametrize("token", [None, "", 5, "a\r\nHost: evil", "ünïcode", ["x"]])
def test_a_token_that_cannot_be_sent_is_refused(token: object) -> None:
    authenticator = Authenticator(HOME, None, Realm(token=token))
    with pytest.raises(BadContent, match="gave no usable token"):
        authenticator.answer(BEARER, "")


@pytest.mark.parametrize("answer", [b"", b"[]", b"<html>"])
def test_a_realm_that_answers_garbage_is_refused(answer: bytes) -> None:
    fetch: Callable[..., bytes] = lambda url, authorization: answer  # noqa: E731
    with pytest.raises(BadContent):
        Authenticator(HOME, None, fetch).answer(BEARER, "")
