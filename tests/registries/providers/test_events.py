"""What Distribution announces, from its published samples and from a real registry."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci.client import USER_AGENT
from registries.oci.errors import BadContent
from registries.oci.manifest import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from registries.providers import PROVIDERS, Credentials, Event
from registries.providers.distribution import parse_events
from tests import pushing
from tests.registries.providers.listening import listener
from tests.registry_server import LOGIN, RunningRegistry

DIGEST = "sha256:" + "a" * 64


def an_event(target: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": "320678d8-ca14-430f-8bb6-4ca139cd83f7",
        "timestamp": "2016-03-09T14:44:26.402973972-08:00",
        "action": "push",
        "target": {"mediaType": OCI_MANIFEST, "digest": DIGEST, "repository": "team/app"}
        | (target or {}),
        "request": {"useragent": "skopeo/1.9.3", "method": "PUT"},
        "actor": {"name": "robot"},
        "source": {"addr": "x:5000"},
    } | changes


def parse(*events: Any) -> list[Event]:
    return parse_events(orjson.dumps({"events": events}))


def test_a_push_is_read_whole() -> None:
    assert parse(an_event({"tag": "1.0"})) == [
        Event(
            delivery="320678d8-ca14-430f-8bb6-4ca139cd83f7",
            action="push",
            repository="team/app",
            digest=DIGEST,
            tag="1.0",
            media_type=OCI_MANIFEST,
            actor="robot",
            user_agent="skopeo/1.9.3",
            occurred_at=datetime(2016, 3, 9, 22, 44, 26, 402973, UTC),
        )
    ]


@pytest.mark.parametrize(
    ("target", "action"),
    [
        ({"digest": DIGEST, "repository": "app"}, "delete-manifest"),
        ({"tag": "v1", "repository": "app"}, "delete-tag"),
        ({"repository": "app"}, "delete-repository"),
    ],
)
def test_a_delete_has_three_shapes(target: dict[str, str], action: str) -> None:
    event = an_event(action="delete")
    event["target"] = target
    [parsed] = parse(event)
    assert parsed.action == action
    assert (parsed.digest, parsed.tag) == (target.get("digest", ""), target.get("tag", ""))


@pytest.mark.parametrize(
    "event",
    [
        an_event({"mediaType": "application/octet-stream"}),
        an_event({"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip"}),
        an_event({"mediaType": None}),
        an_event(action="ping"),
        an_event(action=None),
        {"action": "pull"},
    ],
)
def test_what_is_not_about_manifests_is_left_out(event: dict[str, Any]) -> None:
    assert parse(event) == []


@pytest.mark.parametrize("action", ["pull", "mount"])
def test_pulls_and_mounts_of_manifests_are_told(action: str) -> None:
    assert [event.action for event in parse(an_event(action=action))] == [action]


@pytest.mark.parametrize(
    ("agent", "own"), [(USER_AGENT, True), ("Vigie/9", True), ("vigie-fan", False), ("", False)]
)
def test_our_own_doing_is_recognised(agent: str, own: bool) -> None:
    [event] = parse(an_event(action="pull", request={"useragent": agent}))
    assert event.own is own


def test_who_and_what_are_cut_to_fit() -> None:
    [event] = parse(an_event(actor={"name": "a\0" * 900}, request={"useragent": "b" * 900}))
    assert event.actor == "a" * 200
    assert event.user_agent == "b" * 300


@pytest.mark.parametrize("part", [None, [], "x", {"name": 5}])
def test_nobody_in_particular_is_nobody(part: Any) -> None:
    [event] = parse(an_event(actor=part, request=part))
    assert (event.actor, event.user_agent) == ("", "")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "notification is not JSON"),
        (b"[]", "JSON object was expected"),
        (b"{}", "no list of events"),
        (b'{"events": {}}', "no list of events"),
        (b'{"events": [1]}', "JSON object was expected"),
        (b'{"events": [{"target": "x"}]}', "JSON object was expected"),
        (b" " * 5_000_000, "larger than"),
    ],
)
def test_garbage_is_refused_in_a_sentence(body: bytes, sentence: str) -> None:
    with pytest.raises(BadContent, match=sentence):
        parse_events(body)


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (an_event(id=None), "no id"),
        (an_event(id=""), "no id"),
        (an_event(id="x" * 101), "no id"),
        (an_event(id="a\0b"), "no id"),
        (an_event(timestamp="yesterday"), "no time"),
        (an_event(timestamp="2016-03-09T14:44:26"), "no time"),
        (an_event(timestamp="0001-01-01T00:00:00+23:00"), "no time"),
        (an_event(timestamp=5), "no time"),
        (an_event({"digest": "sha256:x"}), "digest of an event is malformed"),
        (an_event({"tag": "a b"}), "tag of an event is malformed"),
        (an_event({"repository": "../x"}), "names no repository"),
        (an_event({"repository": None}), "names no repository"),
    ],
)
def test_a_malformed_event_is_refused_in_a_sentence(event: Any, sentence: str) -> None:
    with pytest.raises(BadContent, match=sentence):
        parse(event)


@given(
    st.recursive(
        st.none() | st.integers(0, 9) | st.text(max_size=9) | st.just("delete"),
        lambda inner: st.dictionaries(
            st.sampled_from(["id", "action", "target", "timestamp", "repository", "tag", "actor"]),
            inner,
            max_size=7,
        ),
        max_leaves=9,
    )
)
def test_no_event_makes_anything_but_events_or_bad_content(event: Any) -> None:
    with contextlib.suppress(BadContent):
        parse(event)


def test_the_published_samples_are_understood(shared: Path) -> None:
    actions = {
        path.stem: actions_of(path.read_bytes())
        for path in sorted((shared / "samples" / "events").glob("distribution-*.json"))
    }
    assert actions == {
        "distribution-delete-manifest": ["delete-manifest"],
        "distribution-delete-repo": ["delete-repository"],
        "distribution-delete-tag": ["delete-tag"],
        "distribution-mount": [],
        "distribution-pull": ["pull"],
        "distribution-push": ["push"],
    }


def actions_of(body: bytes) -> list[str]:
    return [event.action for event in parse_events(body)]


def test_a_real_registry_tells_what_happens(
    docker_registry: Callable[..., RunningRegistry],
) -> None:
    app = pushing.image({"a": "1"}, docker=True)
    index = pushing.index(app, docker=False)
    with listener() as heard:
        server = docker_registry(auth="htpasswd", notify=heard.url, headers={"X-Secret": "s3"})
        pushing.push(server.url, "team/app", index, "1", login=LOGIN)
        with PROVIDERS["distribution"].open(server.url, Credentials(*LOGIN)) as source:
            source.resolve("team/app", "1")
        with httpx.Client(base_url=server.url, auth=LOGIN) as client:
            client.delete(f"/v2/team/app/manifests/{index.digest}").raise_for_status()
        bodies = heard.wait_for(lambda body: actions_of(body) == ["delete-tag"])
    events = [event for body in bodies for event in parse_events(body)]
    assert [(event.action, event.digest, event.tag, event.media_type) for event in events] == [
        ("push", app.digest, "", DOCKER_MANIFEST),
        ("push", index.digest, "1", OCI_INDEX),
        ("pull", index.digest, "1", OCI_INDEX),  # of a HEAD: it is announced like a GET
        ("delete-manifest", index.digest, "", ""),
        ("delete-tag", "", "1", ""),
    ]
    assert [event.own for event in events] == [False, False, True, False, False]
    assert {event.actor for event in events} == {LOGIN[0]}
    assert len({event.delivery for event in events}) == 5
    assert heard.headers[0]["X-Secret"] == "s3"
