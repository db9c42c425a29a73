"""Claims on tables: whoever writes to a table that a transaction has changed waits for its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Interrupted
from bqsim.errors import BigQueryError, invalid_query

# How long a statement waits for a transaction that has changed its table.
WAIT_S = 60.0
POLL_S = 0.05


class Claims:
    """Which transaction has changed which table: other writers of the table wait for its end."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._changed = threading.Condition()
        self._owners: dict[TableRef, Hashable] = {}
        self._wait_s = wait_s

    def claim(self, ref: TableRef, owner: Hashable) -> None:
        """Take a table for a transaction; a second one fails, as BigQuery cancels it."""
        with self._changed:
            if self._owners.setdefault(ref, owner) is not owner:
                raise aborted(ref)

    def release(self, owner: Hashable) -> None:
        with self._changed:
            for ref in [r for r, o in self._owners.items() if o is owner]:
                del self._owners[ref]
            self._changed.notify_all()

    def wait_for(self, ref: TableRef, cancelled: Callable[[], bool] | None = None) -> None:
        """Wait until no transaction has the table. Raises ``Interrupted`` once ``cancelled``."""

        def over() -> bool:
            return ref not in self._owners or (cancelled is not None and cancelled())

        with self._changed:
            left = self._wait_s
            while left > 0 and not self._changed.wait_for(over, timeout=POLL_S):
                left -= POLL_S
            if cancelled is not None and cancelled():
                raise Interrupted
            if ref in self._owners:
                raise invalid_query(
                    f"Could not serialize access to table {ref.api_name} due to concurrent update"
                )

    def taken(self, ref: TableRef) -> bool:
        return ref in self._owners


class Outdated(BigQueryError):
    """The table is no longer as the statement was analysed with; another analysis may help."""

    def __init__(self, ref: TableRef) -> None:
        super().__init__(
            "invalidQuery",
            f"Could not serialize access to table {ref.api_name} due to concurrent update",
            location="query",
        )


def aborted(ref: TableRef) -> BigQueryError:
    return invalid_query(f"Transaction is aborted due to concurrent update against table {ref.api_name}")
