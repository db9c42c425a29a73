"""What a cassette says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .errors import CassetteError

FORMAT = "bqsim-cassette"
VERSION = 1
FILE = "cassette.json"


@dataclass(slots=True)
class Header:
    """``recorded``: the day (ISO 8601); ``api_revision``: of the discovery document that passed, else of the
    API as the bqsim that recorded knows it; ``clients``: what the user agents told; ``names``: texts that are
    symbols, by symbol (``{"name:orders": "orders_dev"}`` is what the recording had); ``redaction``: the rules
    that it was made with, by name. The project's name is none of it: the same calls in another project are
    the same recording."""

    version: int = VERSION
    recorded: str = ""
    api_revision: str = ""
    clients: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    redaction: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"


def read_header(folder: Path) -> Header:
    """The header of the cassette in ``folder``. :class:`CassetteError` when it is none."""
    path = folder / FILE
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CassetteError(path, "there is no cassette here", "Record one, or check the path") from None
    except NotADirectoryError:
        message = "this is a file; a cassette is a folder"
        raise CassetteError(folder, message, "Name the folder that was recorded to") from None
    except UnicodeDecodeError:
        raise CassetteError(path, "the header is no text", "Restore the file") from None
    except ValueError as error:
        raise _broken(path, error) from None
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise CassetteError(path, "this is not the header of a cassette", "Check the path")
    version = members.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise CassetteError(path, f"the format's version is {version!r}, which is none", "Restore the file")
    if version < VERSION:
        raise CassetteError(
            path,
            f"the format's version is {version}, that of this bqsim is {VERSION}",
            f"Upgrade it: bqsim cassette upgrade {folder}",
        )
    if version > VERSION:
        raise CassetteError(
            path,
            f"the format's version is {version}; this bqsim knows up to {VERSION}",
            "Install a newer bqsim",
        )
    return header_of(members)


def _broken(path: Path, error: ValueError) -> CassetteError:
    """What to say of a header that is no JSON."""
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), 1):
        if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            return CassetteError(
                path,
                "git could not merge this file: marks of a conflict stand in it",
                "Take one side, or merge both with: bqsim cassette merge",
                number,
            )
    said = getattr(error, "msg", str(error))
    return CassetteError(
        path, f"the header is not JSON ({said})", "Restore the file", getattr(error, "lineno", None)
    )


def header_of(members: Mapping[str, Any]) -> Header:
    """The header with these members; those that are not known are left out."""
    default = asdict(Header())
    known = {f.name for f in fields(Header)}
    return Header(
        **{
            name: value
            for name, value in members.items()
            if name in known and isinstance(value, type(default[name]))
        }
    )
