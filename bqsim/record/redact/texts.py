"""Secrets in texts: found by their form, by what the user forbids, by chance; also encoded ones."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from .entropy import random_tokens
from .kinds import ENTROPY, FIELD, KINDS, Kind
from .policy import Policy
from .pseudonyms import mark, marks, pseudonym, same_length

# Told of every secret that is removed: its kind and its text.
Seen = Callable[[str, str], None]

DEEPEST = 4
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_\-=])[A-Za-z0-9+/_\-]{16,}={0,2}(?![A-Za-z0-9+/=])")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9a-f]{2}){12,}(?![0-9A-Za-z])|(?<![0-9A-Za-z])(?:[0-9A-F]{2}){12,}(?![0-9A-Za-z])"
)
_PERCENT = re.compile(r"[^\s\"'<>&?=;,]*%[0-9A-Fa-f]{2}[^\s\"'<>&?=;,]*")
# One of these stands in every text with a secret of a known form, or an encoded one. (RE2 reads it, too.)
COULD = (
    r"[@%={\[]|:|[A-Za-z0-9+/_\-]{15,}|eyJ|ya29|8Q~|\d{3}[ .\-]\d{2}"
    r"|\+\d|\d{12}|\(\d{3}\)|\d \d|[A-Z]{2}\d{2} |-----"
    r"|(?i:bearer|basic|passw|identified|login|project|consumer|organiz|folder|billing|sg\.|hv[sbr]\.|dp\.)"
)
_COULD = re.compile(COULD)
_REMEMBERED = 4096
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


@dataclass(frozen=True, slots=True)
class Found:
    """A secret in a text."""

    start: int
    end: int
    kind: str
    pseudonym: bool = False


class Texts:
    """Redacts texts by a policy. Thread-safe."""

    def __init__(self, policy: Policy, key: bytes, seen: Seen | None = None) -> None:
        self.policy, self.key, self.seen = policy, key, seen
        own = tuple(
            Kind(rule.name, (), rule.pattern, rule.pattern, pseudonym=rule.pseudonym) for rule in policy.deny
        )
        self._kinds = own + tuple(kind for kind in KINDS if kind.name not in policy.keep)
        self.marks = marks(frozenset(rule.name for rule in policy.deny))
        self._entropy = policy.entropy and ENTROPY not in policy.keep
        self._known: dict[tuple[str, bool, bool], str] = {}

    def redact(self, text: str, *, entropy: bool = True, hinted: bool = False, depth: int = 0) -> str:
        """``text`` without secrets. ``entropy``: what looks drawn by chance is one; ``hinted``: its name says
        that it may be one."""
        if not self.policy.deny and not _COULD.search(text):
            return text
        asked = (text, entropy, hinted)
        short = len(text) <= 256 and self.seen is None
        if short and (known := self._known.get(asked)) is not None:
            return known
        done = text
        # What is replaced may uncover what stood in its shadow; every round leaves less to find.
        for _ in range(8):
            before = done
            done = self._once(done, entropy, hinted, depth)
            if done == before:
                break
        if short:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[asked] = done
        return done

    def _once(self, text: str, entropy: bool, hinted: bool, depth: int) -> str:
        nested = self._nested_json(text, depth)
        if nested is not None:
            return nested
        pieces, at = [], 0
        for kept in self._kept(text):
            pieces.append(self._plain(text[at : kept[0]], entropy, hinted, depth))
            pieces.append(text[kept[0] : kept[1]])
            at = kept[1]
        pieces.append(self._plain(text[at:], entropy, hinted, depth))
        return "".join(pieces)

    def _kept(self, text: str) -> Iterator[tuple[int, int]]:
        """What is not looked at: marks, symbols, what the user allows."""
        spans = []
        if "redacted" in text or "999999" in text or "${" in text:
            spans += [found.span() for found in self.marks.finditer(text)]
        for pattern in self.policy.allow:
            spans += [found.span() for found in pattern.finditer(text)]
        last = 0
        for start, end in sorted(spans):
            if start >= last and end > start:
                yield start, end
                last = end

    def _plain(self, text: str, entropy: bool, hinted: bool, depth: int) -> str:
        if not text:
            return text
        text = self._replaced(text, self.found(text))
        if depth < DEEPEST and len(text) >= 16:
            text = self._encoded(text, entropy, depth)
        if entropy and self._entropy and len(text) >= 16:
            places = random_tokens(
                text, least=self.policy.entropy_length, bits=self.policy.entropy_bits, hinted=hinted
            )
            text = self._replaced(
                text, [Found(a, b, ENTROPY) for a, b in places if not self.marks.search(text, a, b)]
            )
        return text

    def found(self, text: str, kinds: Sequence[Kind] | None = None) -> list[Found]:
        """The secrets in ``text`` known by form, in order, not overlapping: earlier kinds win."""
        taken: list[Found] = []
        lower = text.lower()
        for kind in self._kinds if kinds is None else kinds:
            if kind.anchors and not any(anchor in lower for anchor in kind.anchors):
                continue
            for match in kind.pattern.finditer(text):
                if not kind.check(match):
                    continue
                start, end = match.span("s") if "s" in match.re.groupindex else match.span()
                if end > start and not any(start < f.end and f.start < end for f in taken):
                    taken.append(Found(start, end, kind.name, kind.pseudonym))
        return sorted(taken, key=lambda f: f.start)

    def _replaced(self, text: str, found: Iterable[Found]) -> str:
        pieces, at = [], 0
        for one in found:
            secret = text[one.start : one.end]
            pieces += [text[at : one.start], self.replacement(one.kind, secret, one.pseudonym)]
            at = one.end
        return "".join((*pieces, text[at:])) if pieces else text

    def replacement(self, kind: str, secret: str, equal: bool) -> str:
        """What stands for a secret from now on."""
        if self.seen:
            self.seen(kind, secret)
        return pseudonym(self.key, kind, secret) if equal else mark(kind)

    def _nested_json(self, text: str, depth: int) -> str | None:
        """A text that is JSON itself, redacted; None for other texts, and when nothing is secret in it."""
        if depth >= DEEPEST or text[:1] not in ("{", "[") or text[-1:] not in ("}", "]", "\n"):
            return None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        done = self.value(value, depth=depth + 1)
        if done == value:
            return text
        tight = '": ' not in text
        return json.dumps(done, ensure_ascii=False, separators=(",", ":") if tight else None)

    # --- encoded texts

    def _encoded(self, text: str, entropy: bool, depth: int) -> str:
        if "%" in text:
            text = _PERCENT.sub(lambda m: self._percent(m.group(), depth), text)
        text = _HEX.sub(lambda m: self._hex(m.group(), depth), text)
        return _BASE64.sub(lambda m: self._base64(m.group(), entropy, depth), text)

    def _percent(self, text: str, depth: int) -> str:
        plain = unquote(text)
        done = self.redact(plain, entropy=False, depth=depth + 1)
        return text if done == plain else quote(done, safe="/:@!$()*,;=~+" if "/" in text else "")

    def _hex(self, text: str, depth: int) -> str:
        data = bytes.fromhex(text)
        done = self._inner(data, depth)
        return text if done == data else done.hex()

    def _base64(self, text: str, entropy: bool, depth: int) -> str:
        web = "-" in text or "_" in text
        plain = text.rstrip("=")
        if len(plain) % 4 == 1:
            return text
        try:
            data = base64.b64decode(
                plain.replace("-", "+").replace("_", "/") + "=" * (-len(plain) % 4), validate=True
            )
        except (binascii.Error, ValueError):
            return text
        done = self._inner(data, depth, entropy)
        if done == data:
            return text
        packed = (base64.urlsafe_b64encode if web else base64.b64encode)(done).decode()
        return packed if text.endswith("=") or len(text) % 4 == 0 else packed.rstrip("=")

    def _inner(self, data: bytes, depth: int, entropy: bool = False) -> bytes:
        """What a text holds encoded: text, or compressed text; other bytes stay."""
        if data.startswith((_GZIP, _ZSTD)):
            from .packed import repacked

            return repacked(data, lambda inside: self._inner(inside, depth + 1, entropy))
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return self.masked(data)
        if sum(c < " " and c not in "\t\r\n" for c in text) * 10 > len(text):
            return self.masked(data)
        return self.redact(text, entropy=entropy, depth=depth + 1).encode()

    def binary(self, data: bytes) -> bytes:
        """A value of bytes: text, compressed text, or of a form that is not known."""
        return self._inner(data, 0)

    def masked(self, data: bytes) -> bytes:
        """Bytes of a form that is not known, with what is surely a secret replaced in its length."""
        text = data.decode("latin-1")
        lower = text.lower()
        out: bytearray | None = None
        for kind in self._kinds:
            if kind.loose is None or (kind.anchors and not any(a in lower for a in kind.anchors)):
                continue
            for match in kind.loose.finditer(text):
                if not kind.check(match):
                    continue
                start, end = match.span("s") if "s" in match.re.groupindex else match.span()
                secret = match.group("s") if "s" in match.re.groupindex else match.group()
                if self.marks.search(secret) or any(p.fullmatch(secret) for p in self.policy.allow):
                    continue
                if self.seen:
                    self.seen(kind.name, secret)
                out = out or bytearray(data)
                out[start:end] = same_length(self.key, kind.name, secret, kind.pseudonym).encode()
        return bytes(out) if out is not None else data

    # --- JSON

    def value(self, value: Any, name: str = "", *, entropy: bool = True, depth: int = 0) -> Any:
        """JSON without secrets, in names, too."""
        if isinstance(value, str):
            return self.named(value, name, entropy=entropy, depth=depth)
        if isinstance(value, dict):
            if self.policy.secret_name(name) and name:
                return {k: self.value(v, name, entropy=entropy, depth=depth) for k, v in value.items()}
            return self._object(value, entropy, depth)
        if isinstance(value, list):
            return [self.value(item, name, entropy=entropy, depth=depth) for item in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and name:
            return self._number(value, name)
        return value

    def _object(self, value: dict[str, Any], entropy: bool, depth: int) -> dict[str, Any]:
        given = value.get("name")
        if isinstance(given, str) and "parameterValue" in value and self.policy.secret_name(given):
            hidden = self.value(value["parameterValue"], given, entropy=entropy, depth=depth)
            value = {**value, "parameterValue": hidden}
        done = {}
        for name, item in value.items():
            key = self.redact(name, entropy=entropy, depth=depth) if len(name) >= 8 else name
            done[key] = self.value(item, name, entropy=entropy, depth=depth)
        return done

    def named(self, text: str, name: str, *, entropy: bool = True, depth: int = 0) -> str:
        """The text that has a name."""
        if name:
            if (
                self.policy.secret_name(name)
                and text
                and not _OPEN_VALUE.match(text)
                and not self._whole(text)
            ):
                return self.replacement(FIELD, text, False)
            if name in _UPLOADS and not self._whole(text):
                return self.replacement("upload-id", text, True)
            if name in _NUMBERS and text.isdigit() and not self._whole(text):
                return self.replacement("project-number", text, True)
            if self.policy.plain_name(name):
                entropy = False
                if text.isdigit():
                    return text
        return self.redact(
            text, entropy=entropy, hinted=bool(name) and self.policy.hinting_name(name), depth=depth
        )

    def _whole(self, text: str) -> bool:
        """Whether redaction or the user's allowance has nothing to say about all of it."""
        return bool(self.marks.fullmatch(text)) or any(p.fullmatch(text) for p in self.policy.allow)

    def _number(self, value: int | float, name: str) -> Any:
        text = str(value)
        if self.policy.secret_name(name):
            if value and self.seen:
                self.seen(FIELD, text)
            return 0
        if isinstance(value, int) and name in _NUMBERS and len(text) >= 6 and not self._whole(text):
            return int(self.replacement("project-number", text, True))
        if isinstance(value, int) and value > 10**14 and not self.policy.plain_name(name):
            for one in self.found(text, [k for k in self._kinds if k.name == "credit-card"]):
                if self.seen:
                    self.seen(one.kind, text)
                return 0
        return value


_NUMBERS = frozenset(("projectNumber", "project_number", "numericId", "numeric_id", "projectnumber"))
_UPLOADS = frozenset(("upload_id", "uploadId"))
_OPEN_VALUE = re.compile(r"(?:projects|organizations|folders)/[\w\-./:${}@]+$|(?i:null|true|false)$")
