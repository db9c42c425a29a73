"""CREATE, ALTER and DROP MODEL: their metadata. Nothing is trained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bqsim.catalog.models import Model, ModelRef
from bqsim.errors import already_exists, invalid, invalid_query, not_found
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.plan import Context, StatementResult

from . import results
from .base import Statement, enum_name
from .names import table_ref
from .routines import standard_sql_type

_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}\Z")
# Values of the option model_type that the API spells otherwise.
_TYPES = {"LINEAR_REG": "LINEAR_REGRESSION", "LOGISTIC_REG": "LOGISTIC_REGRESSION"}
MODEL_TYPES = frozenset(
    """LINEAR_REG LOGISTIC_REG KMEANS MATRIX_FACTORIZATION PCA AUTOENCODER DNN_CLASSIFIER DNN_REGRESSOR
    DNN_LINEAR_COMBINED_CLASSIFIER DNN_LINEAR_COMBINED_REGRESSOR BOOSTED_TREE_CLASSIFIER
    BOOSTED_TREE_REGRESSOR RANDOM_FOREST_CLASSIFIER RANDOM_FOREST_REGRESSOR AUTOML_CLASSIFIER
    AUTOML_REGRESSOR ARIMA ARIMA_PLUS ARIMA_PLUS_XREG TENSORFLOW TENSORFLOW_LITE ONNX XGBOOST
    TRANSFORM_ONLY CONTRIBUTION_ANALYSIS""".split()  # noqa: SIM905
)
# Models without a label among their columns.
_UNSUPERVISED = frozenset({"KMEANS", "PCA", "AUTOENCODER", "MATRIX_FACTORIZATION", "TRANSFORM_ONLY"})
_IMPORTED = frozenset({"TENSORFLOW", "TENSORFLOW_LITE", "ONNX", "XGBOOST"})
_DESCRIBING = {"description": "description", "friendly_name": "friendlyName"}
_ALTERABLE = frozenset({*_DESCRIBING, "labels", "expiration_timestamp", "vertex_ai_model_id", "kms_key_name"})


def model_ref(path: Any, ctx: Context) -> ModelRef:
    """The model of ``[[project.]dataset.]model``."""
    ref = table_ref(path, ctx)
    return ModelRef(ref.project, ref.dataset, ref.table)


def create_model(statement: Statement) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    ref = model_ref(resolved.get(node, "name_path"), statement.ctx)
    if not _ID.match(ref.model):
        raise invalid(
            f'Invalid model ID "{ref.model}". Model IDs must be alphanumeric (plus underscores and dashes) '
            "and must be at most 1024 characters long."
        )
    dataset = catalog.dataset(ref.dataset_ref)
    options = statement.options(node.option_list)
    body = _body(statement, options)
    mode = enum_name(node, "create_mode")
    with catalog.lock(ref):
        existing = catalog.models.find(ref)
        if existing is not None and mode == "CREATE_IF_NOT_EXISTS":
            return _done("CREATE_MODEL", results.SKIP)
        if existing is not None and mode != "CREATE_OR_REPLACE":
            raise already_exists("Model", ref.api_name)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                now_ms = change.time_us // 1000
                ddl = statement.analyzed.original_sql.strip()
                model = Model(ref, now_ms, now_ms, statement.etag(), dataset.location, ddl, body=body)
                change.put_model(_described(model, options))
    return _done("CREATE_MODEL", results.CREATE if existing is None else results.REPLACE)


def _done(statement_type: str, operation: str) -> StatementResult:
    return StatementResult(statement_type, ddl_operation=operation)


def _body(statement: Statement, options: Mapping[str, Any]) -> dict[str, Any]:
    """The columns and kind of a model."""
    node = statement.node
    if node.is_remote:
        return _remote(statement, options)
    kind = str(options.get("model_type") or "").upper()
    if kind not in MODEL_TYPES:
        raise invalid_query(
            f"Invalid model type: {options['model_type']}" if kind else "Option model_type is required"
        )
    body: dict[str, Any] = {"modelType": _TYPES.get(kind, kind)}
    queried = bool(node.output_column_list) or bool(node.aliased_query_list)
    if kind in _IMPORTED:
        if queried or not options.get("model_path"):
            raise invalid_query(
                f"A model of type {kind} is imported: it needs the option model_path and no query"
            )
        return body
    if not queried and kind != "ARIMA_PLUS":
        raise invalid_query(f"CREATE MODEL with model_type {kind} requires a query")
    inputs = _columns(node.output_column_list)
    shown = _columns(node.transform_output_column_list) if node.transform_list else inputs
    labels = _labels(kind, options, {c["name"].casefold() for c in shown})
    if node.transform_list:
        body["transformColumns"] = [
            {"name": c["name"], "type": c["type"]} for c in shown if c["name"].casefold() not in labels
        ]
    features = [c for c in inputs if c["name"].casefold() not in labels]
    body |= {
        "featureColumns": features,
        "labelColumns": [c for c in shown if c["name"].casefold() in labels],
    }
    return {name: value for name, value in body.items() if value}


def _labels(kind: str, options: Mapping[str, Any], columns: set[str]) -> set[str]:
    given = options.get("input_label_cols")
    if kind in _UNSUPERVISED or kind.startswith(("ARIMA", "CONTRIBUTION")):
        return set()
    labels = {str(name).casefold() for name in given} if given else {"label"}
    missing = sorted(labels - columns)
    if missing:
        raise invalid_query(
            f"Unable to identify the label column(s). Column '{missing[0]}' is not found in the query"
            if given
            else "Unable to identify the label column. Input label columns must be specified using the "
            "input_label_cols option, or the query must have a column named 'label'"
        )
    return labels


def _remote(statement: Statement, options: Mapping[str, Any]) -> dict[str, Any]:
    node = statement.node
    info: dict[str, Any] = {"connection": node.connection.connection.full_name}
    if options.get("endpoint"):
        info["endpoint"] = options["endpoint"]
    if options.get("remote_service_type"):
        info["remoteServiceType"] = str(options["remote_service_type"]).upper()
    if options.get("max_batching_rows") is not None:
        info["maxBatchingRows"] = str(options["max_batching_rows"])
    if "endpoint" not in info and "remoteServiceType" not in info:
        raise invalid_query("A remote model needs the option endpoint or remote_service_type")
    body: dict[str, Any] = {"modelType": "MODEL_TYPE_UNSPECIFIED", "remoteModelInfo": info}
    for name, listed in (
        ("featureColumns", node.input_column_definition_list),
        ("labelColumns", node.output_column_definition_list),
    ):
        if listed:
            body[name] = [
                {"name": c.name, "type": standard_sql_type(type_from_proto(c.type))} for c in listed
            ]
    return body


def _columns(listed: Any) -> list[dict[str, Any]]:
    return [{"name": c.name, "type": standard_sql_type(type_from_proto(c.column.type))} for c in listed]


def _described(model: Model, options: Mapping[str, Any]) -> Model:
    """A model with what options say about it."""
    body = dict(model.body)
    for name, value in options.items():
        if name in _DESCRIBING:
            _put(body, _DESCRIBING[name], value)
        elif name == "labels":
            pairs = [tuple(p.values()) if isinstance(p, Mapping) else tuple(p) for p in value or ()]
            _put(body, "labels", {key: text or "" for key, text in pairs} or None)
        elif name == "kms_key_name":
            _put(body, "encryptionConfiguration", {"kmsKeyName": value} if value else None)
    expiration = model.expiration_ms
    if "expiration_timestamp" in options:
        at = options["expiration_timestamp"]
        expiration = round(at.timestamp() * 1000) if isinstance(at, datetime) else None
    kept = {name: _kept(value) for name, value in options.items() if value is not None}
    gone = {name for name, value in options.items() if value is None}
    options = {n: v for n, v in {**model.options, **kept}.items() if n not in gone}
    return replace(model, body=body, expiration_ms=expiration, options=options)


def _kept(value: Any) -> Any:
    """An option's value as it can be written down."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_kept(v) for v in value]
    return {k: _kept(v) for k, v in value.items()} if isinstance(value, Mapping) else str(value)


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        body.pop(name, None)
    else:
        body[name] = value


def alter_model(statement: Statement) -> StatementResult:
    """ALTER MODEL SET OPTIONS."""
    node, catalog = statement.node.parent, statement.catalog
    ref = model_ref(node.name_path, statement.ctx)
    given: dict[str, Any] = {}
    for action in node.alter_action_list:
        given |= statement.options(resolved.unwrap(action).option_list)
    for name in given:
        if name not in _ALTERABLE:
            raise invalid_query(f"Unknown option: {name}")
    with catalog.lock(ref):
        model = catalog.models.find(ref)
        if model is None and node.is_if_exists:
            return _done("ALTER_MODEL", results.SKIP)
        model = catalog.models.model(ref)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                now_ms = change.time_us // 1000
                changed = replace(_described(model, given), modified_ms=now_ms, etag=statement.etag())
                change.put_model(changed)
    return _done("ALTER_MODEL", results.ALTER)


def drop_model(statement: Statement) -> StatementResult:
    node, catalog = statement.node, statement.catalog
    ref = model_ref(node.name_path, statement.ctx)
    with catalog.lock(ref):
        if catalog.models.find(ref) is None:
            if node.is_if_exists:
                return _done("DROP_MODEL", results.SKIP)
            raise not_found("Model", ref.api_name)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.drop_model(ref)
    return _done("DROP_MODEL", results.DROP)
