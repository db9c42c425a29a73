"""Preprocessing of features for models: n-grams, norms and buckets."""

from __future__ import annotations

from .binding import bound

_POINTS = "bq_error('The split points of ML.BUCKETIZE must be finite numbers in ascending order')"
_SIZE = "bq_error('Argument hash_bucket_size of ML.HASH_BUCKETIZE must not be negative')"
_SHOWN = "bq_cast_float64_to_string(v.points[v.i{}])"


def _ranges(name: str, parts: tuple[str, str, str, str, str]) -> str:
    """Shows a bucket by its bounds: how it begins without and with a lower one, what stands between, how it
    ends with and without an upper one."""
    least, opening, separator, closing, most = parts
    return bound(
        f"bq_ml_bucket_{name}(i, points)",
        f"CASE WHEN v.i IS NOT NULL THEN CASE WHEN v.i = 0 THEN '{least}' ELSE '{opening}' || "
        f"{_SHOWN.format('')} END || '{separator}' || CASE WHEN v.i = len(v.points) THEN '{most}' "
        f"ELSE {_SHOWN.format(' + 1')} || '{closing}' END END",
    )


MACROS: tuple[str, ...] = (
    # The engine joins texts by constant separators only.
    """CREATE MACRO bq_ml_ngrams(tokens, sizes, separator) AS
       list_transform([{'tokens': tokens, 'sizes': sizes}], lambda v:
       CASE WHEN len(v.sizes) <> 2 OR v.sizes[1] < 1 OR v.sizes[2] < v.sizes[1]
       THEN bq_error('The range of ML.NGRAMS must be two sizes [min, max] of at least 1')
       ELSE list_filter(flatten(list_transform(range(1, len(v.tokens) + 1), lambda i:
            list_transform(range(v.sizes[1], v.sizes[2] + 1), lambda n: CASE WHEN i + n - 1 <= len(v.tokens)
                THEN array_to_string(list_slice(v.tokens, i, i + n - 1), separator) END))),
            lambda g: g IS NOT NULL) END)[1]""",
    """CREATE MACRO bq_ml_lp_norm(v, p) AS
       CASE WHEN p = 0 THEN CAST(len(list_filter(v, lambda x: x <> 0)) AS DOUBLE)
            WHEN isinf(p) AND p > 0 THEN list_max(list_transform(v, lambda x: abs(x)))
            WHEN p >= 1 THEN pow(list_sum(list_transform(v, lambda x: pow(abs(x), p))), 1 / CAST(p AS DOUBLE))
            WHEN p IS NOT NULL THEN bq_error('The degree p of a norm must be 0, at least 1 or +inf') END""",
    """CREATE MACRO bq_ml_normalizer(v, p) AS list_transform([{'v': v, 'p': p}], lambda a:
       list_transform([bq_ml_lp_norm(a.v, a.p)], lambda n:
       list_transform(a.v, lambda x: CASE WHEN n = 0 THEN 0.0 ELSE x / n END))[1])[1]""",
    f"""CREATE MACRO bq_ml_split_points(points) AS CASE
        WHEN list_count(points) < len(points) OR list_sort(points) <> points
          OR NOT list_bool_and(list_transform(points, lambda p: isfinite(p))) THEN {_POINTS}
        ELSE points END""",
    """CREATE MACRO bq_ml_bucket(x, points) AS
       CASE WHEN x IS NOT NULL THEN len(list_filter(points, lambda p: p <= x)) END""",
    "CREATE MACRO bq_ml_bucket_names(i, points) AS 'bin_' || (i + 1)",
    _ranges("ranges", ("(-inf", "[", ", ", ")", "+inf)")),
    _ranges("ranges_json", ('{"start": "-Infinity', '{"start": "', '", "end": "', '"}', 'Infinity"}')),
    # The hash as a number without sign.
    bound(
        "bq_ml_hash_bucketize(hash, size)",
        f"""CASE WHEN v.size < 0 THEN {_SIZE} WHEN v.size = 0 THEN v.hash
            WHEN v.hash >= 0 THEN v.hash % v.size
            ELSE CAST((v.hash % v.size + 18446744073709551616::HUGEINT) % v.size AS BIGINT) END""",
    ),
)
