"""CREATE, ALTER, DROP and UNDROP SCHEMA."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.names import check_dataset_id
from bqsim.catalog.resources import Dataset
from bqsim.errors import BigQueryError, already_exists, invalid_query, not_found, unsupported
from bqsim.sim.iam.attached import default_access
from bqsim.sql.googlesql import resolved
from bqsim.sql.plan import StatementResult

from . import names, results
from .base import Statement, enum_name
from .fields import collation_text
from .options import with_options


def create_schema(statement: Statement) -> StatementResult:
    node = statement.node
    ref = names.dataset_ref(resolved.get(node, "name_path"), statement.ctx)
    check_dataset_id(ref.dataset)
    catalog = statement.catalog
    with catalog.lock(ref):
        if catalog.find_dataset(ref) is not None:
            if enum_name(node, "create_mode") == "CREATE_IF_NOT_EXISTS":
                return results.on_dataset("CREATE_SCHEMA", results.SKIP, ref)
            raise already_exists("Dataset", ref.api_name)
        now_ms = statement.now_ms()
        dataset = Dataset(ref, statement.ctx.location, now_ms, now_ms, statement.etag())
        if statement.ctx.caller:
            dataset = replace(dataset, metadata={"access": default_access(statement.ctx.caller)})
        if resolved.has(node, "collation_name"):
            dataset = replace(dataset, default_collation=collation_text(node.collation_name))
        dataset = with_options(dataset, statement.options(resolved.get(node, "option_list")))
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.put_dataset(dataset)
    return results.on_dataset("CREATE_SCHEMA", results.CREATE, ref)


def alter_schema(statement: Statement) -> StatementResult:
    node = statement.node
    ref = names.dataset_ref(resolved.get(node, "name_path"), statement.ctx)
    catalog = statement.catalog
    with catalog.lock(ref):
        dataset = catalog.find_dataset(ref)
        if dataset is None:
            if resolved.get(node, "is_if_exists"):
                return results.on_dataset("ALTER_SCHEMA", results.SKIP, ref)
            raise not_found("Dataset", ref.api_name, statement.ctx.location)
        for action in resolved.get(node, "alter_action_list"):
            dataset = _altered(statement, dataset, resolved.unwrap(action))
        dataset = replace(dataset, modified_ms=statement.now_ms(), etag=statement.etag())
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.put_dataset(dataset)
    return results.on_dataset("ALTER_SCHEMA", results.ALTER, ref)


def _altered(statement: Statement, dataset: Dataset, action: object) -> Dataset:
    name = resolved.node_name(action)
    if name == "ResolvedSetOptionsAction":
        values = statement.options(action.option_list)  # type: ignore[attr-defined]
        if "primary_replica" in values or "default_replica" in values:
            raise unsupported("ALTER SCHEMA with cross-region replicas")
        if "location" in values:
            raise invalid_query("Option location cannot be changed by ALTER SCHEMA")
        return with_options(dataset, values)
    if name in ("ResolvedAddSubEntityAction", "ResolvedDropSubEntityAction"):
        raise unsupported("ALTER SCHEMA with cross-region replicas")
    if name == "ResolvedSetCollateClause":
        return replace(dataset, default_collation=collation_text(action.collation_name))  # type: ignore[attr-defined]
    raise invalid_query(f"ALTER SCHEMA does not support {name.removeprefix('Resolved')}")


def drop_schema(statement: Statement) -> StatementResult:
    node = statement.node
    ref = names.dataset_ref(node.name_path, statement.ctx)
    catalog = statement.catalog
    with catalog.lock(ref):
        if catalog.find_dataset(ref) is None:
            if node.is_if_exists:
                return results.on_dataset("DROP_SCHEMA", results.SKIP, ref)
            raise not_found("Dataset", ref.api_name, statement.ctx.location)
        if enum_name(node, "drop_mode") != "CASCADE" and (
            catalog.tables(ref, limit=1) or catalog.routines(ref, limit=1) or catalog.models.of(ref, limit=1)
        ):
            raise BigQueryError("resourceInUse", f"Dataset {ref.api_name} is still in use")
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.drop_dataset(ref)
    return results.on_dataset("DROP_SCHEMA", results.DROP, ref)


def undrop_schema(statement: Statement) -> StatementResult:
    """Restore a dropped dataset with its tables and routines."""
    node, catalog = statement.node, statement.catalog
    if node.schema_object_kind != "SCHEMA":
        raise unsupported(f"UNDROP {node.schema_object_kind}")
    ref = names.dataset_ref(node.name_path, statement.ctx)
    with catalog.lock(ref):
        if catalog.find_dataset(ref) is not None:
            if node.is_if_not_exists:
                return results.on_dataset("UNDROP_SCHEMA", results.SKIP, ref)
            raise already_exists("Dataset", ref.api_name)
        dropped = catalog.history.dropped(ref)
        if not dropped:
            raise not_found("Dataset", ref.api_name, statement.ctx.location)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                change.put_dataset(dropped[-1].dataset)
                for table in dropped[-1].tables:
                    change.put_table(table)
                for routine in dropped[-1].routines:
                    change.put_routine(routine)
                for model in dropped[-1].models:
                    change.put_model(model)
    return results.on_dataset("UNDROP_SCHEMA", results.CREATE, ref)
