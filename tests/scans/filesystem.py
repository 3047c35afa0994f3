"""A file system in memory, to unpack layers into one after the other, the way runtimes do."""

import tarfile
from collections.abc import Iterator

Node = dict | str | bytes  # a folder, a link's target, a file's body


class FileSystem:
    def __init__(self) -> None:
        self.root: dict[str, Node] = {}

    def apply(self, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        """Whiteouts concern lower layers only, so they come first, as `.wh.a` does before what
        lies in `a` in a tar that is sorted."""
        names = {info.name for info, _ in entries if info.isdir()}
        whiteouts = [info.name for info, _ in entries if ".wh." in info.name]
        for name in sorted(whiteouts, key=lambda name: name.endswith(".wh..wh..opq")):
            self._white_out(name, names)
        for info, body in entries:
            if ".wh." not in info.name:
                self._unpack(info, body, names)

    def files(self) -> Iterator[tuple[str, bytes]]:
        yield from _files("", self.root)

    def _white_out(self, path: str, explicit: set[str]) -> None:
        folder = self._folder(path, explicit)
        name = path.rpartition("/")[2].removeprefix(".wh.")
        if name == ".wh..opq":
            folder.clear()
        else:
            folder.pop(name, None)

    def _unpack(self, info: tarfile.TarInfo, body: bytes, explicit: set[str]) -> None:
        folder = self._folder(info.name, explicit)
        name = info.name.rpartition("/")[2]
        if info.isdir():
            if not isinstance(folder.get(name), dict):
                folder[name] = {}
        else:
            folder[name] = info.linkname if info.issym() else body

    def _folder(self, path: str, explicit: set[str]) -> dict[str, Node]:
        """The folder of a path, made where it is missing. A link on the way is followed, unless
        the layer has an entry for the folder itself, which takes the link's place."""
        at: list[str] = []
        steps = path.split("/")[:-1]
        for count in range(1, len(steps) + 1):
            written = "/".join(steps[:count])
            at = self._enter([*at, steps[count - 1]], follow=written not in explicit)
        return self._make(at)

    def _enter(self, path: list[str], follow: bool, hops: int = 40) -> list[str]:
        node = self._node(path)
        if isinstance(node, str) and follow and hops:
            target = [] if node.startswith("/") else path[:-1]
            for step in node.split("/"):
                if step == "..":
                    target = target[:-1]
                elif step:
                    target = self._enter([*target, step], True, hops - 1)
            return target
        self._make(path)
        return path

    def _node(self, path: list[str]) -> Node | None:
        node: Node | None = self.root
        for step in path:
            node = node.get(step) if isinstance(node, dict) else None
        return node

    def _make(self, path: list[str]) -> dict[str, Node]:
        node = self.root
        for step in path:
            child = node.get(step)
            if not isinstance(child, dict):
                child = node[step] = {}
            node = child
        return node


def _files(prefix: str, folder: dict[str, Node]) -> Iterator[tuple[str, bytes]]:
    for name, node in folder.items():
        if isinstance(node, dict):
            yield from _files(f"{prefix}{name}/", node)
        elif isinstance(node, bytes):
            yield prefix + name, node
