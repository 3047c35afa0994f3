"""Paths as a layer writes them → one spelling each, relative to the image's root."""

from posixpath import normpath

# Distribution databases whose folder lies deeper than the rule below looks.
_DATABASE_FOLDERS = frozenset({"var/lib/dpkg/status.d", "usr/lib/apk/db", "usr/lib/sysimage/rpm"})
_PROGRAM_FOLDERS = frozenset({"bin", "sbin", "libexec"})
_PACKAGE_FOLDERS = ("node_modules", "site-packages", "dist-packages")
_PACKAGE_ENDINGS = (".dist-info", ".egg-info", ".egg", "EGG-INFO", *_PACKAGE_FOLDERS)


def decoded(raw: bytes) -> str:
    """UTF-8 as a rule. What is not, and what cannot be printed, is spelt out: so different names
    stay different, and every name can be stored and shown."""
    text = raw.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(map(_spelt, text))


def _spelt(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def normalised(path: str) -> str:
    """Without `./`, `//`, inner `..` and slashes at the ends; "" for the root itself and for what
    would lie outside of it."""
    if path.startswith("./"):
        path = path[2:]
    path = path.rstrip("/")
    if "//" in path or "/." in path or path.startswith(("/", ".")):  # else nothing is to be done
        path = normpath(path.lstrip("/"))
        if path == "." or path == ".." or path.startswith("../"):
            return ""
    return path


def may_hold_packages(path: str) -> bool:
    """Could this path, in another layer, be a folder with wanted files below it?

    A link or file in its place hides them, so it is worth remembering. To remember every path of a
    layer would cost more than all its packages, so this looks at the shape: a package's own folder,
    the folders packages are installed in, and anything near the root. What it misses shows a
    package too many, never one too few.
    """
    parent, _, name = path.rpartition("/")
    if name.endswith(_PACKAGE_ENDINGS) or parent.endswith("node_modules"):
        return True
    if parent.count("/") < 2 and "." not in name:
        return not parent.endswith("bin")
    if name.startswith("python") or path in _DATABASE_FOLDERS:
        return True
    return parent.rpartition("/")[2].startswith("@")


def may_be_program(path: str) -> bool:
    """Does the path look like that of a program, whatever stands there?"""
    folder, _, name = path.rpartition("/")
    return "." not in name and folder.rpartition("/")[2] in _PROGRAM_FOLDERS
