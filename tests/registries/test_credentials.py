import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registries import credentials


@given(st.text())
@settings(max_examples=50)
def test_what_was_sealed_is_unsealed(secret):
    assert credentials.unseal(credentials.seal(secret)) == secret


def test_the_secret_is_not_in_what_is_stored_and_no_two_seals_are_alike():
    sealed = credentials.seal("hunter2")
    assert b"hunter2" not in sealed
    assert sealed != credentials.seal("hunter2")


def test_an_older_key_still_opens_and_a_new_one_seals(settings):
    settings.SECRET_KEY = "old"
    old = credentials.seal("hunter2")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", ["old"]
    assert credentials.unseal(old) == "hunter2"
    new = credentials.seal("hunter2")
    settings.SECRET_KEY_FALLBACKS = []
    assert credentials.unseal(new) == "hunter2"


def test_a_secret_sealed_with_a_lost_key_says_what_to_do(settings):
    settings.SECRET_KEY = "lost"
    sealed = credentials.seal("hunter2")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", []
    with pytest.raises(credentials.Unsealable, match="VIGIE_SECRET_KEY_FALLBACKS") as error:
        credentials.unseal(sealed)
    assert error.value.permanent


@pytest.mark.parametrize("sealed", [b"", b"\0", b"gAAAAA", "nö".encode()])
def test_what_is_no_seal_is_refused_with_the_same_sentence(sealed):
    with pytest.raises(credentials.Unsealable):
        credentials.unseal(sealed)


def test_a_seal_that_was_tampered_with_is_refused():
    sealed = bytearray(credentials.seal("hunter2"))
    sealed[-1] ^= 1
    with pytest.raises(credentials.Unsealable):
        credentials.unseal(bytes(sealed))
