"""What fuzzing starts from: small files of every format, made here and by nobody else.

`python -m tests.fuzz.seeds FOLDER` writes a folder of them for each target.
"""

import json
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path

from scans.layers import read_layer
from scans.sandbox import answers
from tests.scans.catalogers.jars import jar, manifest, pom
from tests.scans.programs import elf, go_blob
from tests.scans.rpms import berkeley, ndb, package, sqlite
from tests.scans.tars import PACK, file, folder, hard_link, link, npm, status, tar

_STATUS = status(("bash", "5.2-1"), ("dash", "1:0.5"))
_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12"\n'
_LAYER = tar(
    folder("etc"),
    file("etc/os-release", _RELEASE),
    file("var/lib/dpkg/status", _STATUS),
    npm("app/node_modules/x", "x"),
    link("lib", "usr/lib"),
    hard_link("b/package.json", "app/node_modules/x/package.json"),
    file("a/.wh.b"),
    file("a/.wh..wh..opq"),
    file("x" * 200, b"long"),
)
_RPMS = [package("bash", files=["/bin/bash"]), package("rpm", epoch=1)]
_DIGEST = "sha256:" + "ab" * 32
_JAR = jar(
    {**pom("g", "x", "1"), **manifest(Bundle_Version="7"), "lib/y.jar": jar(pom("g", "y", "2"))}
)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _descriptor(kind: str) -> dict[str, object]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": _DIGEST, "size": 7}


_OSV = {
    "id": "CVE-2026-1",
    "modified": "2026-01-01T00:00:00Z",
    "aliases": ["GHSA-1"],
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
    "affected": [
        {
            "package": {"ecosystem": "Debian:12", "name": "bash"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.2-1"}]}],
            "versions": ["5.1", "5.1-2"],
        }
    ],
}
_CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [{"type": "library", "name": "x", "version": "1", "purl": "pkg:npm/x@1"}],
}
_SPDX = {
    "spdxVersion": "SPDX-2.3",
    "name": "x",
    "packages": [
        {
            "SPDXID": "SPDXRef-x",
            "name": "x",
            "versionInfo": "1",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:pypi/x@1",
                }
            ],
        }
    ],
}
_GEMSPEC = b"""# stub: x 1.0.0 ruby lib
Gem::Specification.new do |s|
  s.name = "x".freeze
  s.version = "1.0.0"
end
"""
_DEPS = {
    "runtimeTarget": {"name": ".NETCoreApp,Version=v8.0"},
    "targets": {".NETCoreApp,Version=v8.0": {"X/1.0.0": {"runtime": {"X.dll": {}}}}},
    "libraries": {"X/1.0.0": {"type": "package"}},
}
_GO = go_blob("go1.22.1", b"path\tx\nmod\texample.com/x\tv1.0.0\ndep\texample.com/y\tv1.2.3\n")
_RUST = zlib.compress(_json({"packages": [{"name": "x", "version": "1.0.0", "source": "local"}]}))

SEEDS: Mapping[str, list[bytes]] = {
    "tar": [*(pack_(_LAYER) for pack_ in PACK.values()), tar(npm("a", "b"), format=0)],
    "decompress": [pack_(_LAYER) for pack_ in PACK.values()],
    "pax": [b"14 path=a/b/c\n12 size=100\n", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"],
    "os-release": [_RELEASE, b"ID=alpine\nVERSION_ID=3.19.1\nNAME='Alpine Linux'\n"],
    "osv": [_json(_OSV)],
    "kev": [_json({"vulnerabilities": [{"cveID": "CVE-2026-1", "dateAdded": "2026-01-02"}]})],
    "epss": [b"#model_version:v1,score_date:2026-01-02\ncve,epss,percentile\nCVE-2026-1,0.1,0.5\n"],
    "eol": [
        _json(
            {"result": [{"name": "debian", "releases": [{"name": "12", "eolFrom": "2028-06-30"}]}]}
        )
    ],
    "manifest": [
        _json(
            {
                "schemaVersion": 2,
                "config": _descriptor("config.v1+json"),
                "layers": [_descriptor("layer.v1.tar+gzip")],
            }
        ),
        _json({"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json")]}),
    ],
    "config": [
        _json({"os": "linux", "architecture": "amd64", "history": [{"created_by": "RUN x"}]})
    ],
    "versions": [b"1.2.3", b"1:2.3~rc1-4+b1", b"v1.2.3-0.20200101000000-abcdef", b"1.0.post1.dev2"],
    "purl": [b"@scope/name\n1.0", b"group:artifact\n1.0-SNAPSHOT"],
    "sbom": [_json(_CYCLONEDX), _json(_SPDX)],
    "answer": [b"".join(answers.lines(read_layer([_LAYER])))],
    "cataloger-dpkg": [_STATUS],
    "cataloger-dpkg-files": [b"/.\n/bin\n/bin/bash\n"],
    "cataloger-apk": [b"P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\nF:lib\nR:ld-musl.so.1\n\n"],
    "cataloger-rpm": [sqlite(_RPMS), ndb(_RPMS), berkeley(_RPMS), berkeley(_RPMS, ">")],
    "cataloger-python": [b"Metadata-Version: 2.1\nName: x\nVersion: 1.0\n\nwords"],
    "cataloger-python-archives": [jar({"x-1.dist-info/METADATA": "Name: x\nVersion: 1\n"})],
    "cataloger-npm": [b'{"name": "x", "version": "1.0.0"}'],
    "cataloger-ruby": [_GEMSPEC],
    "cataloger-php": [_json({"packages": [{"name": "v/x", "version": "v1.0.0"}]})],
    "cataloger-dotnet": [_json(_DEPS)],
    "cataloger-java": [_JAR],
    "cataloger-jdk": [b'JAVA_VERSION="17.0.9"\nIMPLEMENTOR="Eclipse Adoptium"\n'],
    "cataloger-binaries": [
        elf({".go.buildinfo": _GO}),
        elf({".dep-v0": _RUST}),
        elf(rest=b"nginx version: nginx/1.25.3\n\0"),
    ],
    "cataloger-libraries": [elf(rest=b"OpenSSL 3.0.13 30 Jan 2024\0")],
    "journal-rpm": [sqlite(_RPMS) * 2],
}


def write(folder_: Path) -> None:
    for target, seeds in SEEDS.items():
        (folder_ / target).mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (folder_ / target / f"seed-{number}").write_bytes(seed)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
