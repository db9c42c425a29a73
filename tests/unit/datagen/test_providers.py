from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bqsim.datagen import ColumnSpec, SpecError, generate, providers
from bqsim.types import Field, Mode, TypeKind


def texts(name: str, spec: ColumnSpec | None = None, rows: int = 500, **more: Any) -> list[Any]:
    field = Field(name, TypeKind.STRING, Mode.REQUIRED, **more)
    table = generate([field], rows, seed=2, columns={} if spec is None else {name: spec})
    return list(table.column(0).to_pylist())


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("email", r"[^@ ]+@[^@ ]+\.[a-z]+"),
        ("billing_email", r"[^@ ]+@[^@ ]+\.[a-z]+"),
        ("clientIp", r"\d+\.\d+\.\d+\.\d+"),
        ("country_code", r"[A-Z]{2}"),
        ("customer_id", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("url", r"https?://.+"),
        ("first_name", r"[A-Z][a-z]+"),
        ("anything", r"([bcdfghjklmnprstvwxyz][aeiou]){4}"),
    ],
)
def test_a_name_chooses_a_provider(name: str, pattern: str) -> None:
    import re

    assert all(re.fullmatch(pattern, text) for text in texts(name))


def test_the_provider_that_is_told_is_taken_with_its_arguments() -> None:
    spec = ColumnSpec(provider="numerify", arguments={"text": "K-%%"})
    assert all(text.startswith("K-") and len(text) == 4 for text in texts("email", spec))


def test_a_provider_fills_other_types_than_text() -> None:
    number = Field("n", TypeKind.INT64, Mode.REQUIRED)
    spec = ColumnSpec(provider="pyint", arguments={"min_value": 5, "max_value": 9})
    table = generate([number], 500, columns={"n": spec})
    assert set(table.column(0).to_pylist()) == {5, 6, 7, 8, 9}
    with pytest.raises(SpecError, match=r"n: Cannot convert value to integer"):
        generate([number], 5, columns={"n": ColumnSpec(provider="name")})


def test_a_locale_is_spoken() -> None:
    field = Field("city", TypeKind.STRING)
    towns = generate([field], 200, locale="ja_JP").column(0).to_pylist()
    assert any(ord(letter) > 0x3000 for town in towns for letter in town)
    with pytest.raises(SpecError, match=r"locale: unknown locale 'en_UX'"):
        generate([field], 1, locale="en_UX")


@pytest.mark.parametrize("provider", ["email", "city", "name", "country_code", "phone_number"])
def test_unique_texts_go_on_without_end(provider: str) -> None:
    got = texts("c", ColumnSpec(provider=provider, unique=True), 30_000)
    assert len(set(got)) == 30_000
    if provider == "email":
        assert all(text.count("@") == 1 and "." in text.split("@")[1] for text in got)


def test_unique_texts_keep_within_their_length() -> None:
    got = texts("c", ColumnSpec(provider="name", unique=True), 20_000, max_length=20)
    assert len(set(got)) == 20_000
    assert max(map(len, got)) <= 20
    with pytest.raises(SpecError, match=r"c: 20000 different values are wanted, but there are only \d+"):
        texts("c", ColumnSpec(provider="country_code", unique=True), 20_000, max_length=2)


def test_unknown_providers_are_told_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"c: unknown provider 'emial'; did you mean 'email'\?"):
        texts("c", ColumnSpec(provider="emial"))


@pytest.mark.parametrize("provider", ["date_this_year", "date_of_birth", "iso8601", "credit_card_expire"])
def test_providers_that_count_from_today_are_refused(provider: str) -> None:
    with pytest.raises(SpecError, match="gives other values on other days"):
        texts("c", ColumnSpec(provider=provider))


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(SpecError, match=r"c: provider 'city' refuses its arguments: .*wrong"):
        texts("c", ColumnSpec(provider="city", arguments={"wrong": 1}))


def test_patterns() -> None:
    assert set(texts("c", ColumnSpec(pattern=r"\#a\?"))) == {"#a?"}
    assert all(t[0].isdigit() and t[1].islower() for t in texts("c", ColumnSpec(pattern=r"#?")))
    long = texts("c", ColumnSpec(pattern="#" * 40, unique=True), 2000)
    assert len(set(long)) == 2000
    assert {len({t[i] for t in long}) for i in range(40)} == {10}
    assert set(texts("c", ColumnSpec(pattern=r"\##"), max_length=2)) == {f"#{i}" for i in range(10)}
    with pytest.raises(SpecError, match=r"c: pattern '###' is longer than 2 characters"):
        texts("c", ColumnSpec(pattern="###"), max_length=2)


def test_providers_that_need_more_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xmltodict", None)
    with pytest.raises(SpecError, match=r"c: provider 'xml' cannot be used: .*xmltodict"):
        texts("c", ColumnSpec(provider="xml"))


@pytest.fixture
def no_faker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    providers._faker.cache_clear()
    monkeypatch.setitem(sys.modules, "faker", None)
    yield
    providers._faker.cache_clear()


@pytest.mark.usefixtures("no_faker")
def test_without_faker_the_extra_is_named_and_plain_columns_work() -> None:
    with pytest.raises(SpecError, match=r'email: Faker is not installed: pip install "bqsim\[datagen\]"'):
        texts("email")
    assert len(texts("email", ColumnSpec(provider="text"))) == 500
    assert len(texts("customer_id")) == 500
