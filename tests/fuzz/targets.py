"""One target per parser: any bytes in, and either an answer in its form or the parser's own error.

Whatever else is raised is a bug. A target holds its answer to what others rely on, too: a record
must pass as a reader's answer, a component must be one that can be stored.
"""

from collections.abc import Callable, Mapping
from functools import partial
from io import BytesIO

from findings.feeds import MalformedRecord, NotAdvisories, eol, epss, kev, osv
from findings.versions import ENCODERS, encode
from registries.oci.errors import BadContent
from registries.oci.manifest import parse_config, parse_manifest
from scans import osrelease
from scans.catalogers import CATALOGERS, Cataloger, Component, Owns, Unreadable, storable
from scans.coalesce import package_url, stack
from scans.layers import Budget, LayerError, read_layer
from scans.layers.decompress import decompress
from scans.layers.pax import extended_values
from scans.sandbox import answers
from scans.sbom.documents import NotAnSbom
from scans.sbom.reading import read as read_sbom
from scans.support import Unsupported

Target = Callable[[bytes], None]

BUDGET = Budget(bytes=64 * 1024 * 1024, entries=10_000, seconds=20)
_MOST_OUTPUT = 1024 * 1024
# Files that a cataloger is given, where its name does not say enough.
PATHS = {
    "dpkg": "var/lib/dpkg/status",
    "dpkg-files": "var/lib/dpkg/info/bash.list",
    "apk": "lib/apk/db/installed",
    "rpm": "var/lib/rpm/Packages",
    "python": "usr/lib/python3/dist-packages/x-1.dist-info/METADATA",
    "python-archives": "opt/x-1-py3-none-any.whl",
    "npm": "app/node_modules/x/package.json",
    "ruby": "usr/lib/ruby/gems/3.1.0/specifications/x-1.gemspec",
    "php": "app/vendor/composer/installed.json",
    "dotnet": "app/x.deps.json",
    "java": "srv/x-1.jar",
    "jdk": "opt/jdk/release",
    "binaries": "usr/sbin/nginx",
    "libraries": "usr/lib/libcrypto.so.3",
}


def tar(data: bytes) -> None:
    """The whole way of a layer: compression, tar, catalogers, record, answer, stack."""
    try:
        record = read_layer([data[:1000], data[1000:]], budget=BUDGET)
    except LayerError:
        return
    assert answers.record_of(answers.lines(record), BUDGET) == record
    try:
        stack([record, record])
    except Unsupported:
        return


def unpacked(data: bytes) -> None:
    total = 0
    try:
        for piece in decompress([data])[1]:
            assert len(piece) <= max(len(data), 256 * 1024)
            total += len(piece)
            if total > _MOST_OUTPUT:
                return
    except LayerError:
        return


def pax(data: bytes) -> None:
    try:
        values = extended_values(data)
    except LayerError:
        return
    assert all(isinstance(value, bytes) for value in values.values())


def cataloger(one: Cataloger, data: bytes) -> None:
    path = PATHS[one.name]
    try:
        for count, found in enumerate(one.read(path, BytesIO(data))):
            if isinstance(found, Owns):
                assert all(isinstance(owned, str) for owned in (found.package, *found.paths))
            else:
                _check_component(found)
            if count > 2_000:
                return
    except Unreadable:
        return


def journal(one: Cataloger, data: bytes) -> None:
    """Half of the data is the database, the other its journal."""
    half = len(data) // 2
    merged = one.merge(data[:half], data[half:])
    assert isinstance(merged, bytes)
    cataloger(one, merged)


def os_release(data: bytes) -> None:
    distro = osrelease.parse(data)
    assert all(text.isprintable() for text in (distro.id, distro.version_id, distro.name))


def osv_record(data: bytes) -> None:
    try:
        record = osv.parse(data)
    except MalformedRecord:
        return
    assert len(record.id) <= osv.MAX_ID


def feed(parse: Callable[[bytes], object], data: bytes) -> None:
    try:
        parse(data)
    except NotAdvisories:
        return


def manifest(data: bytes) -> None:
    try:
        parse_manifest(data)
    except BadContent:
        return


def config(data: bytes) -> None:
    try:
        parse_config(data)
    except BadContent:
        return


def versions(data: bytes) -> None:
    """Keys are bytes; equal texts have equal keys; and no text is too much."""
    text = data.decode("utf-8", "replace")
    for ecosystem in ENCODERS:
        key = encode(ecosystem, text)
        assert key is None or (isinstance(key, bytes) and key == encode(ecosystem, text + ""))


def purl(data: bytes) -> None:
    name, _, version = data.decode("utf-8", "surrogateescape").partition("\n")
    for type_ in sorted(answers.TYPES):
        for component in storable([Component(type_, name, version, inside=name)]):
            assert len(package_url(component, None)) <= 1000


def sbom(data: bytes) -> None:
    try:
        imported = read_sbom(data)
    except NotAnSbom:
        return
    for content in imported.record.files.values():
        if isinstance(content, tuple):
            assert list(storable(content)) == list(content)


def answer(data: bytes) -> None:
    """What a reader that was taken over may send."""
    try:
        record = answers.record_of(data.split(b"\n"), BUDGET)
    except (answers.NoAnswer, LayerError):
        return
    assert answers.record_of(answers.lines(record), BUDGET) == record


def _check_component(found: Component) -> None:
    assert found.type in answers.TYPES
    for kept in storable([found]):
        assert list(storable([kept])) == [kept]


TARGETS: Mapping[str, Target] = {
    "tar": tar,
    "decompress": unpacked,
    "pax": pax,
    "os-release": os_release,
    "osv": osv_record,
    "kev": partial(feed, kev.parse),
    "epss": partial(feed, epss.parse),
    "eol": partial(feed, eol.parse),
    "manifest": manifest,
    "config": config,
    "versions": versions,
    "purl": purl,
    "sbom": sbom,
    "answer": answer,
    **{f"cataloger-{one.name}": partial(cataloger, one) for one in CATALOGERS},
    **{
        f"journal-{one.name}": partial(journal, one)
        for one in CATALOGERS
        if one.journal_of(PATHS[one.name] + "-wal") or one.name == "rpm"
    },
}
