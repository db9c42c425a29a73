"""What streams cost: bytes written by gRPC beyond those that are free a month, and rows written by REST."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from bqsim.cost.errors import CostError
from bqsim.cost.pricing import Tariff
from bqsim.cost.units import BYTES, DAYS_PER_MONTH
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.money import Tariffs
from bqsim.rehearse.plan.model import Plan
from bqsim.rehearse.plan.streams import INSERT_ALL, Stream
from bqsim.rehearse.results import Charge

from .results import StreamingResult, StreamResult

ITEMS = {INSERT_ALL: "ingest.insert_all"}
WRITE_API = "ingest.write_api"
_GIB = BYTES["GiB"]
NAMES = {"ingest.insert_all": "insertAll", WRITE_API: "Storage Write API"}


def tariff(known: Tariffs, stream: Stream) -> Tariff:
    """The price of what a stream writes. Raises :class:`RehearsalError` when no table has it."""
    item = ITEMS.get(stream.method, WRITE_API)
    try:
        return known.prices.tariff(item, region=stream.location or known.region, on=known.on)
    except CostError as error:
        raise RehearsalError(
            str(error).replace("name that with --prices", "name that under money: files")
        ) from None


def charges(plan: Plan, found: StreamingResult, known: Tariffs, days: float) -> tuple[Charge, ...]:
    """A line for each stream, of ``days``. What is free a month is shared by all streams of a method, by
    their bytes."""
    written = dict(zip((one.name for one in plan.streams), found.streams, strict=True))
    by_item: dict[str, list[tuple[Stream, StreamResult, Tariff]]] = defaultdict(list)
    for stream in plan.streams:
        price = tariff(known, stream)
        by_item[price.item].append((stream, written[stream.name], price))
    lines = [line for every in by_item.values() for line in _lines(every, days)]
    order = {stream.name: at for at, stream in enumerate(plan.streams)}
    return tuple(sorted(lines, key=lambda one: order[one.place]))


def _lines(every: Sequence[tuple[Stream, StreamResult, Tariff]], days: float) -> list[Charge]:
    total = math.fsum(one.billed_bytes for _, one, _ in every)
    found = []
    for stream, one, price in every:
        free = price.free * days / DAYS_PER_MONTH
        paid = one.billed_bytes * max(0.0, 1.0 - free / total) if total else 0.0
        line = (paid / _GIB, "GiB", price.of(_GIB), price.of(paid), price.status)
        found.append(Charge(NAMES[price.item], stream.name, *line))
    return found
