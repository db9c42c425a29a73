"""Etags of resources: made at each change, compared for If-Match preconditions."""

from __future__ import annotations

import base64

from bqsim.errors import BigQueryError
from bqsim.sim.draws import Draws


def new_etag(draws: Draws) -> str:
    """A fresh etag in the service's form: base64 of 16 bytes."""
    return base64.b64encode(bytes.fromhex(draws.hex_id("etag"))).decode()


def check_match(if_match: str | None, etag: str) -> None:
    """Raise 412 ``conditionNotMet`` when ``If-Match`` (one etag, a list of them or ``*``) names another
    version.
    """
    if if_match is None:
        return
    wanted = {_bare(part) for part in if_match.split(",")}
    if "*" not in wanted and etag not in wanted:
        raise BigQueryError("conditionNotMet", "Precondition check failed.", location="If-Match")


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether ``If-None-Match`` names this version, so that the answer is 304."""
    if if_none_match is None:
        return False
    known = {_bare(part) for part in if_none_match.split(",")}
    return "*" in known or etag in known


def _bare(text: str) -> str:
    return text.strip().removeprefix("W/").strip('"')
