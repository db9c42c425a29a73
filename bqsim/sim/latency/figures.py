"""Figures measured against the real service on 2026-08-08: medians of 10 runs of each case.

From vantaboard/bigquery-emulator, bench/baselines (MIT licence). ``queue_ms`` is startTime - creationTime,
``run_ms`` endTime - startTime, ``total_ms`` the client's wall clock with polling and fetching.
"""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """One case; ``slot_ms`` is None where the service told none."""

    case: str
    statement_type: str
    bytes: int
    rows: int
    slot_ms: int | None
    queue_ms: int
    run_ms: int
    total_ms: int


FIGURES = (
    Figure("agg_group_by_100k", "SELECT", 1600000, 100, 20, 117, 217, 1741),
    Figure("agg_group_by_1m", "SELECT", 16000000, 100, 129, 78, 308, 1641),
    Figure("agg_high_card_2m", "SELECT", 32000000, 1000, 1131, 109, 377, 1810),
    Figure("attribution_insert_10k", "SELECT", 381290, 1, 52, 207, 211, 1655),
    Figure("case_when", "SELECT", 800000, 10, 19, 92, 213, 1535),
    Figure("create_view_100k", "CREATE_VIEW", 0, 0, None, 228, 148, 1443),
    Figure("ctas_agg_100k", "CREATE_TABLE_AS_SELECT", 1600000, 0, 3057, 233, 1484, 2734),
    Figure("date_funcs", "SELECT", 800000, 274, 24, 101, 200, 1484),
    Figure("distinct_count", "SELECT", 1600000, 1, 23, 114, 199, 1414),
    Figure("filter_100k", "SELECT", 800000, 10, 16, 82, 211, 1532),
    Figure("join_hash_100k", "SELECT", 816000, 1, 19, 71, 207, 1407),
    Figure("join_hash_2m", "SELECT", 19200000, 1, 232, 100, 250, 1493),
    Figure("multi_agg", "SELECT", 2400000, 50, 26, 73, 197, 1403),
    Figure("order_by_100k", "SELECT", 1600000, 1000, 34, 60, 192, 1374),
    Figure("order_by_1m", "SELECT", 16000000, 1000, 133, 135, 309, 1523),
    Figure("scan_100k", "SELECT", 800000, 1, 17, 82, 185, 1265),
    Figure("select_literal", "SELECT", 0, 1, 15, 23, 167, 1187),
    Figure("string_funcs", "SELECT", 588894, 1, 28, 64, 196, 1344),
    Figure("subquery_in", "SELECT", 800000, 1, 163, 56, 259, 1382),
    Figure("unnest_array", "SELECT", 480000, 1, 32, 98, 203, 1510),
    Figure("view_agg_100k", "SELECT", 1600000, 100, 27, 180, 191, 1433),
    Figure("window_partition_1m", "SELECT", 16000000, 500, 599, 78, 398, 1631),
    Figure("window_row_number", "SELECT", 800000, 300, 30, 76, 215, 1414),
)
