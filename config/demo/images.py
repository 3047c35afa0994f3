"""The demo's images: what a small company's registry might hold, in a few kilobytes.

They hold the package databases of such images and nothing that could run.
"""

import json
from dataclasses import replace
from pathlib import Path

from config.demo.layouts import Image, Layer, write_layout

DEBIAN_PACKAGES = """
    adduser 3.134
    apt 2.6.1
    base-files 12.4+deb12u5
    base-passwd 3.6.1
    bash 5.2.15-2+b2 (bash 5.2.15-2)
    bsdutils 1:2.38.1-5+b1 (util-linux 2.38.1-5)
    ca-certificates 20230311
    coreutils 9.1-1
    curl 7.88.1-10+deb12u1
    dash 0.5.12-2
    debconf 1.5.82
    debian-archive-keyring 2023.3+deb12u1
    debianutils 5.7-0.5~deb12u1
    diffutils 1:3.8-4
    dpkg 1.21.22
    findutils 4.9.0-4
    gcc-12-base 12.2.0-14 (gcc-12)
    gpgv 2.2.40-1.1 (gnupg2)
    grep 3.8-5
    gzip 1.12-1
    hostname 3.23+nmu1
    libacl1 2.3.1-3 (acl)
    libapt-pkg6.0 2.6.1 (apt)
    libblkid1 2.38.1-5+b1 (util-linux 2.38.1-5)
    libbz2-1.0 1.0.8-5+b1 (bzip2 1.0.8-5)
    libc-bin 2.36-9+deb12u3 (glibc)
    libc6 2.36-9+deb12u3 (glibc)
    libcurl4 7.88.1-10+deb12u1 (curl)
    libgcrypt20 1.10.1-3
    libgnutls30 3.7.9-2 (gnutls28)
    liblzma5 5.4.1-0.2 (xz-utils)
    libpcre2-8-0 10.42-1 (pcre2)
    libssl3 3.0.11-1~deb12u2 (openssl)
    libsystemd0 252.17-1~deb12u1 (systemd)
    libtinfo6 6.4-4 (ncurses)
    libzstd1 1.5.4+dfsg2-5 (libzstd)
    login 1:4.13+dfsg1-1+b1 (shadow 1:4.13+dfsg1-1)
    openssl 3.0.11-1~deb12u2
    perl-base 5.36.0-7+deb12u1 (perl)
    sed 4.9-1
    tar 1.34+dfsg-1.2
    tzdata 2024a-0+deb12u1
    zlib1g 1:1.2.13.dfsg-1 (zlib)
"""
# What stands in the healthy image instead, or not at all.
DEBIAN_FIXED = {
    "curl": "7.88.1-10+deb12u12",
    "libc-bin": "2.36-9+deb12u10",
    "libc6": "2.36-9+deb12u10",
    "libcurl4": "7.88.1-10+deb12u12",
    "libgnutls30": "3.7.9-2+deb12u4",
    "libssl3": "3.0.15-1~deb12u1",
    "libsystemd0": "252.33-1~deb12u1",
    "openssl": "3.0.15-1~deb12u1",
}
DEBIAN_LEFT_OUT = ("coreutils", "libtinfo6", "login", "zlib1g")

ALPINE_PACKAGES = """
    alpine-baselayout 3.4.3-r2
    alpine-baselayout-data 3.4.3-r2 (alpine-baselayout)
    alpine-keys 2.4-r1
    apk-tools 2.14.0-r5
    busybox 1.36.1-r15
    busybox-binsh 1.36.1-r15 (busybox)
    ca-certificates-bundle 20230506-r0 (ca-certificates)
    libc-utils 0.7.2-r5 (libc-dev)
    libcrypto3 3.1.4-r2 (openssl)
    libssl3 3.1.4-r2 (openssl)
    musl 1.2.4_git20230717-r4
    musl-utils 1.2.4_git20230717-r4 (musl)
    scanelf 1.3.7-r2 (pax-utils)
    ssl_client 1.36.1-r15 (busybox)
    zlib 1.3-r2
"""
PYTHON_PACKAGES = {
    "certifi": "2024.7.4",
    "charset-normalizer": "3.3.2",
    "Flask": "2.2.2",
    "idna": "3.7",
    "Jinja2": "3.1.2",
    "MarkupSafe": "2.1.5",
    "Pillow": "9.5.0",
    "requests": "2.30.0",
    "urllib3": "1.26.16",
    "Werkzeug": "2.2.3",
}
NODE_PACKAGES = {
    "body-parser": "1.19.0",
    "express": "4.17.1",
    "lodash": "4.17.15",
    "minimist": "1.2.5",
    "ms": "2.1.3",
    "qs": "6.7.0",
    "semver": "7.3.7",
}


def write_registry(folder: Path, tag_has_moved: bool) -> None:
    """Make the registry: repositories are folders. The tag of shop/web moves in a second step,
    so that someone has seen both digests under it."""
    old, new = web_images()
    for repository, tagged in repositories().items():
        write_layout(folder / repository, tagged)
    if tag_has_moved:
        write_layout(folder / "shop/web", {"latest": new}, untagged=(old,))
    else:
        write_layout(folder / "shop/web", {"latest": old})


def repositories() -> dict[str, dict[str, Image]]:
    """Repository → tag → image, without shop/web."""
    return {
        "base/debian": {"12": Image((debian_layer(),))},
        "base/alpine": {"3.19": Image((alpine_layer(),))},
        "shop/api": {"1.4": Image((debian_layer(), python_layer()))},
        "shop/front": {"2.0": Image((alpine_layer(), node_layer()))},
        "tools/backup": {"1.0": Image((fixed_debian_layer(),))},
        "tools/agent": {"ltsc2022": windows_image()},
        "tools/probe": {"1.0": Image((binary_layer(),))},
    }


def web_images() -> tuple[Image, Image]:
    """What `shop/web:latest` was, and what it is since the base was updated."""
    site = Layer({"srv/www/index.html": b"<h1>Shop</h1>\n"}, "COPY site /srv/www")
    old = Image((debian_layer(), site))
    return old, replace(old, layers=(fixed_debian_layer(), site), created="2026-02-02T09:00:00Z")


def debian_layer() -> Layer:
    return _debian(packages(DEBIAN_PACKAGES))


def fixed_debian_layer() -> Layer:
    return _debian(
        [
            (name, DEBIAN_FIXED.get(name, version), source)
            for name, version, source in packages(DEBIAN_PACKAGES)
            if name not in DEBIAN_LEFT_OUT
        ]
    )


def alpine_layer() -> Layer:
    database = "\n".join(
        f"P:{name}\nV:{version}\nA:x86_64\no:{source or name}\n"
        for name, version, source in packages(ALPINE_PACKAGES)
    )
    release = 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.19.0\nPRETTY_NAME="Alpine Linux v3.19"'
    files = {
        "etc/os-release": f"{release}\n".encode(),
        "lib/apk/db/installed": f"{database}\n".encode(),
    }
    return Layer(files, "ADD alpine-minirootfs-3.19.0-x86_64.tar.gz /")


def python_layer() -> Layer:
    site = "usr/local/lib/python3.11/site-packages"
    files = {
        f"{site}/{name.replace('-', '_')}-{version}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
        )
        for name, version in PYTHON_PACKAGES.items()
    }
    files["srv/api/app.py"] = b"from flask import Flask\n\napp = Flask(__name__)\n"
    return Layer(files, "RUN pip install -r requirements.txt")


def node_layer() -> Layer:
    files = {
        f"srv/front/node_modules/{name}/package.json": json.dumps(
            {"name": name, "version": version, "license": "MIT"}
        ).encode()
        for name, version in NODE_PACKAGES.items()
    }
    return Layer(files, "RUN npm ci --omit=dev")


def binary_layer() -> Layer:
    """A program on its own: nothing in it says what it is made of."""
    return Layer({"probe": b"\x7fELF" + bytes(1020)}, "COPY probe /probe")


def windows_image() -> Image:
    layer = Layer({"Files/License.txt": b"Made for a demo.\n"}, "Apply image ltsc2022")
    return Image((layer,), os="windows", os_version="10.0.20348.2227")


def packages(table: str) -> list[tuple[str, str, str]]:
    """(name, version, source) of each line `name version (source [source version])`."""
    rows = (line.strip().rstrip(")").partition(" (") for line in table.strip().splitlines())
    return [(*package.split(" "), source) for package, _, source in rows]


def _debian(installed: list[tuple[str, str, str]]) -> Layer:
    status = "\n".join(_dpkg_stanza(*package) for package in installed)
    release = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n'
    release += 'VERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n'
    files = {"etc/os-release": release.encode(), "var/lib/dpkg/status": status.encode()}
    return Layer(files, "ADD rootfs.tar.xz /")


def _dpkg_stanza(name: str, version: str, source: str) -> str:
    source_name, _, source_version = source.partition(" ")
    written = f"{source_name} ({source_version})" if source_version else source_name
    lines = [
        f"Package: {name}",
        "Status: install ok installed",
        *([f"Source: {written}"] if source else []),
        "Architecture: amd64",
        f"Version: {version}",
    ]
    return "\n".join(lines) + "\n"
