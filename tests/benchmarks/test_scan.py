"""One scan, from the registry to its findings: time by stage, and the peak of memory.

Ratios are against the limit (fetch, digest and decompress alone) and against syft where it is
installed, which lists packages and neither stores nor judges them.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from findings import advisories, evaluation
from findings.models import Feed, Finding, ImageVerdict
from registries import inventory
from registries.models import Image, Registry, Subscription
from registries.oci.manifest import Manifest, parse_manifest
from registries.providers import PROVIDERS
from scans import indexing, queue
from scans.models import Layer, Report
from tests import pushing
from tests.benchmarks import contents, estate, launched, stages
from tests.benchmarks.figures import Figures
from tests.registry_server import RunningRegistry

RECORDS = 20_000
SMALL_IMAGES = 200
SYFT = os.environ.get("SYFT") or shutil.which("syft")
# Real images, from 3 MB up, and the feeds that speak of them.
REAL = {
    "alpine-3.19.4-amd64": ["Alpine"],
    "distroless-amd64": ["Debian"],
    "almalinux-9-micro-aarch64-a": ["AlmaLinux"],
    "alma9-rpmdb-sqlite": ["AlmaLinux"],
    "debian12-minbase": ["Debian"],
    "debian12-python-node": ["Debian", "PyPI", "npm"],
}

pytestmark = [pytest.mark.bench, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True)
class Pushed:
    server: RunningRegistry
    repository: str

    @property
    def reference(self) -> str:
        return f"{self.server.address}/{self.repository}:latest"


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_large_image(packing, docker_registry, tmp_path, figures: Figures):
    image = Pushed(docker_registry(), "bench/large")
    pushing.push(image.server.url, image.repository, contents.image(packing), "latest")
    estate.write_feed(tmp_path, RECORDS)
    _import(tmp_path)
    _measure(image, figures)


@pytest.mark.parametrize("name", REAL)
def test_a_real_image(name, docker_registry, shared: Path, figures: Figures):
    image = Pushed(docker_registry(), f"bench/{name}")
    _copy(shared / "data/images", name, image)
    for ecosystem in REAL[name]:
        _import(shared / "data/advisories" / ecosystem)
    _measure(image, figures)


@pytest.mark.skipif("VIGIE_BENCH_IMAGE" not in os.environ, reason="VIGIE_BENCH_IMAGE names none")
def test_an_image_of_your_own(docker_registry, shared: Path, figures: Figures):
    """VIGIE_BENCH_IMAGE=FOLDER:TAG, of a folder in the OCI image layout."""
    layout, _, tag = os.environ["VIGIE_BENCH_IMAGE"].rpartition(":")
    image = Pushed(docker_registry(), "bench/own")
    _copy(Path(layout), tag, image)
    for ecosystem in ("Debian", "Alpine", "AlmaLinux", "PyPI", "npm", "Go", "crates.io"):
        _import(shared / "data/advisories" / ecosystem)
    _measure(image, figures)


def test_many_small_images_that_share_a_layer(docker_registry, tmp_path, figures: Figures):
    server = docker_registry()
    for number in range(SMALL_IMAGES):
        pushing.push(server.url, "bench/small", contents.small_image(number), f"v{number}")
    estate.write_feed(tmp_path, 1_000)
    _import(tmp_path)
    _discover(server)
    first = _scan_next()
    start = perf_counter()
    queries = [_scan_next() for _ in range(SMALL_IMAGES - 1)]
    seconds = perf_counter() - start
    assert not queue.claim()
    assert not Report.objects.exclude(result="indexed").exists()
    start = perf_counter()
    judged = evaluation.evaluate()
    figures.say(
        f"{len(queries) / seconds:.0f} scans a second in one worker, "
        f"{median(queries):.0f} queries each ({first} for the first of all)"
    )
    figures.say(f"then judged in {perf_counter() - start:.2f} s ({judged} sets and images)")
    figures.say(f"layers read: {Layer.objects.count()} of {SMALL_IMAGES * 2}")


def _measure(image: Pushed, figures: Figures) -> None:
    _discover(image.server)
    manifest = _manifest(image)
    packed = sum(layer.size for layer in manifest.layers)
    figures.say(f"{len(manifest.layers)} layers, {packed / 1e6:.0f} MB packed")
    took = stages.cumulative(image.server.url, image.repository, manifest.layers)
    scan = launched.run(
        [sys.executable, "-m", "tests.benchmarks.one_scan"], launched.database_environment()
    )
    steps = json.loads(scan.output)
    assert ImageVerdict.objects.get().state == "unhealthy"
    _say_stages(took, steps, figures)
    whole, limit = steps["claim"] + steps["index"] + steps["match"], took[stages.LIMIT]
    figures.say(f"the limit      {limit:6.2f} s")
    figures.say(f"reading layers {took['catalog'] / limit:6.2f} of the limit")
    figures.say(f"the whole scan {whole / limit:6.2f} of the limit, {whole:.2f} s")
    figures.say(
        f"{Report.objects.get().package_count:,} packages, {Finding.objects.count():,} findings; "
        f"peak memory {scan.peak / 1e6:.0f} MB, {steps['queries']} queries to index"
    )
    _say_peer(image, scan, figures)


def _say_stages(took: dict[str, float], steps: dict[str, float], figures: Figures) -> None:
    before = 0.0
    for name, seconds in took.items():
        figures.say(f"  {name:<12} {seconds - before:6.2f} s")
        before = seconds
    for name in ("store", "match"):
        figures.say(f"  {name:<12} {steps[name]:6.2f} s")


def _say_peer(image: Pushed, ours: launched.Took, figures: Figures) -> None:
    if not SYFT:
        figures.say("no syft to compare with (set SYFT to the program, or put it on the PATH)")
        return
    environment = {
        "SYFT_REGISTRY_INSECURE_USE_HTTP": "true",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_QUIET": "true",
    }
    theirs = launched.run([SYFT, f"registry:{image.reference}", "-o", "json"], environment)
    found = len(json.loads(theirs.output)["artifacts"])
    figures.say(
        f"as whole processes: {ours.seconds:.2f} s, syft {theirs.seconds:.2f} s "
        f"({found:,} packages, not judged); ours to theirs: "
        f"{ours.seconds / theirs.seconds:.3f} of the time, "
        f"{ours.processor / theirs.processor:.3f} of the processor, "
        f"{ours.peak / theirs.peak:.3f} of the memory ({theirs.peak / 1e6:.0f} MB)"
    )


def _copy(layout: Path, name: str, to: Pushed) -> None:
    if pushing.SKOPEO is None:
        pytest.skip("no skopeo on this machine to push real images with")
    command = ["copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"]
    target = f"docker://{to.reference}"
    subprocess.run([pushing.SKOPEO, *command, f"oci:{layout}:{name}", target], check=True)


def _import(folder: Path) -> None:
    feed = Feed.objects.create(name=str(folder), location=str(folder))
    advisories.update(feed)
    assert not feed.problem


def _discover(server: RunningRegistry) -> None:
    owner = Subscription.objects.create(display_name="Bench", plan_enabled=True)
    registry = Registry.objects.create(
        subscription=owner, name="bench", kind="distribution", location=server.url
    )
    inventory.sync(registry)
    assert queue.enqueue_due() == Image.objects.count()


def _manifest(image: Pushed) -> Manifest:
    with PROVIDERS["distribution"].open(image.server.url, None) as source:
        body, media_type, _ = source.manifest(image.repository, "latest")
    return parse_manifest(body, media_type)


def _scan_next() -> int:
    """Scan one image; how many queries that took."""
    with CaptureQueriesContext(connection) as queries:
        indexing.index(queue.claim())
    return len(queries)
