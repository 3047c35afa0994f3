"""The same packages come out of every format, and of damage what is not damaged, and the damage."""

import random
from io import BytesIO
from struct import pack
from tempfile import TemporaryFile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scans.catalogers import Component, Owns, Unreadable, cataloger_for, rpm
from tests.scans.rpms import EPOCH, NAME, berkeley, header, ndb, package, sqlite

PATH = "var/lib/rpm/Packages"
FORMATS = {
    "Berkeley DB": berkeley,
    "Berkeley DB, big-endian": lambda records: berkeley(records, ">"),
    "Berkeley DB, large pages": lambda records: berkeley(records, page_size=65536),
    "ndb": ndb,
    "sqlite": sqlite,
}
LONG = [f"/usr/share/long/{number}" for number in range(500)]
RECORDS = [
    package("bash", "5.1.8-6.el9"),
    package("openssl", "3.0.7-27.el9", epoch=1, files=["/usr/bin/openssl", "/etc/pki/x"]),
    package("long", files=LONG),
]
BASH = Component("rpm", "bash", "5.1.8-6.el9", "x86_64", "bash", "5.1.8-6.el9")
OPENSSL = Component("rpm", "openssl", "1:3.0.7-27.el9", "x86_64", "openssl", "3.0.7-27.el9")


def read(body: bytes, path: str = PATH) -> list[Component | Owns]:
    return list(rpm.read(path, BytesIO(body)))


def read_until_damage(body: bytes, path: str = PATH) -> tuple[list[str], str]:
    """The names of the packages, and the sentence in which reading ended."""
    found = []
    try:
        for each in rpm.read(path, BytesIO(body)):
            if isinstance(each, Component):
                found.append(each.name)
    except Unreadable as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_packages_are_the_same_in_every_format(make):
    found = read(make(RECORDS))
    components = [each for each in found if isinstance(each, Component)]
    owned = {each.package: list(each.paths) for each in found if isinstance(each, Owns)}
    assert components[:2] == [BASH, OPENSSL]
    assert [each.name for each in components] == ["bash", "openssl", "long"]
    assert owned == {
        "openssl": ["usr/bin/openssl", "etc/pki/x"],
        "long": [path.lstrip("/") for path in LONG],
    }


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_a_long_database_is_read_from_disk(make):
    with TemporaryFile() as file:
        file.write(make(RECORDS))
        assert len([each for each in rpm.read(PATH, file) if isinstance(each, Component)]) == 3


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_a_database_without_packages_has_none(make):
    assert read(make([])) == []


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_a_damaged_record_does_not_take_the_others_with_it(make):
    body = make([RECORDS[0], b"\0\0\xff\xff\0\0\0\1damaged", header({EPOCH: 1}), RECORDS[1]])
    names, sentence = read_until_damage(body)
    assert names == ["bash", "openssl"]
    assert sentence == "Records of the rpm database are damaged (2)."


def test_a_database_of_nothing_but_damage_is_given_up():
    names, sentence = read_until_damage(sqlite([b""] * 5000 + RECORDS))
    assert names == []
    assert "(1,001)" in sentence


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_a_database_that_is_cut_off_says_so(make):
    body = make([RECORDS[2], *RECORDS])
    names, sentence = read_until_damage(body[: len(body) - 1500])
    assert sentence
    assert set(names) <= {"bash", "openssl", "long"}


@pytest.mark.parametrize("body", [b"", b"short", bytes(5000), b"SQLite format 4\0" + bytes(500)])
def test_another_format_is_told(body):
    assert "no rpm database in a format that is known" in read_until_damage(body)[1]


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
@given(seed=st.integers(0, 10**9), places=st.integers(1, 30))
@settings(max_examples=60)
def test_whatever_is_damaged_reading_ends_and_raises_nothing_else(make, seed, places):
    body, chance = bytearray(make(RECORDS)), random.Random(seed)
    for _ in range(places):
        body[chance.randrange(len(body))] = chance.choice((0, 1, 7, 13, 255, chance.randrange(256)))
    read_until_damage(bytes(body))


@given(st.sampled_from([b"", pack("<12xI", 0x061561), b"RpmP", rpm.sqlite.MAGIC]), st.binary())
@settings(max_examples=200)
def test_any_bytes_are_read(start, rest):
    read_until_damage(start + rest)


MANIFEST = (
    b"openssl-libs\t3.3.0-1.azl3\t1717000000\t1717000001\tMicrosoft Corporation\t(none)\t7000\t"
    b"x86_64\t0\topenssl-3.3.0-1.azl3.src.rpm\n"
    b"shadow\t4.9-13.azl3\t1\t2\tMicrosoft Corporation\t2\t7000\tnoarch\t2\t(none)\n"
    b"too\tfew\n"
)


def test_the_list_of_an_image_without_rpm_is_read():
    assert read(MANIFEST, "var/lib/rpmmanifest/container-manifest-2") == [
        Component("rpm", "openssl-libs", "3.3.0-1.azl3", "x86_64", "openssl", "3.3.0-1.azl3"),
        Component("rpm", "shadow", "2:4.9-13.azl3", "noarch"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "var/lib/rpm/Packages",
        "var/lib/rpm/rpmdb.sqlite",
        "var/lib/rpm/rpmdb.sqlite-wal",
        "usr/lib/sysimage/rpm/Packages.db",
        "usr/share/rpm/rpmdb.sqlite",
        "var/lib/rpmmanifest/container-manifest-2",
    ],
)
def test_the_databases_are_wanted(path):
    assert cataloger_for(path) is rpm.CATALOGER


@pytest.mark.parametrize(
    "path", ["var/lib/rpm/Name", "srv/var/lib/rpm/Packages", "var/lib/rpmmanifest/rpmdb.sqlite"]
)
def test_nothing_else_is_wanted(path):
    assert cataloger_for(path) is None


def test_only_the_log_of_sqlite_is_a_journal():
    assert rpm.journal_of("var/lib/rpm/rpmdb.sqlite-wal") == "var/lib/rpm/rpmdb.sqlite"
    assert rpm.journal_of("var/lib/rpm/rpmdb.sqlite") == ""
    assert rpm.journal_of("var/lib/rpm/Packages") == ""


def test_a_key_that_was_imported_is_listed_as_rpm_lists_it():
    body = ndb([header({NAME: "gpg-pubkey", 1001: "b86b3716", 1002: "61e69f29"})])
    assert read(body) == [Component("rpm", "gpg-pubkey", "b86b3716-61e69f29")]
