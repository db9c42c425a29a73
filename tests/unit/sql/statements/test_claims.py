from __future__ import annotations

import threading

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError
from bqsim.sql.statements.claims import Claims

REF = TableRef("p", "d", "t")


def test_a_claimed_table_is_waited_for() -> None:
    claims = Claims()
    claims.claim(REF, "first")
    claims.claim(REF, "first")
    assert claims.taken(REF)
    with pytest.raises(BigQueryError, match="Transaction is aborted"):
        claims.claim(REF, "second")
    releasing = threading.Timer(0.05, claims.release, ["first"])
    releasing.start()
    claims.wait_for(REF)
    assert not claims.taken(REF)


def test_waiting_ends_with_an_error_or_the_cancel() -> None:
    claims = Claims(wait_s=0.1)
    claims.claim(REF, "owner")
    with pytest.raises(BigQueryError, match=r"Could not serialize access to table p:d\.t due"):
        claims.wait_for(REF)
    with pytest.raises(Interrupted):
        claims.wait_for(REF, lambda: True)
