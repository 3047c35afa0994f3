"""Maven's order, against a comparer that nests lists as ComparableVersion of Maven 3.9 does."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from findings.versions import maven

ORDERED = [
    "0-alpha",
    "0.0.0-SNAPSHOT",
    "0",
    "0.0.1",
    "1-a1-SNAPSHOT",
    "1-alpha-1",
    "1-alpha-2",
    "1.0-b2",
    "1.0.0.M1",
    "1.0-milestone-10",
    "1.0.0.CR1",
    "1.0-rc2",
    "1-SNAPSHOT",
    "1.0.0.Final",
    "1.0.0.SP1",
    "1-jre8",
    "1-jre11",
    "1-redhat",
    "1-1",
    "1-20",
    "1.0.sp.1",
    "1.0.0.redhat-00001",
    "1.0.0.redhat-00002",
    "1.0.0.1",
    "1.0.1",
    "1.2.Final-redhat-1",
    "1.10",
    "9.4.43.v20210629",
    "9.4.44.v20210927",
    "20030203.000550",
    "99999999999999999999.1",
]

# The lines of the tables that a Maven older than 3.9 made. To 3.9, and to reason, .RC1 is -RC1, so
# that each of them is the other way round; its own answer to every one is ">".
OLDER = """\
1.0.0-RC16 < 1.0.0.RC8-beta
1.0.0-gradle-rework-beta3 < 1.0.0.RC7-3
2.9.0-1 < 2.9.0.RC1
6.1.12.rc5 < 6.1.12rc1
1.1.31.sec10 < 1.1.31_noneautotype
1.1.34.sec10 < 1.1.34_noneautotype
1.1.46.sec10 < 1.1.46_noneautotype
1.2.8.sec10_noneautotype < 1.2.8_noneautotype
1.2.31.sec10 < 1.2.31_noneautotype
1.2.48.sec10 < 1.2.48_noneautotype
1.2.50.sec10 < 1.2.50_noneautotype
1.2.54.sec10 < 1.2.54_noneautotype
1.2.57.sec10 < 1.2.57_noneautotype
1.2.60.sec10 < 1.2.60_noneautotype
1.2.67.sec10 < 1.2.67_noneautotype
1.0.0rc0 < 1.0.beta8
1.5.9.RC1 < 1.5.9-RC0
1.1.0-01-glassfish < 1.1.0.Beta1""".splitlines()

# What has no key: Maven's documentation and its program disagree on 1-ga-1.
DISPUTED = ["1-1 = 1-ga-1", "0.0.0-0.0.0 = 0-final-ga", "0-final-ga = 0"]

QUALIFIERS = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"]


def parse(version: str) -> list:
    """Character by character into a list of lists, as parseVersion."""
    version = version.lower()
    stack: list[list] = [[]]
    digits, start = False, 0
    for at, character in enumerate(version):
        if character in ".-":
            stack[-1].append(0 if at == start else item(version[start:at]))
            start = at + 1
            if character == "-":
                deeper(stack)
            continue
        if character.isdigit() != digits and at > start:
            if not digits and stack[-1]:
                deeper(stack)
            stack[-1].append(item(version[start:at], before_digit=True))
            start = at
            deeper(stack)
        digits = character.isdigit()
    if start < len(version):
        if not digits and stack[-1]:
            deeper(stack)
        stack[-1].append(item(version[start:]))
    for items in reversed(stack):
        normalise(items)
    return stack[0]


def deeper(stack: list[list]) -> None:
    stack[-1].append([])
    stack.append(stack[-1][-1])


def item(text: str, before_digit: bool = False) -> int | str:
    if text.isdigit():
        return int(text)
    if before_digit:
        text = {"a": "alpha", "b": "beta", "m": "milestone"}.get(text, text)
    return {"ga": "", "final": "", "release": "", "cr": "rc"}.get(text, text)


def normalise(items: list) -> None:
    for at in reversed(range(len(items))):
        if items[at] in (0, "", []):
            del items[at]
        elif not isinstance(items[at], list):
            break


def compare(a, b) -> int:
    """Of lists, numbers, qualifiers and None, as the compareTo of each."""
    if a is None or b is None:
        return -to_nothing(b) if a is None else to_nothing(a)
    if isinstance(a, list) and isinstance(b, list):
        orders = (compare(x, y) for x, y in padded(a, b))
        return next((order for order in orders if order), 0)
    if kind(a) != kind(b):
        return kind(a) - kind(b)
    if isinstance(a, str):
        a, b = rank(a), rank(b)
    return (a > b) - (a < b)


def to_nothing(a) -> int:
    if isinstance(a, list):
        return next((order for order in map(to_nothing, a) if order), 0)
    if isinstance(a, str):
        return (rank(a) > rank("")) - (rank(a) < rank(""))
    return a or 0


def padded(a: list, b: list) -> list[tuple]:
    length = max(len(a), len(b))
    return list(zip(a + [None] * (length - len(a)), b + [None] * (length - len(b)), strict=True))


def kind(a) -> int:
    return [str, list, int].index(type(a))


def rank(qualifier: str) -> str:
    known = qualifier in QUALIFIERS
    return str(QUALIFIERS.index(qualifier)) if known else f"7-{qualifier}"


def shared_beginning(a: list, b: list) -> list:
    """What both are up to where they first differ."""
    found: list = []
    for x, y in padded(a, b):
        if isinstance(x, list) and isinstance(y, list):
            return [*found, shared_beginning(x, y)]
        if compare(x, y):
            break
        found.append(x)
    return found


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


pieces = st.sampled_from(
    ["0", "1", "2", "10", "01", *".-.-.-", "alpha", "a", "b", "rc", "cr", "sp", "ga", "x", "m", "_"]
)
versions = st.builds("{}{}".format, st.integers(0, 2), st.lists(pieces, max_size=6).map("".join))


def test_versions_sort_as_maven_sorts_them():
    assert sorted(reversed(ORDERED), key=maven.key) == ORDERED
    assert len({maven.key(version) for version in ORDERED}) == len(ORDERED)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("1", "1.0.0"),
        ("1.", "1-"),
        ("1.0.0.Final", "1-GA"),
        ("1.0.0.RELEASE", "1"),
        ("1.0-alpha-1", "1a1"),
        ("1.0.0.CR2", "1-rc-2"),
        ("2.0.0.M3", "2-milestone-3"),
        ("1.00.1", "1.0.01"),
        ("1.0-1", "1-1"),
        ("1..2", "1.0.2"),
    ],
)
def test_versions_that_are_equal_have_one_key(a, b):
    assert maven.key(a) == maven.key(b)


@pytest.mark.parametrize("version", ["", "1.0-ß", "1.٣", "1\n2", "1-ga-1", "1--1", "1-0-beta"])
def test_what_has_no_agreed_order_is_unknown(version):
    assert maven.key(version) is None


def test_where_maven_runs_in_a_circle_the_version_between_decides():
    circle = ["1.1-alpha", "1.1", "1.1.sp.1"]
    trees = [parse(version) for version in circle]
    assert compare(trees[0], trees[1]) < 0
    assert compare(trees[1], trees[2]) < 0
    assert compare(trees[2], trees[0]) < 0
    assert sorted(circle, key=maven.key) == circle


@settings(max_examples=500)
@given(versions, versions)
def test_the_order_of_keys_is_mavens_order_save_where_it_runs_in_a_circle(a, b):
    key_a, key_b = maven.key(a), maven.key(b)
    if key_a is None or key_b is None:
        return
    tree_a, tree_b = parse(a), parse(b)
    ours = (key_a > key_b) - (key_a < key_b)
    if ours != sign(compare(tree_a, tree_b)):
        between = shared_beginning(tree_a, tree_b)
        assert sign(compare(tree_a, between)) == ours
        assert sign(compare(between, tree_b)) == ours


@pytest.mark.parametrize("table", ["maven-versions.txt", "maven-versions-generated.txt"])
def test_every_line_of_the_native_tables_holds(shared, table):
    text = (shared / "data" / "versions" / table).read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "//"))]
    assert len(lines) > 100
    for line in lines:
        a, order, b = re.fullmatch(r"(.*?)\s*([<=>])\s*(.*)", line).groups()
        key_a, key_b = maven.key(a), maven.key(b)
        if key_a is None or key_b is None:
            assert line in DISPUTED
        elif line in OLDER:
            assert key_a > key_b
        else:
            assert order == ("<" if key_a < key_b else ">" if key_a > key_b else "="), line


def test_the_comparer_of_these_tests_orders_the_tables_as_maven_does(shared):
    text = (shared / "data" / "versions" / "maven-versions-generated.txt").read_text()
    for line in text.splitlines():
        a, order, b = line.split(" ")
        expected = {"<": -1, "=": 0, ">": 1}[order] * (-1 if line in OLDER else 1)
        assert sign(compare(parse(a), parse(b))) == expected, line


@pytest.mark.parametrize("piece", ["1.", "a", "a1", "-", ".", "1-a.", "0.", "rc-"])
def test_a_megabyte_takes_no_longer_than_it_is_long(piece):
    key = maven.key("1" + piece * (1_000_000 // len(piece)))
    assert key is None or len(key) < 6_000_000
