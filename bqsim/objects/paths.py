"""Object names as paths of files, so that files put there by hand are objects, and the other way round.

Slashes divide folders. What a file cannot be called is written with ``%``: empty parts, ``.`` and ``..``,
characters that are not allowed; a part that is too long continues in the folder ``<part>%-``. An object that
is called like a folder (``a`` beside ``a/b``) is the file ``a%``.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

# Longer parts do not fit file systems (255 bytes).
_PART = 200
_UNSAFE = re.compile(r'[%\\:*?"<>|\x00-\x1f\x7f]')
_WORDS = {"": "%2F", ".": "%2E", "..": "%2E%2E"}
_LONG = "%-"
TWIN = "%"


def parts_of(name: str) -> list[str]:
    """The folders and the file of an object's name."""
    parts: list[str] = []
    for part in name.split("/"):
        safe = _WORDS.get(part) or _UNSAFE.sub(lambda m: f"%{ord(m.group()):02X}", part)
        pieces = _pieces(safe)
        parts += [f"{piece}{_LONG}" for piece in pieces[:-1]]
        parts.append(pieces[-1])
    return parts


def _pieces(text: str) -> list[str]:
    """``text`` in pieces that are short enough, cut between characters and not within ``%XX``."""
    pieces, current, size = [], "", 0
    for unit in re.findall(r"%[0-9A-F]{2}|.", text, re.DOTALL):
        more = len(unit.encode("utf-8", "replace"))
        if size + more > _PART:
            pieces.append(current)
            current, size = "", 0
        current, size = current + unit, size + more
    return [*pieces, current]


def name_of(path: Path) -> str:
    """The object name of a file's path relative to its bucket's folder."""
    parts = list(path.parts)
    if parts[-1].endswith(TWIN):
        parts[-1] = parts[-1][: -len(TWIN)]
    text = ""
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if not last and part.endswith(_LONG):
            text += _part(part[: -len(_LONG)])
        else:
            text += _part(part) + ("" if last else "/")
    return text


def _part(text: str) -> str:
    return "" if text == _WORDS[""] else unquote(text)


def file_of(folder: Path, name: str) -> Path | None:
    """The file of an object in its bucket's folder; None without one."""
    path = folder.joinpath(*parts_of(name))
    for found in (path, path.with_name(path.name + TWIN)):
        if found.is_file():
            return found
    return None


def new_file(folder: Path, name: str) -> Path:
    """Where the file of an object is to be; its folders are made."""
    path = folder.joinpath(*parts_of(name))
    for parent in reversed(path.relative_to(folder).parents[:-1]):
        at = folder / parent
        if at.is_file():
            # An object has the name of this folder.
            at.replace(at.with_name(at.name + TWIN))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(path.name + TWIN) if path.is_dir() else path
