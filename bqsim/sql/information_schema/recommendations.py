"""Views about insights and recommendations: nobody makes any here."""

from __future__ import annotations

from bqsim.types import FLOAT64, INT64, JSON, STRING, array_of, struct_of

from .view import REGIONAL, View, always, nothing, nulls

_COST = struct_of(("cost_in_local_currency", FLOAT64), ("currency_code", STRING))
_IMPACT = struct_of(
    ("category", STRING),
    (
        "cost_projection",
        struct_of(
            ("cost_projection_duration_seconds", INT64),
            ("cost", struct_of(("currency_code", STRING), ("units", INT64), ("nanos", INT64))),
            ("cost_in_local_currency", _COST),
        ),
    ),
    ("security_projection", struct_of(("details", JSON))),
)
_OPERATION = struct_of(
    ("action", STRING),
    ("resource_type", STRING),
    ("resource", STRING),
    ("path", STRING),
    ("value", JSON),
)
_RECOMMENDATION = (
    *nulls(
        "recommendation_id recommender subtype project_id project_number description last_updated_time:T"
        " target_resources:S[] state"
    ),
    always("primary_impact", None, _IMPACT),
    *nulls("priority associated_insight_ids:S[]"),
    always(
        "additional_details",
        None,
        struct_of(("overview", JSON), ("state_metadata", JSON), ("operations", array_of(_OPERATION))),
    ),
)
_INSIGHT = (
    *nulls(
        "insight_id insight_type subtype project_id project_number description last_updated_time:T category"
        " target_resources:S[] state severity associated_recommendation_ids:S[]"
    ),
    always(
        "additional_details",
        None,
        struct_of(("content", JSON), ("state_metadata", JSON), ("observation_period_seconds", INT64)),
    ),
)

VIEWS: tuple[View, ...] = (
    *(
        View(name, _INSIGHT, nothing, REGIONAL, ("recommender.bigqueryPartitionClusterInsights.list",))
        for name in ("INSIGHTS", "INSIGHTS_BY_PROJECT")
    ),
    *(
        View(
            name,
            _RECOMMENDATION,
            nothing,
            REGIONAL,
            ("recommender.bigqueryPartitionClusterRecommendations.list",),
        )
        for name in ("RECOMMENDATIONS", "RECOMMENDATIONS_BY_PROJECT", "RECOMMENDATIONS_BY_ORGANIZATION")
    ),
)
