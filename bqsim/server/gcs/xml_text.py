"""Small XML documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape

from .errors import StorageError

XML_HEADERS: Mapping[str, str] = {"Content-Type": "application/xml; charset=UTF-8", "Server": "bqsim"}
_HEAD = "<?xml version='1.0' encoding='UTF-8'?>"
# Lists of objects have another namespace than the rest.
_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_LISTS = {"ListBucketResult": "http://doc.s3.amazonaws.com/2006-03-01"}
# Characters that XML has no way to write.
_FORBIDDEN = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), 65533)

Inside = Mapping[str, object] | Iterable[tuple[str, object]]


def element(name: str, inside: Inside) -> bytes:
    """A document of one element; values are texts, or elements of their own."""
    return f"{_HEAD}<{name} xmlns='{_LISTS.get(name, _SPACE)}'>{_inner(inside)}</{name}>".encode(
        "utf-8", "replace"
    )


def _inner(inside: Inside) -> str:
    pairs = inside.items() if isinstance(inside, Mapping) else inside
    return "".join(f"<{name}>{_value(value)}</{name}>" for name, value in pairs)


def _value(value: object) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        return _inner(value)
    return escape(str(value).translate(_FORBIDDEN))


def elements_of(data: bytes) -> list[tuple[str, str]]:
    """Names and texts of all elements of a document, in order; 400 for what is none."""
    from xml.parsers import expat

    found: list[tuple[str, str]] = []
    open_: list[int] = []
    parser = expat.ParserCreate()

    def start(name: str, attributes: object) -> None:
        open_.append(len(found))
        found.append((name.rpartition(":")[2], ""))

    def text(piece: str) -> None:
        if open_:
            name, before = found[open_[-1]]
            found[open_[-1]] = name, before + piece

    def end(name: str) -> None:
        open_.pop()

    def refuse(*details: object) -> None:
        raise _malformed()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    # Entities may grow without end.
    parser.EntityDeclHandler = refuse
    if not data:
        return []
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise _malformed() from None
    return [(name, body.strip()) for name, body in found]


def _malformed() -> StorageError:
    text = "The XML you provided was not well-formed or did not validate against our published schema."
    return StorageError(400, "invalid", text, code="MalformedXML", text=text)
