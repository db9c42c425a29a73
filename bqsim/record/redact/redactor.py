"""Everything that is recorded goes through here first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote

from bqsim.record.model import Headers

from .contents import Contents
from .kinds import PLAIN_HEADERS, SECRET_HEADERS, UPLOAD_HEADERS
from .packed import packed
from .policy import Policy, checked_key
from .pseudonyms import mark
from .rows import Rows, Schema
from .storage import Messages, Sessions
from .streams import WHOLE, Stream, blocks
from .texts import Seen, Texts

_PLAIN_PARAMETERS = frozenset(
    [
        "pageToken",
        "startIndex",
        "maxResults",
        "requestId",
        "prettyPrint",
        "alt",
        "fields",
        "location",
        "timeoutMs",
        "uploadType",
        "name",
        "ifGenerationMatch",
        "generation",
        "projectId",
        "userProject",
    ]
)


class Redactor:
    """Removes secrets by ``policy``. ``key`` is that of pseudonyms and hashes: the policy's own when it is
    not given. The same input and key give the same output, always; what has no secret stays as it is, byte
    for byte; what was redacted stays as it is, too. Thread-safe.

    :class:`~bqsim.record.redact.policy.PolicyError` when rows are to be hashed and there is no key.
    """

    def __init__(
        self, policy: Policy | None = None, key: bytes | str | None = None, *, seen: Seen | None = None
    ) -> None:
        self.policy = policy or Policy.default()
        secret = checked_key(self.policy, key)
        self._texts = Texts(self.policy, secret, seen)
        self._rows = Rows(self.policy, self._texts, secret)
        self._sessions = Sessions()
        self._contents = Contents(self._texts, self._rows, self.headers, self.target)

    def headers(self, headers: Headers | Iterable[tuple[str, str]]) -> Headers:
        """Headers, or metadata of gRPC."""
        return tuple((name, self.header(name, value)) for name, value in headers)

    def header(self, name: str, value: str) -> str:
        """The value of one header."""
        low = name.lower()
        texts = self._texts
        if not value or texts.marks.fullmatch(value):
            return value
        if (low in SECRET_HEADERS and "header" not in self.policy.keep) or low in self.policy.headers:
            # The scheme of an authorization tells how clients sign in, and no secret.
            scheme = value.partition(" ")[0] if low.endswith("authorization") and " " in value else ""
            hidden = mark("header")
            if value == f"{scheme} {hidden}":
                return value
            if texts.seen:
                texts.seen("header", value)
            return f"{scheme} {hidden}" if scheme.isalpha() else hidden
        if UPLOAD_HEADERS.get(low):
            return value if texts.marks.fullmatch(value) else texts.replacement("upload-id", value, True)
        if low.endswith("-bin"):
            return texts.redact(value, entropy=False)
        if low in ("location", "x-goog-upload-url", "referer", "origin", "content-location", ":path"):
            return self.target(value)
        if texts.policy.secret_name(low):
            return texts.named(value, low)
        return texts.redact(value, entropy=low not in PLAIN_HEADERS)

    def target(self, target: str) -> str:
        """The path and query of a request, or a whole URL."""
        path, question, query = target.partition("?")
        done = self._texts.redact(path, entropy=False)
        if not question:
            return done
        query, sharp, fragment = query.partition("#")
        made = [self._parameter(part) for part in query.split("&")]
        # Names that are secret only together with what stands before them.
        whole = self._texts.redact(done + question + "&".join(made), entropy=False)
        return whole + (sharp + self._texts.redact(fragment) if sharp else "")

    def _parameter(self, part: str) -> str:
        name, equals, value = part.partition("=")
        if not equals or not value:
            return self._texts.redact(part, entropy=False)
        texts = self._texts
        plain_name, plain = unquote(name), unquote(value.replace("+", " "))
        if plain_name in _PLAIN_PARAMETERS:
            done = texts.redact(plain, entropy=False)
        elif plain_name == "key" and len(plain) >= 8 and not texts.marks.fullmatch(plain):
            done = texts.replacement("api-key-parameter", plain, False)
        else:
            done = texts.named(plain, plain_name)
        return part if done == plain else f"{name}={quote(done, safe='/:@!$()*,;~')}"

    def value(self, value: Any) -> Any:
        """JSON: requests and answers, their rows in the REST API's form by the policy's rules of rows."""
        return self._contents.value(value)

    def text(self, text: str) -> str:
        """Any text: SQL, messages of errors, labels."""
        return self._texts.redact(text)

    def content(self, data: bytes, media: str = "", *, table: str = "") -> bytes:
        """A whole body of any media type, or a message of gRPC (``application/grpc``). ``table``
        (``project.dataset.table``) tells whose rows it holds, for the rules of rows."""
        if len(data) > WHOLE and not packed(data):
            return blocks(data, lambda block: self._block(block, media, table))
        return self._contents.content(data, media, table)

    def stream(self, media: str = "", *, table: str = "") -> Stream:
        """For a body that comes in pieces: ``feed(bytes) -> bytes``, ``end() -> bytes``."""
        return Stream(
            lambda data: self._contents.content(data, media, table),
            lambda block: self._block(block, media, table),
        )

    def _block(self, data: bytes, media: str, table: str) -> bytes:
        """A block of a large body."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return self._texts.masked(data)
        if "json" in media or text.lstrip()[:1] in ("{", "[", '"'):
            return self._contents.pieces(text).encode("utf-8", "surrogatepass")
        return self._texts.redact(text, entropy=False).encode("utf-8", "surrogatepass")

    def rows(self, rows: Sequence[Any], schema: Schema, *, table: str = "") -> list[Any]:
        """Rows in the REST API's form (``{"f": [{"v": …}]}``) with their JSON table schema."""
        return self._rows.rows(rows, schema, table)

    def dicts(self, rows: Sequence[Any], schema: Schema = None, *, table: str = "") -> list[Any]:
        """Rows as objects, as they are inserted and loaded."""
        return self._rows.dicts(rows, schema, table)

    def batch(self, batch: Any, *, table: str = "") -> Any:
        """An Arrow record batch; its schema stays."""
        return self._rows.batch(batch, table)

    def records(self, records: list[Any], schema: Any, *, table: str = "") -> list[Any]:
        """Avro records with their schema."""
        return self._contents.records(records, schema, table)

    def cell(self, value: Any, name: str, column: str, optional: bool, *, table: str = "") -> Any:
        """One Python value of a row; None when it is dropped and ``optional``."""
        return self._rows.python(value, name, column, optional, table)

    def masked(self, data: bytes) -> bytes:
        """Bytes whose form is not known: what is surely a secret is replaced in its length."""
        return self._texts.masked(data)

    def grpc(self, method: str) -> Messages:
        """For the messages of one gRPC call: ``sent(bytes) -> bytes``, ``received(bytes) -> bytes``. Rows in
        them are redacted by their schemas, also compressed ones."""
        return Messages(self, self._sessions, method)
