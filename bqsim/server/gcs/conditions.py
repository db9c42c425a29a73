"""Preconditions: which generation of an object, and which of its attributes, a call is meant for."""

from __future__ import annotations

from collections.abc import Mapping

from bqsim.objects.model import Check, ObjectInfo

from .errors import StorageError, bad_value, condition_not_met, not_modified
from .resources import etag_of

_GENERATION, _METAGENERATION = "GenerationMatch", "MetagenerationMatch"
_MAX = (1 << 63) - 1
# The headers of the XML API that say the same.
HEADERS = {
    "x-goog-if-generation-match": "ifGenerationMatch",
    "x-goog-if-generation-not-match": "ifGenerationNotMatch",
    "x-goog-if-metageneration-match": "ifMetagenerationMatch",
    "x-goog-if-metageneration-not-match": "ifMetagenerationNotMatch",
}
_SOURCE_HEADERS = {
    "x-goog-copy-source-if-generation-match": "ifSourceGenerationMatch",
    "x-goog-copy-source-if-metageneration-match": "ifSourceMetagenerationMatch",
}
# Those that are kept with an upload until it is complete.
KEPT = tuple(HEADERS.values())


def number(query: Mapping[str, str], name: str) -> int | None:
    """A parameter that is an INT64; 400 for other text."""
    text = query.get(name)
    if text is None or text == "":
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 19 or int(digits) > _MAX:
        raise bad_value(f"Invalid long value: '{text[:40]}'.", name, "invalidParameter")
    return int(text)


def of_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The parameters that headers of the XML API stand for."""
    names = HEADERS | _SOURCE_HEADERS
    return {parameter: headers[header] for header, parameter in names.items() if header in headers}


def check_of(query: Mapping[str, str], prefix: str = "if", *, reading: bool = False) -> Check:
    """The check that the parameters ask for. What must not match is 304 when ``reading``, else 412."""
    names = [_GENERATION, _METAGENERATION]
    wanted = {name: number(query, prefix + name) for name in names}
    unwanted = {name: number(query, prefix + name.replace("Match", "NotMatch")) for name in names}

    def check(found: ObjectInfo | None) -> None:
        has = {
            _GENERATION: found.generation if found else 0,
            _METAGENERATION: found.metageneration if found else None,
        }
        if any(value is not None and value != has[name] for name, value in wanted.items()):
            raise condition_not_met()
        if any(value is not None and value == has[name] for name, value in unwanted.items()):
            raise _unwanted(reading)
        if found is None and unwanted[_METAGENERATION] is not None:
            raise condition_not_met()

    return check


def _unwanted(reading: bool) -> StorageError:
    return not_modified() if reading else condition_not_met()


def check_etags(headers: Mapping[str, str], found: ObjectInfo, xml: str = "") -> None:
    """``If-Match`` and ``If-None-Match`` of a read; ``xml`` is the object's etag in the XML API."""
    own = {etag_of(found.generation, found.metageneration), xml or "*", "*"}
    wanted, unwanted = headers.get("if-match"), headers.get("if-none-match")
    if wanted and own.isdisjoint(_etags(wanted)):
        raise condition_not_met()
    if unwanted and not own.isdisjoint(_etags(unwanted)):
        raise not_modified()


def _etags(text: str) -> list[str]:
    return [part.strip().removeprefix("W/").strip('"') for part in text.split(",")]


def check_metageneration(query: Mapping[str, str], metageneration: int, *, reading: bool = False) -> None:
    """The preconditions of a call about a bucket."""
    wanted, unwanted = number(query, "ifMetagenerationMatch"), number(query, "ifMetagenerationNotMatch")
    if wanted is not None and wanted != metageneration:
        raise condition_not_met()
    if unwanted is not None and unwanted == metageneration:
        raise _unwanted(reading)
