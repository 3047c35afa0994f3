from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.subassessments import LAST, Key, pack, unpack

keys = st.builds(
    Key, st.integers(0, 2**42 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1)
)


@given(keys)
def test_a_name_says_which_rows_it_stands_for(key):
    name = pack(key)
    assert UUID(name).version == 8
    assert UUID(name).variant == "specified in RFC 4122"
    assert unpack(name) == unpack(name.upper()) == key


@given(keys, keys)
def test_names_are_ordered_as_their_keys(one, other):
    assert (pack(one) < pack(other)) == (one < other)


@given(keys)
def test_the_end_of_a_placement_comes_after_all_of_it_and_before_the_next(key):
    end = key.end_of_placement
    assert key <= end < Key(key.placement + 1)
    assert unpack(pack(end)) == end == Key(key.placement, LAST, LAST)


@pytest.mark.parametrize("key", [Key(-1), Key(2**42), Key(1, 2**40), Key(1, 1, 2**40)])
def test_a_number_that_does_not_fit_is_refused_and_never_cut(key):
    with pytest.raises(OverflowError):
        pack(key)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "healthy",
        "8c98f353-8b41-4e77-979b-6adeecd5d168",  # version 4
        "00000000-0140-8000-4000-070000000009",  # another variant
        "{00000000-0140-8000-8000-070000000009}",
        "urn:uuid:00000000-0140-8000-8000-070000000009",
        "00000000014080008000070000000009",
    ],
)
def test_other_names_stand_for_nothing(name):
    assert unpack(name) is None


@given(st.text())
def test_any_text_is_a_name_or_none(text):
    key = unpack(text)
    assert key is None or pack(key) == text.lower()


@given(st.uuids())
def test_any_uuid_is_a_name_or_none(uuid):
    key = unpack(str(uuid))
    assert key is None or pack(key) == str(uuid)
