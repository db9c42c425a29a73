"""Read sessions: their answers, and the rows of their streams."""

from __future__ import annotations

from typing import Any

from .rows import Keep, Pages, Reading
from .views import View

_TIMES = frozenset(("expireTime", "createTime", "commitTime"))


class Readings:
    """The read sessions of one table or result, in the order in which they were created."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._sessions: dict[str, Reading] = {}
        self.error: dict[str, Any] | None = None
        self.failures: list[dict[str, Any]] = []
        self.asked: Any = None

    def take(self, view: View) -> None:
        """A call of the read API."""
        name = view.method.rpartition(".")[2]
        if name == "CreateReadSession":
            self._create(view)
        elif name == "ReadRows":
            self._read(view)
        elif not view.ok:
            self._refused(view)
        else:
            asked, told = view.asked(), view.told()
            if asked is not None and told is not None:
                reading = self._reading(asked.name)
                for stream in (told.primary_stream, told.remainder_stream):
                    reading.stream(stream.name)

    def _refused(self, view: View) -> None:
        if view.retryable or self._sessions:
            self.failures.append(view.failure)
        if not self._sessions:
            self.error = view.error

    def _create(self, view: View) -> None:
        asked, told = view.asked(), view.told()
        self.asked = self.asked if self.asked is not None else asked
        if told is None or not told.name:
            self._refused(view)
            return
        self.error = None
        reading = self._sessions.setdefault(told.name, Reading())
        reading.session = message_json(told)
        reading.session.pop("traceId", None)
        reading.format = "avro" if told.HasField("avro_schema") else "arrow"
        reading.schema = (
            told.avro_schema.schema.encode()
            if reading.format == "avro"
            else told.arrow_schema.serialized_schema
        )
        for stream in told.streams:
            reading.stream(stream.name)

    def _reading(self, path: str) -> Reading:
        return self._sessions.setdefault(path.partition("/streams/")[0], Reading())

    def _read(self, view: View) -> None:
        asked = view.asked()
        path = asked.read_stream if asked is not None else ""
        reading = self._reading(path)
        stream = reading.stream(path)
        at = asked.offset if asked is not None else 0
        if not view.exchange.response.kept:
            stream.lost = True
        for number in range(len(view.exchange.response.parts)):
            told = view.told(number)
            if told is None:
                continue
            if told.HasField("avro_rows"):
                data, reading.format = told.avro_rows.serialized_binary_rows, reading.format or "avro"
            else:
                data = told.arrow_record_batch.serialized_record_batch
                reading.format = reading.format or "arrow"
            if told.HasField("arrow_schema") and not reading.schema:
                reading.schema = told.arrow_schema.serialized_schema
            if told.HasField("avro_schema") and not reading.schema:
                reading.schema = told.avro_schema.schema.encode()
            if told.row_count:
                stream.add(at, data, told.row_count)
            at += told.row_count
        if view.ok:
            stream.whole = not stream.lost
        else:
            self._refused(view)

    @property
    def session(self) -> dict[str, Any]:
        """The answer to the first session's creation; of its streams how many rows were read, and whether to
        their end."""
        for reading in self._sessions.values():
            out = dict(reading.session)
            out["read"] = [
                {"name": name, "rows": stream.rows, "whole": stream.whole}
                for name, stream in reading.streams.items()
            ]
            return out
        return {}

    def best(self, pages: Pages | None = None) -> list[dict[str, Any]]:
        """The stretches that cover most rows: those of pages, or of one session."""
        widest: list[dict[str, Any]] = []
        most = pages.count if pages is not None else 0
        for reading in self._sessions.values():
            if (
                sum(min(s.rows, sum(c for _, c in s.pieces.values())) for s in reading.streams.values())
                > most
            ):
                stretches = reading.stretches(self._keep)
                count = sum(s["count"] for s in stretches)
                if count > most:
                    widest, most = stretches, count
        if widest or pages is None:
            return widest
        return pages.ordered()


def message_json(message: Any) -> dict[str, Any]:
    """A message as JSON; its times have six digits behind the second, always."""
    from google.protobuf.json_format import MessageToDict

    def evened(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: evened(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [evened(item, key) for item in value]
        if key in _TIMES and isinstance(value, str):
            whole, _, fraction = value.removesuffix("Z").partition(".")
            return f"{whole}.{fraction[:6]:0<6}Z"
        return value

    out: dict[str, Any] = evened(MessageToDict(message))
    return out
