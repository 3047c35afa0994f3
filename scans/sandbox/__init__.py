"""Layers are parsed where there is nothing to steal: by a process of their own, with no secrets, no
network and no files, which lives for one layer and dies within bounds.

    worker  ──starts once──▶  zygote  ──forks for each layer──▶  reader

The worker fetches and checks the bytes; the reader unpacks and parses them and sends back the
record, which the worker believes only in form. `lockdown` says what a reader may still do.
"""

from scans.sandbox.reading import read_layer
from scans.sandbox.zygotes import SandboxUnavailable

__all__ = ["SandboxUnavailable", "read_layer"]
