"""Texts by provider: those of Faker by name, ``uuid`` and ``text`` without it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from bqsim.errors import BigQueryError
from bqsim.sim.scenario.spelling import unknown
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.values import array_of_values, parse_cell

from .render import Domain, uuid, word
from .sources import Numbered, Pool, Shuffled, Source
from .spec import ColumnSpec, SpecError

POOL = 1000
MAX_POOL = 20_000
# Characters that the number of a numbered text may take.
_NUMBER_ROOM = 11
_LEAST_BASE = 5
# After so many repeated values in a row a provider is taken to have no more.
_PATIENCE = 500
_UUID_LENGTH = 36
# Faker counts these from the time of the day: the same seed would not give the same rows tomorrow.
_STEADY_TIMES = frozenset({"timezone", "pytimezone", "century"})
_UNSTEADY = frozenset(
    (
        *("credit_card_expire", "credit_card_full", "profile", "simple_profile"),
        *("passport_dates", "passport_dob", "passport_full", "passport_gender"),
        *("pydict", "pyiterable", "pylist", "pyobject", "pyset", "pystruct", "pytuple", "tar", "zip"),
    )
)
_lock = threading.Lock()


def _uuid(max_length: int | None) -> Domain:
    return word(max_length) if max_length is not None and max_length < _UUID_LENGTH else uuid()


_OWN: dict[str, Callable[[int | None], Domain]] = {"uuid": _uuid, "text": word}


@lru_cache(maxsize=8)
def _faker(locale: str) -> Any:
    from faker import Faker

    return Faker(locale)


def _load(path: str, locale: str) -> Any:
    try:
        return _faker(locale)
    except ImportError:
        raise SpecError(
            path, 'Faker is not installed: pip install "bqsim[datagen]", or take the provider "text"'
        ) from None
    except AttributeError:
        from faker.config import AVAILABLE_LOCALES

        raise SpecError("locale", unknown("locale", locale, sorted(AVAILABLE_LOCALES))) from None


@lru_cache(maxsize=8)
def _names(locale: str) -> dict[str, bool]:
    """The providers of a locale, and whether they give the same on every day."""
    fake = _faker(locale)
    names: dict[str, bool] = {}
    for provider in fake.factories[0].get_providers():
        times = {n for c in type(provider).__mro__ if "date_time" in c.__module__ for n in vars(c)}
        for name in dir(provider):
            if not name.startswith("_") and callable(getattr(fake, name, None)):
                steady = name in _STEADY_TIMES or name not in times | _UNSTEADY
                names[name] = names.get(name, True) and steady
    return names


def provided(path: str, field: Field, spec: ColumnSpec, locale: str, rng: np.random.Generator) -> Source:
    """The values of ``spec.provider``. Raises :class:`SpecError` when it is not known, or gives what the
    column cannot take.
    """
    assert spec.provider is not None
    own = _OWN.get(spec.provider)
    if own and field.kind is TypeKind.STRING and not spec.arguments:
        return Shuffled(own(field.max_length), rng)
    if field.kind is not TypeKind.STRING:
        wanted = MAX_POOL if spec.unique else min(max(spec.distinct or POOL, POOL), MAX_POOL)
        made = _made(path, spec, locale, wanted, lambda value: _cell(path, field, value), rng)
        return Pool(array_of_values(field.value_type, made))
    extended = spec.unique or (spec.distinct or 0) > POOL
    room = field.max_length
    numbered = extended and (room is None or room >= _NUMBER_ROOM + _LEAST_BASE)
    if numbered and room is not None:
        room -= _NUMBER_ROOM
    wanted = MAX_POOL if extended and not numbered else min(max(spec.distinct or POOL, POOL), MAX_POOL)
    made = _made(path, spec, locale, wanted, lambda value: str(value)[:room], rng)
    if numbered:
        return Numbered(made)
    return Pool(array_of_values(field.value_type, made))


def _cell(path: str, field: Field, value: Any) -> Any:
    plain = value if isinstance(value, bool | int | float | str | list | dict) else str(value)
    single = Field(field.name, field.kind, Mode.NULLABLE, range_element=field.range_element,
                   max_length=field.max_length, precision=field.precision, scale=field.scale)  # fmt: skip
    try:
        return parse_cell(plain, single)
    except BigQueryError as error:
        raise SpecError(path, error.message) from None


def _made(
    path: str,
    spec: ColumnSpec,
    locale: str,
    wanted: int,
    convert: Callable[[Any], Any],
    rng: np.random.Generator,
) -> list[Any]:
    """Up to ``wanted`` different values of a provider, in the order in which they come."""
    fake = _load(path, locale)
    name = spec.provider or ""
    names = _names(locale)
    if name not in names:
        raise SpecError(path, unknown("provider", name, [*_OWN, *sorted(names)]))
    if not names[name]:
        raise SpecError(
            path, f"provider '{name}' gives other values on other days; give times a 'from' and a 'to'"
        )
    seen: dict[str, Any] = {}
    repeated = 0
    with _lock:
        fake.seed_instance(int(rng.integers(0, 1 << 62)))
        call = _call(path, getattr(fake, name), name, spec.arguments)
        while len(seen) < wanted and repeated < _PATIENCE:
            value = convert(call())
            repeated = repeated + 1 if repr(value) in seen else 0
            seen.setdefault(repr(value), value)
    return list(seen.values())


def _call(
    path: str, method: Callable[..., Any], name: str, arguments: Mapping[str, Any]
) -> Callable[[], Any]:
    from faker.exceptions import BaseFakerException

    def call() -> Any:
        try:
            return method(**arguments)
        except BaseFakerException as error:
            raise SpecError(path, f"provider '{name}' cannot be used: {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise SpecError(path, f"provider '{name}' refuses its arguments: {error}") from None

    return call
