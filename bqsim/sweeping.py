"""What time leaves behind is dropped: expired tables, and rows that no time travel reaches. What it makes old
is refreshed: materialized views."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.server.core import Core

log = logging.getLogger(__name__)

# Of simulated time; nobody sees what is due to be swept.
SWEEP_S = 600.0
# When the clock is moved by years: sweeps that come within HASTE_S of the wall are days apart.
HASTE_S = 1.0
HASTY_SWEEP_S = 24 * 3600.0
# The same where there are materialized views, which are refreshed in between.
HASTY_REFRESH_S = 1800.0


async def sweep_for_ever(core: Core) -> None:
    """Drop expired tables and what is too old for time travel, and refresh views, from time to time."""
    loop = asyncio.get_running_loop()
    pause_s, woke = SWEEP_S, loop.time()
    while True:
        await core.clock.sleep(pause_s)
        before, woke = woke, loop.time()
        hasty_s = HASTY_REFRESH_S if core.catalog.materialized_views() else HASTY_SWEEP_S
        pause_s = SWEEP_S if woke - before >= HASTE_S else hasty_s
        try:
            if core.settings.data_dir is not None:
                await core.write(core.executor.kept.save)
            if not _has_work(core.catalog):
                continue
            with core.clock.hold():
                await core.write(lambda session: sweep(core.catalog, session))
                await core.write(core.executor.expire)
                await core.write(core.executor.refresh_due)
        except BigQueryError:
            log.exception("the sweep of expired tables failed")


def _has_work(catalog: Catalog) -> bool:
    """Whether a sweep would find anything; a clock that is moved by days asks that often."""
    from bqsim.catalog.history import HISTORY_US
    from bqsim.sql.statements.deleted import outlived
    from bqsim.sql.statements.materialized import due

    if due(catalog) or catalog.expiring.pending():
        return True
    if catalog.expired_tables() or any(catalog.history.stale(catalog.clock.now_us() - HISTORY_US)):
        return True
    return bool(outlived(catalog))


def sweep(catalog: Catalog, session: Session) -> None:
    """Drop expired tables; forget what is past the time travel window, with its rows."""
    from bqsim.catalog.history import HISTORY_US
    from bqsim.catalog.stored_bytes import COUNTED
    from bqsim.sql.statements.deleted import bury_deleted

    for table in catalog.expired_tables():
        with catalog.lock(table.ref), catalog.change(session) as change:
            if catalog.find_table(table.ref) is None:
                change.drop_table(table.ref)
    with catalog.change(session) as change:
        bury_deleted(catalog, session, change, change.time_us - HISTORY_US)
        for engine_table in change.forget(change.time_us - HISTORY_US):
            session.drop_table(engine_table)
            if engine_table in catalog.counted:
                session.put_metadata(COUNTED, engine_table, None)
                catalog.counted.discard(engine_table)
