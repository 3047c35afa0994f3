"""Sample advisories in the OSV format, in our own words, as feeds of `ECOSYSTEM/all.zip`.

Well-known vulnerabilities of the demo's packages, and only those: a sample to look at, not a
source to rely on.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLISHED = "2026-01-12T08:00:00Z"


@dataclass(frozen=True)
class Sample:
    """`fixed` is the first version without it, "" where there is none yet."""

    id: str
    package: str
    fixed: str
    summary: str
    vector: str = ""
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    urgency: str = ""
    introduced: str = "0"

    def record(self, ecosystem: str) -> dict[str, Any]:
        """The OSV record."""
        events = [{"introduced": self.introduced}]
        if self.fixed:
            events.append({"fixed": self.fixed})
        affected: dict[str, Any] = {
            "package": {"ecosystem": ecosystem, "name": self.package},
            "ranges": [{"type": "ECOSYSTEM", "events": events}],
        }
        if self.urgency:
            affected["ecosystem_specific"] = {"urgency": self.urgency}
        record = {
            "schema_version": "1.6.0",
            "id": self.id,
            "published": PUBLISHED,
            "modified": PUBLISHED,
            "summary": self.summary,
            "details": f"{self.summary} A sample advisory of Vigie's demo.",
            "aliases": list(self.aliases),
            "upstream": list(self.upstream),
            "affected": [affected],
            "references": [{"type": "ADVISORY", "url": self._reference()}],
        }
        if self.vector:
            record["severity"] = [{"type": "CVSS_V3", "score": f"CVSS:3.1/{self.vector}"}]
        return record

    def _reference(self) -> str:
        cve = next(
            (name for name in (*self.aliases, *self.upstream) if name.startswith("CVE-")), self.id
        )
        return f"https://www.cve.org/CVERecord?id={cve}"


def distribution(prefix: str, cve: str, *args: str, **options: Any) -> Sample:
    """How distributions name theirs: an id of their own, with the CVE upstream of it."""
    return Sample(f"{prefix}-{cve}", *args, upstream=(cve,), **options)


def debian(cve: str, *args: str, **options: Any) -> Sample:
    return distribution("DEBIAN", cve, *args, **options)


def alpine(cve: str, *args: str, **options: Any) -> Sample:
    return distribution("ALPINE", cve, *args, **options)


REMOTE_CRASH = "AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"
REMOTE_TAKEOVER = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
LOCAL_CRASH = "AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H"

# Feed → (ecosystem of its records, samples). A feed's folder has the ecosystem's name alone.
FEEDS: dict[str, tuple[str, tuple[Sample, ...]]] = {
    "Debian": (
        "Debian:12",
        (
            debian(
                "CVE-2023-38545", "curl", "7.88.1-10+deb12u4",
                "A host name too long for a SOCKS5 handshake overflows curl's heap.",
                REMOTE_TAKEOVER,
            ),
            debian(
                "CVE-2023-6246", "glibc", "2.36-9+deb12u4",
                "A long program name overflows the heap in syslog and can give local root.",
                "AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
            ),
            debian(
                "CVE-2024-2961", "glibc", "2.36-9+deb12u6",
                "Converting to ISO-2022-CN-EXT with iconv writes past the end of the buffer.",
                "AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
            ),
            debian(
                "CVE-2024-0553", "gnutls28", "3.7.9-2+deb12u2",
                "Answers that take different time let RSA-PSK key exchange be decrypted.",
                "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
            ),
            debian(
                "CVE-2024-5535", "openssl", "3.0.15-1~deb12u1",
                "SSL_select_next_proto with an empty list reads memory it should not.",
                "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:H",
            ),
            debian(
                "CVE-2024-6119", "openssl", "3.0.14-1~deb12u2",
                "Checking the name in a certificate can read an invalid address and crash.",
                REMOTE_CRASH,
            ),
            debian(
                "CVE-2023-7008", "systemd", "252.21-1~deb12u1",
                "systemd-resolved accepts unsigned answers of a signed zone.",
                "AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:N",
            ),
            debian(
                "CVE-2023-45853", "zlib", "",
                "An overlong file name overflows the heap when MiniZip writes an archive.",
                REMOTE_TAKEOVER,
            ),
            debian(
                "CVE-2023-50495", "ncurses", "",
                "A crafted terminal description crashes programs that read it.",
                "AV:N/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H",
            ),
            debian(
                "CVE-2016-2781", "coreutils", "",
                "A program in chroot --userspec can push input into its parent's terminal.",
                "AV:L/AC:L/PR:L/UI:N/S:C/C:N/I:H/A:N", urgency="low",
            ),
            debian(
                "CVE-2023-29383", "shadow", "",
                "chfn lets control characters into the account file's display.",
                "AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:L/A:N", urgency="low",
            ),
        ),
    ),
    "Alpine": (
        "Alpine:v3.19",
        (
            alpine(
                "CVE-2023-6129", "openssl", "3.1.4-r3",
                "POLY1305 on PowerPC corrupts vector registers.",
                "AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:L/A:H",
            ),
            alpine(
                "CVE-2024-2511", "openssl", "3.1.4-r6",
                "TLS 1.3 session resumption can grow memory without bound.",
                "AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:L",
            ),
            alpine(
                "CVE-2024-5535", "openssl", "3.1.6-r0",
                "SSL_select_next_proto with an empty list reads memory it should not.",
                "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:H",
            ),
            alpine(
                "CVE-2023-42366", "busybox", "1.36.1-r16",
                "A crafted awk program overflows the heap.",
                LOCAL_CRASH,
            ),
        ),
    ),
    "PyPI": (
        "PyPI",
        (
            Sample(
                "GHSA-j8r2-6x86-q33q", "requests", "2.31.0",
                "The proxy's password is sent on to the server after a redirect to HTTPS.",
                "AV:N/AC:H/PR:N/UI:R/S:C/C:H/I:N/A:N", aliases=("CVE-2023-32681",),
                introduced="2.3.0",
            ),
            Sample(
                "PYSEC-2023-74", "requests", "2.31.0",
                "Proxy-Authorization leaks to the destination when a redirect leads to HTTPS.",
                aliases=("CVE-2023-32681", "GHSA-j8r2-6x86-q33q"), introduced="2.3.0",
            ),
            Sample(
                "GHSA-v845-jxx5-vc9f", "urllib3", "1.26.17",
                "A Cookie header is sent on to another host after a redirect.",
                "AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:N", aliases=("CVE-2023-43804",),
            ),
            Sample(
                "GHSA-h5c8-rqwp-cp95", "jinja2", "3.1.3",
                "The xmlattr filter lets a key with spaces add attributes of its own.",
                "AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", aliases=("CVE-2024-22195",),
            ),
            Sample(
                "GHSA-m2qf-hxjv-5gpq", "flask", "2.2.5",
                "A shared cache may give one visitor's session cookie to another.",
                "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", aliases=("CVE-2023-30861",),
            ),
            Sample(
                "GHSA-j7hp-h8jx-5ppr", "pillow", "10.0.1",
                "The bundled WebP library writes past its heap on a crafted picture.",
                "AV:N/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", aliases=("CVE-2023-4863",),
            ),
        ),
    ),
    "npm": (
        "npm",
        (
            Sample(
                "GHSA-xvch-5gv4-984h", "minimist", "1.2.6",
                "Arguments named after constructor properties change every object's prototype.",
                REMOTE_TAKEOVER, aliases=("CVE-2021-44906",),
            ),
            Sample(
                "GHSA-hrpp-h998-j3pp", "qs", "6.7.3",
                "A query string that sets __proto__ hangs the process.",
                REMOTE_CRASH, aliases=("CVE-2022-24999",),
            ),
            Sample(
                "GHSA-p6mc-m468-83gw", "lodash", "4.17.20",
                "zipObjectDeep changes every object's prototype.",
                "AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:H", aliases=("CVE-2020-8203",),
            ),
            Sample(
                "GHSA-35jh-r3h4-6jhm", "lodash", "4.17.21",
                "A template made from what a visitor sends runs as code.",
                "AV:N/AC:L/PR:H/UI:N/S:U/C:H/I:H/A:H", aliases=("CVE-2021-23337",),
            ),
            Sample(
                "GHSA-c2qf-rxjj-qqgw", "semver", "7.5.2",
                "A range of many spaces takes very long to parse.",
                REMOTE_CRASH, aliases=("CVE-2022-25883",), introduced="7.0.0",
            ),
        ),
    ),
}  # fmt: skip


def write_feeds(folder: Path) -> dict[str, Path]:
    """Write each feed as `NAME/all.zip` below the folder; name → zip."""
    return {name: _write_feed(folder / name, *feed) for name, feed in FEEDS.items()}


def _write_feed(folder: Path, ecosystem: str, samples: tuple[Sample, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for sample in samples:
            member = zipfile.ZipInfo(f"{sample.id}.json")  # dated 1980, so the same each time
            archive.writestr(member, json.dumps(sample.record(ecosystem)))
    path = folder / "all.zip"
    if not path.exists() or path.read_bytes() != body.getvalue():
        path.write_bytes(body.getvalue())
    return path
