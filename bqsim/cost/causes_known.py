"""The causes of a change of cost: what each is called, what to do, and what it does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """``severity`` holds when the estimate of bytes does not rise: the change may cost more all the same."""

    title: str
    advice: str
    severity: str = "warn"


CAUSES: Mapping[str, Known] = {
    "lost_partition_filter": Known(
        "lost partition filter",
        "filter on the partitioning column again; require_partition_filter on the table refuses such queries",
        "fail",
    ),
    "unprunable_partition_filter": Known(
        "partition filter that cannot prune",
        "compare the bare partitioning column with constants: no function of it, no subquery, no OR",
        "fail",
    ),
    "wider_partition_filter": Known(
        "partition filter admits more", "narrow the range of the partitioning column", "warn"
    ),
    "select_star": Known("SELECT *", "name the columns that are needed"),
    "more_columns": Known("more columns", "leave out columns that are not needed"),
    "cluster_prefix_broken": Known(
        "cluster prefix broken",
        "filter on the clustering columns from the first on, comparing the bare columns with constants",
        "fail",
    ),
    "lost_cluster_filter": Known(
        "lost filter on clustering columns", "filter on the first clustering column again", "fail"
    ),
    "lost_cache": Known(
        "lost cache eligibility",
        "take out what differs from run to run (pass dates as parameters), so that repeated runs are free",
        "fail",
    ),
    "cache_missed_by_text": Known(
        "text differs from run to run",
        "send the same text every time (no times or ids in comments): cached results need identical texts",
    ),
    "join_added": Known("join added", "check that the joined table is needed and filtered"),
    "cross_join": Known(
        "cross join", "join by a condition: every row of one side meets every row of the other", "fail"
    ),
    "join_order": Known("join order", "name the largest table first, then the smallest"),
    "table_added": Known("further table read", "check that it is needed, and filter it"),
    "merge_partitions": Known(
        "statement touches more partitions",
        "put a constant condition on the partitioning column of the target into the ON clause (or WHERE)",
        "fail",
    ),
    "statement_changed": Known(
        "other kind of statement", "check that the whole table need not be read or written each time"
    ),
    "lost_limit": Known(
        "dropped LIMIT", "limit results that are looked at only; of clustered tables it also stops the scan"
    ),
    "lost_max_bytes_billed": Known(
        "dropped maximumBytesBilled",
        "set maximumBytesBilled again: it refuses a query that got too large",
        "fail",
    ),
    "over_max_bytes_billed": Known(
        "over maximumBytesBilled",
        "the service refuses the query: read less, or raise the limit on purpose",
        "fail",
    ),
    "wildcard_widened": Known(
        "wildcard widened", "make the prefix longer, or filter _TABLE_SUFFIX by constants", "fail"
    ),
    "lost_sample": Known("dropped TABLESAMPLE", "sample again where an estimate will do"),
    "legacy_sql": Known(
        "legacy SQL", "write it in GoogleSQL: legacy SQL has no estimate of blocks and partitions"
    ),
    "cte_reread": Known(
        "common table expression read more often",
        "store what it gives in a temporary table: it is computed again for each reference",
    ),
    "same_table_union": Known(
        "UNION ALL of one table", "read the table once, and tell the cases apart with CASE or OR"
    ),
    "table_grown": Known(
        "table grown", "the query is the same: expire old partitions, or approve the growth"
    ),
    "slots_risen": Known(
        "more slot time", "compare the plans of both: skew, spills to disk, larger shuffles"
    ),
    "new_query": Known("new query", "approve it with `bqsim cost approve`"),
    "query_gone": Known("query gone", "approve that with `bqsim cost approve`"),
    "other_change": Known("other change of the text", "compare both texts"),
    "budget": Known("over budget", "make it cheaper, or raise the budget on purpose", "fail"),
    "not_measured": Known("not measured", "mend the query, or import the tables that it names", "fail"),
}
