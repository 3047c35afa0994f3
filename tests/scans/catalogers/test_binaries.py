from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scans.catalogers import Component, Unreadable, cataloger_for
from scans.catalogers.binaries import EXECUTABLES, LIBRARIES, PROGRAMS, is_known, read
from tests.scans.programs import elf, go_blob

# The words of each program as its releases hold them: the file, what stands in it, the version.
KNOWN = [
    ("usr/local/apache2/bin/httpd", "apache", b"\0Apache/2.4.58 (Unix)\0", "2.4.58"),
    ("usr/sbin/apache2", "apache", b"\0Apache/2\0Apache/2.4\0Apache/2.4.58\0", "2.4.58"),
    ("bin/bash", "bash", b"@(#)Bash version 5.2.15(1) release GNU\0", "5.2.15"),
    ("bin/busybox", "busybox", b"BusyBox v1.36.1 (2023-11-07 18:53:09 UTC)\0", "1.36.1"),
    ("bin/[", "busybox", b"syslogd started: BusyBox v1.36.1\0", "1.36.1"),
    (
        "usr/local/sbin/haproxy",
        "haproxy",
        b"HAProxy version 2.8.3-86e043a, released 2023/09/07\0",
        "2.8.3",
    ),
    (
        "opt/jdk/lib/server/libjvm.so",
        "java",
        b"VM (17.0.9+9) for linux-amd64 JRE (17.0.9+9), built on Oct 17 2023\0",
        "17.0.9",
    ),
    (
        "opt/jre/lib/amd64/server/libjvm.so",
        "java",
        b"VM (25.372-b07) for linux-amd64 JRE (1.8.0_372-b07), built on May 1 2023\0",
        "8.0.372",
    ),
    ("usr/sbin/mariadbd", "mariadb", b"-log\0" + b"11.1.2-MariaDB\0x86_64\0", "11.1.2"),
    ("usr/local/bin/memcached", "memcached", b"\0memcached 1.6.22\n\0", "1.6.22"),
    ("usr/sbin/nginx", "nginx", b"nginx version: nginx/1.25.3\n\0", "1.25.3"),
    ("usr/local/bin/node", "node", b"/json\0node.js/v20.9.0\0", "20.9.0"),
    ("usr/lib/libnode.so.108", "node", b"node.js/v18.19.0\0", "18.19.0"),
    ("usr/lib/libcrypto.so.3", "openssl", b"OpenSSL 3.0.13 30 Jan 2024\0", "3.0.13"),
    ("usr/lib/libcrypto.so.1.1", "openssl", b"OpenSSL 1.1.1k  FIPS 25 Mar 2021\0", "1.1.1k"),
    ("usr/lib/libcrypto.so.1.1", "openssl", b"OpenSSL 1.1.1w  11 Sep 2023\0", "1.1.1w"),
    ("usr/bin/openssl", "openssl", b"OpenSSL 1.0.2k-fips  26 Jan 2017\0", "1.0.2k"),
    ("usr/bin/openssl", "openssl", b"OpenSSL 3.2.0-beta1 26 Oct 2023\0", "3.2.0-beta1"),
    ("usr/local/bin/perl5.38.0", "perl", b"SEED\0v5.38.0\0panic", "5.38.0"),
    ("usr/lib/libperl.so.5.36", "perl", b"use v5.10\0v5.36.0\0", "5.36.0"),
    ("usr/local/sbin/php-fpm", "php", b"X-Powered-By: PHP/8.2.12\0", "8.2.12"),
    ("usr/bin/php8.3", "php", b"X-Powered-By: PHP/8.3.0RC1\0", "8.3.0RC1"),
    (
        "usr/lib/postgresql/16/bin/postgres",
        "postgresql",
        b"PostgreSQL 16.1 (Debian 16.1-1.pgdg120+1) on x86_64-pc-linux-gnu, compiled by gcc\0",
        "16.1",
    ),
    (
        "usr/local/bin/postgres",
        "postgresql",
        b"PostgreSQL 9.6.24 on x86_64-pc-linux-musl, compiled by gcc\0",
        "9.6.24",
    ),
    ("usr/local/bin/python3.12", "python", b"\0003.0.13\0003.12.1\0", "3.12.1"),
    ("usr/local/lib/libpython3.11.so.1.0", "python", b"\0003.12.1\0003.11.7+\0", "3.11.7"),
    ("usr/local/lib/libpython3.13t.so", "python", b"\0003.13.0rc1\0", "3.13.0rc1"),
    (
        "usr/local/bin/redis-server",
        "redis",
        b"\0007.2.3\0A7.2.3buildkitsandbox-1698858345000000000\0",
        "7.2.3",
    ),
    (
        "usr/local/bin/redis-server",
        "redis",
        b"\0004.0.11\0\0004.0.11841ce7054bd9-1542359302000000000\0",
        "4.0.11",
    ),
    ("usr/bin/redis-server", "redis", b"\0007.0.15\0A7.0.151790282056000000000\0", "7.0.15"),
    ("usr/bin/redis-server", "redis", b"\0007.0.1\0A7.0.1519abc-179028205600000000000\0", ""),
    ("usr/bin/redis-server", "redis", b"\0009.0.0\0valkey9.0.0x-1764887574000000000\0", ""),
    (
        "usr/lib/x86_64-linux-gnu/libruby-3.1.so.3.1",
        "ruby",
        b"ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]\0",
        "3.1.2",
    ),
    (
        "usr/local/bin/ruby",
        "ruby",
        b"ruby 3.4.0preview1 (2024-05-16 master 9d69619623) [x86_64-linux]\0",
        "3.4.0preview1",
    ),
    (
        "usr/local/bin/valkey-server",
        "valkey",
        b"\0009.0.0\0valkey9.0.0buildkitsandbox-1764887574000000000\0",
        "9.0.0",
    ),
]


def found(path: str, body: bytes) -> list[Component]:
    return list(read(path, BytesIO(body)))


@pytest.mark.parametrize(("path", "name", "words", "version"), KNOWN)
def test_a_known_program_says_its_version_in_its_own_words(path, name, words, version):
    expected = [Component("binary", name, version)] if version else []
    assert found(path, elf({".rodata": words})) == expected
    assert found(f"{path}.copy", elf({".rodata": words})) == []  # in a file of another name


def test_every_program_has_its_words_here():
    assert {name for _, name, _, _ in KNOWN} == {program.name for program in PROGRAMS}


@given(before=st.integers(0, 3 * 1024 * 1024))
def test_words_are_found_wherever_they_stand(before):
    words = b"OpenSSL 3.0.13 30 Jan 2024\0"
    body = elf(rest=bytes(before) + words + bytes(100))
    assert found("usr/bin/openssl", body) == [Component("binary", "openssl", "3.0.13")]


def test_a_version_at_the_edge_of_what_is_searched_at_once_is_not_cut_short():
    for at in range(1024 * 1024 - 40, 1024 * 1024 + 10):
        body = elf().ljust(at, b"\0") + b"BusyBox v1.36.10 (2023"
        assert found("bin/busybox", body) == [Component("binary", "busybox", "1.36.10")]


def test_what_is_no_program_says_nothing():
    words = b"nginx version: nginx/1.25.3\n"
    assert found("usr/sbin/nginx", words) == []
    assert found("usr/sbin/nginx", b"\x7fELF" + words) == []


def test_a_known_program_may_be_written_in_go():
    body = elf({".go.buildinfo": go_blob("go1.21.5", b""), ".rodata": b"node.js/v20.9.0\0"})
    assert [component.name for component in found("bin/node", body)] == ["stdlib", "node"]


def test_executables_and_libraries_of_known_names_are_read_and_no_other_library():
    assert cataloger_for("usr/bin/anything", executable=True) is EXECUTABLES
    assert cataloger_for("usr/bin/anything") is None
    assert cataloger_for("usr/lib/libcrypto.so.3") is LIBRARIES
    assert cataloger_for("usr/lib/libpython3.11.so.1.0") is LIBRARIES
    assert cataloger_for("usr/lib64/libcrypto.so.1.0.2k", executable=True) is EXECUTABLES
    assert is_known("usr/lib64/libcrypto.so.1.0.2k")
    assert cataloger_for("usr/lib/libz.so.1") is None
    assert cataloger_for("usr/lib/libgo.so.1", executable=True) is EXECUTABLES
    assert cataloger_for("bin/busybox") is LIBRARIES  # a hard link has no mode of its own
    assert not is_known("nginx/html")


NAMES = st.sampled_from([path for path, _, _, _ in KNOWN])
WORDS = st.sampled_from([words for _, _, words, _ in KNOWN])


@given(NAMES, st.lists(WORDS | st.binary(max_size=20), max_size=6))
def test_whatever_the_bytes_a_file_has_one_version_or_none(path, parts):
    try:
        rows = found(path, elf({".rodata": b"".join(parts)}))
    except Unreadable:
        rows = []
    assert len(rows) <= 1
    assert all(row.version.isprintable() and row.version for row in rows)


@pytest.mark.parametrize(
    "repeated", [b"1.1.1", b"-1.1.1a", b"\0valkey1.1.1", b" version 1.1.1-", b"1"]
)
def test_words_made_to_mislead_a_search_cost_no_more_than_their_length(repeated):
    body = elf(rest=repeated * (1024 * 1024 // len(repeated)))
    for path in {path for path, _, _, _ in KNOWN}:
        assert found(path, body) == []
