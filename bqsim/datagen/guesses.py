"""What a column holds, guessed from its name."""

from __future__ import annotations

import re

from bqsim.types import Field, Mode, TypeKind

from .spec import ColumnSpec, Distribution, Sequence

# Names of STRING columns, most telling first: the whole name or its last words, and their provider.
_TEXT: tuple[tuple[str, str], ...] = (
    ("e_?mail|email_address|mail", "email"),
    ("ip|ip_address|ipv4|client_ip|remote_addr", "ipv4"),
    ("ipv6", "ipv6"),
    ("mac_address", "mac_address"),
    ("user_agent", "user_agent"),
    ("first_?name|given_name|forename", "first_name"),
    ("last_?name|family_name|surname", "last_name"),
    ("user_?name|login|nick_?name|handle", "user_name"),
    ("company|company_name|employer|organi[sz]ation|supplier|vendor|merchant", "company"),
    ("host|host_?name|server", "hostname"),
    ("domain|domain_name", "domain_name"),
    ("file_?name", "file_name"),
    ("file_?path|path", "file_path"),
    ("url|uri|link|website|referrer|referer|page", "url"),
    ("mime_?type|content_type", "mime_type"),
    ("street|street_address|address_line_?1?", "street_address"),
    ("address", "address"),
    ("city|town", "city"),
    ("country_?code", "country_code"),
    ("country|country_name|nation", "country"),
    ("state|province|region", "state"),
    ("zip|zip_?code|post_?code|postal_code", "postcode"),
    ("phone|phone_?number|mobile|telephone", "phone_number"),
    ("currency|currency_code", "currency_code"),
    ("iban", "iban"),
    ("credit_card|card_number", "credit_card_number"),
    ("job|job_title|occupation|profession", "job"),
    ("colou?r", "color_name"),
    ("language|lang|locale", "language_code"),
    ("time_?zone|tz", "timezone"),
    ("licen[sc]e_plate", "license_plate"),
    ("name|full_?name|customer|author|owner|contact", "name"),
    ("title|subject|headline", "catch_phrase"),
    ("description|comment|note|notes|text|body|message|review|summary|bio", "sentence"),
    ("id|uuid|guid|key|token", "uuid"),
)
_TEXT_PATTERNS = tuple((re.compile(rf"(?:.*_)?(?:{names})"), provider) for names, provider in _TEXT)

# Names of numbers, and the least and greatest that is likely.
_BOUNDS: tuple[tuple[str, float, float], ...] = (
    ("age", 0, 99),
    ("year", 1970, 2030),
    ("month", 1, 12),
    ("day", 1, 28),
    ("hour", 0, 23),
    ("minute|second", 0, 59),
    ("quantity|qty", 1, 10),
    ("rating|stars", 1, 5),
    ("percent|percentage|pct", 0, 100),
    ("lat|latitude", -90, 90),
    ("lon|lng|long|longitude", -180, 180),
    ("ratio|share|rate|probability|score", 0, 1),
    ("status_?code|http_status", 200, 599),
    ("port", 1, 65_535),
)
_BOUND_PATTERNS = tuple((re.compile(rf"(?:.*_)?(?:{names})"), low, high) for names, low, high in _BOUNDS)
_MONEY = re.compile(r"(?:.*_)?(?:price|amount|total|cost|revenue|balance|salary|fee|tax|spend|spent)")
_NUMBERS = frozenset({TypeKind.INT64, TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC})


def snake(name: str) -> str:
    """``firstName`` and ``First Name`` as ``first_name``."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()).strip("_")


def guess(field: Field) -> ColumnSpec:
    """How to fill a column of which nothing is said."""
    name = snake(field.name)
    if field.kind is TypeKind.STRING:
        return ColumnSpec(provider=_first(name))
    if field.kind not in _NUMBERS or field.precision is not None:
        return ColumnSpec()
    whole = field.kind is TypeKind.INT64
    if whole and name == "id" and field.mode is not Mode.REPEATED:
        return ColumnSpec(sequence=Sequence())
    if _MONEY.fullmatch(name):
        spread = Distribution("lognormal", 3.5, 1.0)
        return ColumnSpec(distribution=spread, low=0, high=1_000_000, decimals=None if whole else 2)
    for pattern, low, high in _BOUND_PATTERNS:
        if pattern.fullmatch(name) and not (whole and high == 1):
            return ColumnSpec(low=low, high=high)
    return ColumnSpec()


def _first(name: str) -> str:
    return next((provider for pattern, provider in _TEXT_PATTERNS if pattern.fullmatch(name)), "text")
