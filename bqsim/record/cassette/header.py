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
    """``recorded``: the day (ISO 8601); ``api_revision``: of the discovery document, where known;
    ``clients``: what the user agents told; ``names``: texts that are symbols, by symbol
    (``{"name:orders": "orders_dev"}`` is what the recording had); ``redaction``: the rules that it was made
    with, by name; ``project``: the symbolic project's name when recorded, dropped when secret."""

    version: int = VERSION
    recorded: str = ""
    api_revision: str = ""
    clients: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    redaction: dict[str, Any] = field(default_factory=dict)
    project: str = ""

    def text(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"


def read_header(folder: Path) -> Header:
    """The header of the cassette in ``folder``. :class:`CassetteError` when it is none."""
    path = folder / FILE
    try:
        members = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CassetteError(path, "there is no cassette here", "Record one, or check the path") from None
    except ValueError as error:
        line = getattr(error, "lineno", None)
        raise CassetteError(path, f"the header is not JSON ({error})", "Restore the file", line) from None
    if not isinstance(members, dict) or members.get("format") != FORMAT:
        raise CassetteError(path, "this is not the header of a cassette", "Check the path")
    version = members.get("version")
    if not isinstance(version, int) or version < 1:
        raise CassetteError(path, f"the format's version is {version!r}, which is none", "Restore the file")
    if version > VERSION:
        raise CassetteError(
            path,
            f"the format's version is {version}; this bqsim knows up to {VERSION}",
            "Install a newer bqsim",
        )
    return _header(members)


def _header(members: Mapping[str, Any]) -> Header:
    known = {f.name for f in fields(Header)}
    return Header(**{name: value for name, value in members.items() if name in known})
