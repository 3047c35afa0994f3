"""Which packages are of a kernel: a container runs its host's, so what is wrong with them is told
apart and, unless an operator wants it, not counted."""

import re

# By the source package: its binaries (headers, tools, images) are all one kernel's.
_SOURCES = {
    # Debian: linux, linux-6.1, linux-signed-amd64, linux-latest. Ubuntu: linux-aws-5.15,
    # linux-meta-hwe-6.5, linux-restricted-modules.
    "deb": re.compile(
        r"linux(-(\d+\.\d+|latest|signed|meta|restricted|hwe|aws|azure|gcp|gke|gkeop|oracle|ibm|kvm"
        r"|oem|raspi\d*|riscv|lowlatency|realtime|nvidia|bluefield|intel|xilinx|starfive|laptop"
        r"|allwinner|fips|lts|ports|snapdragon|euclid|flo|mako|manta|grouper|maguro|goldfish)"
        r"([.-].*)?)?"
    ),
    "apk": re.compile(
        r"linux-(lts|virt|edge|stable|vanilla|hardened|grsec|rpi\d*|openpax|elm|headers|.+-headers"
        r"|(aws|azure|gcp|oracle)(-.+)?)"
    ),
    # Red Hat and its kin, Oracle's kernel-uek, SUSE's kernel-default and linux-glibc-devel, Azure
    # Linux, Photon's linux-esx.
    "rpm": re.compile(
        r"kernel(?!(-s?rpm)?-macros$)(-.+)?|kernel\d+(\.\d+)?|linux-glibc-devel|glibc-kernheaders"
        r"|linux(-(api-headers|aws|esx|rt|secure|headers|lts))?"
    ),
}


def is_kernel(type: str, name: str, source_name: str = "") -> bool:
    """Whether a distribution's package is a kernel, a part of one, or its headers."""
    pattern = _SOURCES.get(type)
    return pattern is not None and pattern.fullmatch(source_name or name) is not None
