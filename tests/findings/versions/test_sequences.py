"""R's and Haskell's orders: sequences of numbers, against Python's order of tuples."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from findings.versions import cran, hackage

numbers = st.lists(st.sampled_from(["0", "1", "01", "2", "10", "300"]), min_size=1, max_size=4)


@given(numbers.map(".".join), numbers.map("-".join))
def test_r_and_haskell_compare_numbers_and_then_how_many_there_are(a, b):
    left, right = (tuple(map(int, re.split("[.-]", version))) for version in (a, b))
    expected = (left > right) - (left < right)
    key_a, key_b = cran.key(a), cran.key(b)
    assert (key_a > key_b) - (key_a < key_b) == expected
    key_a, key_b = hackage.key(a), hackage.key(b.replace("-", "."))
    assert (key_a > key_b) - (key_a < key_b) == expected


@pytest.mark.parametrize("version", ["", "1.", ".1", "1..2", "1a", "1.٣", "v1", "1 "])
def test_what_is_no_sequence_of_numbers_is_unknown(version):
    assert cran.key(version) is None
    assert hackage.key(version) is None


def test_only_r_has_dashes():
    assert cran.key("1.0-2") == cran.key("1.0.2")
    assert hackage.key("1.0-2") is None
