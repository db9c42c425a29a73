"""Where the operations are in their file: read in pieces, without a look into their JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from bqsim.record.model import KINDS

from .errors import CassetteError
from .text import HEAD_LINE

_PIECE = 4 * 1024 * 1024
_MARK = b"\n=== "
# No line that names an operation is longer.
_LEAST = 64
# So lines begin where git could not merge. No line of an operation begins so.
_CONFLICT = re.compile(rb"^(?:<{7}|={7}|>{7}|\|{7})(?: .*)?\r?$", re.MULTILINE)
# The outer ones of them: when somebody has left one in the middle, the JSON around it is damaged.
_SIGNS = (b"\n<<<<<<<", b"\n>>>>>>>")
_RESTORE = "Restore the file"


class Entry(NamedTuple):
    """Where an operation is: its text is the bytes from ``start`` to ``end`` of the operations' file."""

    kind: str
    key: str
    occurrence: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """``<key>.<occurrence>``."""
        return f"{self.key}.{self.occurrence}"


def scan(path: Path) -> list[Entry]:
    """The entries of an operations' file. :class:`CassetteError` for one with marks of a merge, with lines
    that name no operation, and with operations that stand twice or are missing among others."""
    found = _Scan(path)
    try:
        with path.open("rb") as file:
            # In front of everything stands a line's end, so that the first line is found as the others are.
            held, offset = b"\n", -1
            while piece := file.read(_PIECE):
                held += piece
                done = found.take(held, offset)
                offset += done
                held = held[done:]
            found.last(held, offset)
    except FileNotFoundError:
        raise CassetteError(path, "the operations are missing", _RESTORE) from None
    except OSError as error:
        raise CassetteError(path, f"the operations cannot be read ({error.strerror})", _RESTORE) from None
    return found.entries


class _Scan:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: list[Entry] = []
        self._kinds = {name.encode(): name for name in KINDS}
        self._counted: dict[bytes, int] = {}
        # Occurrences that came before smaller ones of their key, and where.
        self._early: dict[bytes, dict[int, int]] = {}
        self._open: tuple[str, str, int, int] | None = None

    def take(self, held: bytes, offset: int, final: bool = False) -> int:
        """Take what is whole of ``held``, which stands at ``offset`` in the file; how much that was."""
        if len(held) < _LEAST and not final:
            return 0
        self._conflicts(held, offset)
        at = held.find(_MARK)
        if self._open is None and at != 0:
            self._garbage(offset, held)
        while at >= 0:
            end = held.find(b"\n", at + 1)
            if end < 0:
                return at
            self._head(held[at + 1 : end], offset + at + 1, offset + end + 1)
            at = held.find(_MARK, end)
        # A mark may be cut in two.
        return max(0, len(held) - len(_MARK) - 16)

    def last(self, held: bytes, offset: int) -> None:
        """Take the rest: the file is over."""
        if not held.endswith(b"\n"):
            end = offset + len(held)
            held += b"\n"
        else:
            end = offset + len(held)
        if held.strip():
            self.take(held, offset, final=True)
        elif self._open is None and offset > 0:
            self._garbage(0, b"")
        self._close(end)
        for key, early in self._early.items():
            name, missing = key.decode(), self._counted[key] + 1
            first = min(early)
            self._wrong(f"operation {name}.{first} stands here, but {name}.{missing} nowhere", early[first])

    def _conflicts(self, held: bytes, offset: int) -> None:
        if not any(sign in held for sign in _SIGNS):
            return
        found = _CONFLICT.search(held)
        if found:
            raise CassetteError(
                self.path,
                "git could not merge this file: marks of a conflict stand in it",
                "Take one side, or merge both with: bqsim cassette merge",
                line_of(self.path, offset + found.start()),
            )

    def _garbage(self, offset: int, held: bytes) -> None:
        rest = held.strip()
        if rest:
            problem = "this is no text of operations" if b"\0" in held[:4096] else "this is of no operation"
            lead = len(held) - len(held.lstrip())
            raise CassetteError(self.path, problem, _RESTORE, line_of(self.path, offset + lead))

    def _head(self, line: bytes, start: int, body: int) -> None:
        head = HEAD_LINE.fullmatch(line) or HEAD_LINE.fullmatch(line.rstrip(b"\r"))
        if not head:
            shown = line[:80].decode("utf-8", "replace")
            raise CassetteError(
                self.path, f"{shown!r} names no operation", _RESTORE, line_of(self.path, start)
            )
        if self._open is not None:
            self.entries.append(Entry(*self._open, start))
        kind, key, number = head.groups()
        before = self._counted.get(key, 0)
        occurrence = int(number)
        if occurrence == before + 1 and key not in self._early:
            self._counted[key] = occurrence
        else:
            self._out_of_turn(key, occurrence, before, start)
        self._open = self._kinds[kind], key.decode(), occurrence, body

    def _out_of_turn(self, key: bytes, occurrence: int, before: int, start: int) -> None:
        early = self._early.setdefault(key, {})
        if occurrence <= before or occurrence in early:
            self._wrong(f"operation {key.decode()}.{occurrence} stands here a second time", start)
        early[occurrence] = start
        while before + 1 in early:
            before += 1
            del early[before]
        self._counted[key] = before
        if not early:
            del self._early[key]

    def _wrong(self, problem: str, start: int) -> None:
        raise CassetteError(self.path, problem, "Restore the file, or record anew", line_of(self.path, start))

    def _close(self, end: int) -> None:
        if self._open is not None:
            self.entries.append(Entry(*self._open, end))
            self._open = None


def line_of(path: Path, place: int) -> int:
    """The number of the line at a byte of a file, from 1."""
    count, left = 1, max(place, 0)
    with path.open("rb") as file:
        while left > 0 and (piece := file.read(min(_PIECE, left))):
            count += piece.count(b"\n")
            left -= len(piece)
    return count
