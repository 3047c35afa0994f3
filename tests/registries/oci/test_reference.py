import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci.reference import (
    Reference,
    is_digest,
    is_repository,
    is_tag,
    parse_reference,
)

DIGEST = "sha256:" + "a" * 64
LONG_DIGEST = "sha512:" + "0" * 128


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("registry.example/app", Reference("registry.example", "app")),
        ("registry.example/app:1.0", Reference("registry.example", "app", "1.0")),
        ("registry.example:5000/a/b/c:x", Reference("registry.example:5000", "a/b/c", "x")),
        ("localhost/app", Reference("localhost", "app")),
        ("127.0.0.1:41/app:1", Reference("127.0.0.1:41", "app", "1")),
        ("[::1]:5000/app", Reference("[::1]:5000", "app")),
        (f"r.example/app@{DIGEST}", Reference("r.example", "app", "", DIGEST)),
        (f"r.example/app:1@{LONG_DIGEST}", Reference("r.example", "app", "1", LONG_DIGEST)),
        ("r.example/a__b/c-d--e/f.g", Reference("r.example", "a__b/c-d--e/f.g")),
    ],
)
def test_a_full_name_is_read_in_its_parts(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "names no registry"),
        ("debian:12", "names no registry"),
        ("library/debian", "names no registry"),
        ("r.example/", "names no registry"),
        ("r_.example/app", "not the name of a host"),
        ("r.example/App", "not the name of a repository"),
        ("r.example/../etc", "not the name of a repository"),
        ("r.example/a//b", "not the name of a repository"),
        ("r.example/app:", "not a tag"),
        ("r.example/app:a:b", "not a tag"),
        ("r.example/app:" + "x" * 129, "not a tag"),
        ("r.example/app@sha256:short", "not a sha256 or sha512 digest"),
        (f"r.example/app@{DIGEST.upper()}", "not a sha256 or sha512 digest"),
        ("r.example/" + "a" * 256, "not the name of a repository"),
    ],
)
def test_what_is_no_reference_is_refused_in_a_sentence(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        parse_reference(text)


@given(st.text(max_size=300))
def test_any_text_is_a_reference_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert str(parse_reference(text)) == text


PARTS = st.from_regex(r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}", fullmatch=True)


@given(
    repository=st.lists(PARTS, min_size=1, max_size=4).map("/".join),
    tag=st.just("") | st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True),
    digest=st.sampled_from(["", DIGEST, LONG_DIGEST]),
)
def test_every_valid_name_survives_the_round_trip(repository: str, tag: str, digest: str) -> None:
    reference = Reference("registry.example:5000", repository, tag, digest)
    assert parse_reference(str(reference)) == reference


def test_the_target_is_the_digest_then_the_tag_then_latest() -> None:
    assert parse_reference(f"r.example/app:1@{DIGEST}").target == DIGEST
    assert parse_reference("r.example/app:1").target == "1"
    assert parse_reference("r.example/app").target == "latest"


def test_a_trailing_line_break_is_part_of_no_name() -> None:
    assert not is_tag("latest\n")
    assert not is_repository("app\n")
    assert not is_digest(DIGEST + "\n")


def test_a_hostile_name_is_judged_in_linear_time() -> None:
    assert not is_repository("a" + "-" * 100_000 + "!")
    assert not is_repository("a-" * 127 + "!")
