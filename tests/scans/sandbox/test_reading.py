"""A layer is read by a process of its own: the same record, and its troubles stay its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest

from registries.oci.errors import DigestMismatch
from scans import sandbox
from scans.catalogers import CATALOGERS
from scans.layers import Budget, LayerError, read_layer
from scans.sandbox import SandboxUnavailable, zygotes
from scans.support import Reason
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import PATHS
from tests.scans.tars import PACK, cut, failing, file, hard_link, link, names, npm, status, tar

LAYER = tar(
    file("etc/os-release", b"ID=debian\nVERSION_ID=12\n"),
    file("var/lib/dpkg/status", status(("bash", "5.2"), ("dash", "0.5"))),
    npm("app/node_modules/one", "one"),
    link("lib", "usr/lib"),
    file("a/.wh.b"),
    file("c/.wh..wh..opq"),
    file("srv"),
    file("bad/package.json", b"{"),
)


def blob_of(chunks: Iterator[bytes]):
    @contextmanager
    def opened():
        yield chunks

    return opened


def blob(*chunks: bytes):
    return lambda: blob_of(iter(chunks))()


@pytest.mark.parametrize("packing", sorted(PACK))
def test_the_record_is_the_one_that_is_read_in_the_process_itself(packing):
    packed = PACK[packing](LAYER)
    record = sandbox.read_layer(blob(*cut(packed)), digest_tar=True)
    assert record == read_layer([packed], digest_tar=True)
    assert record.diff_id == "sha256:" + sha256(LAYER).hexdigest()


def test_a_layer_larger_than_any_pipe_is_read_to_its_end():
    large = tar(file("data", os.urandom(5_000_000)), npm("a", "one"))
    assert names(sandbox.read_layer(blob(large))) == {("a/package.json", "one")}


def test_the_blob_is_opened_again_for_what_hard_links_lead_to():
    opened = []
    layer = tar(file("store/1", b'{"name": "one"}'), hard_link("a/package.json", "store/1"))

    @contextmanager
    def counted():
        opened.append(1)
        yield iter([layer])

    assert names(sandbox.read_layer(counted)) == {("a/package.json", "one")}
    assert len(opened) == 2


def test_a_spool_holds_what_is_too_long_for_memory():
    packages = [(f"package-{number}", "1.0") for number in range(70_000)]
    record = sandbox.read_layer(blob(tar(file("var/lib/dpkg/status", status(*packages)))))
    assert len(record.files["var/lib/dpkg/status"]) == 70_000


def test_budgets_are_the_readers():
    with pytest.raises(LayerError) as caught:
        sandbox.read_layer(blob(LAYER), budget=Budget(entries=3))
    assert caught.value.reason is Reason.TOO_LARGE
    assert "“entries” is 3" in str(caught.value)


@pytest.mark.parametrize("packing", sorted(PACK))
def test_errors_of_the_source_pass_through(packing, no_zygotes):
    chunks = failing([PACK[packing](LAYER)], DigestMismatch("It is not what its digest says."))
    with pytest.raises(DigestMismatch):
        sandbox.read_layer(blob_of(chunks))
    assert sandbox.read_layer(blob(LAYER)) == read_layer([LAYER])
    assert len(no_zygotes) == 1  # the one whose reader was put away


@pytest.mark.parametrize("layer", [b"not a tar" * 100, PACK["gzip"](LAYER)[:-9]])
def test_damage_on_the_way_is_the_sources_to_tell(layer):
    with pytest.raises(DigestMismatch):
        sandbox.read_layer(blob_of(failing([layer, b"more"], DigestMismatch(""))))


def test_a_layer_that_is_damaged_for_good_says_so():
    with pytest.raises(LayerError) as caught:
        sandbox.read_layer(blob(b"not a tar" * 100))
    assert caught.value.reason is Reason.DAMAGED


def test_a_zygote_that_died_is_replaced(no_zygotes):
    sandbox.read_layer(blob(LAYER))
    no_zygotes[0]._process.kill()
    no_zygotes[0]._process.wait()
    assert sandbox.read_layer(blob(LAYER)) == read_layer([LAYER])


def test_a_zygote_that_dies_at_work_says_nothing_of_the_layer(no_zygotes):
    sandbox.read_layer(blob(LAYER))

    def chunks():
        yield LAYER[:1000]
        process.kill()
        yield LAYER[1000:]

    process = no_zygotes[0]._process
    with pytest.raises(SandboxUnavailable, match="died"):
        sandbox.read_layer(blob_of(chunks()))
    assert sandbox.read_layer(blob(LAYER)) == read_layer([LAYER])


def test_one_zygote_serves_many_layers(no_zygotes):
    for number in range(5):
        layer = tar(npm("a", f"package-{number}"))
        assert names(sandbox.read_layer(blob(layer))) == {("a/package.json", f"package-{number}")}
    assert len(no_zygotes) == 1


def test_without_filters_a_warning_is_given_once_and_strict_reads_nothing(booted_with, caplog):
    booted_with("sys.modules['pyseccomp'] = None")
    for _ in range(2):
        assert sandbox.read_layer(blob(LAYER)) == read_layer([LAYER])
    assert caplog.text.count("install libseccomp") == 1
    with pytest.raises(SandboxUnavailable, match="install libseccomp"):
        sandbox.read_layer(blob(LAYER), strict=True)


def test_a_zygote_that_does_not_start_is_said(booted_with):
    booted_with("sys.exit(1)")
    with pytest.raises(SandboxUnavailable, match="does not start"):
        sandbox.read_layer(blob(LAYER))


def test_a_fork_of_the_worker_has_zygotes_of_its_own(no_zygotes):
    sandbox.read_layer(blob(LAYER))
    child = os.fork()
    if not child:
        os._exit(len(zygotes._idle))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sandbox.read_layer(blob(LAYER)) == read_layer([LAYER])
    assert len(no_zygotes) == 1


@pytest.mark.parametrize("cataloger", CATALOGERS, ids=lambda cataloger: cataloger.name)
def test_every_cataloger_reads_what_it_reads_outside(cataloger):
    """All it needs is imported before the process is locked down."""
    for seed in SEEDS[f"cataloger-{cataloger.name}"]:
        info, body = file(PATHS[cataloger.name], seed)
        info.mode = 0o755
        record = sandbox.read_layer(blob(tar((info, body))))
        assert record == read_layer([tar((info, body))])
        assert not record.problems
