"""What a statement handler works with: the analysed statement and the services that run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.change import same_shape
from bqsim.catalog.refs import TableRef
from bqsim.engine.protocol import Session
from bqsim.errors import invalid_query, unsupported
from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.googlesql.values import literal_value
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Unsupported
from bqsim.sql.plan import Context, QueryPlan
from bqsim.types import field_of

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.objects import ObjectStore
    from bqsim.sql.googlesql import GoogleSql
    from bqsim.sql.in_force import InForce
    from bqsim.sql.planner import Planner
    from bqsim.sql.reference import ReferenceRoute

    from .claims import Claims
    from .sizes import ColumnSizes
    from .writes import Writer


@dataclass(frozen=True, slots=True)
class Services:
    """What all statements share."""

    catalog: Catalog
    planner: Planner
    googlesql: GoogleSql
    reference: ReferenceRoute
    clock: Clock
    draws: Draws
    sizes: ColumnSizes
    claims: Claims
    objects: ObjectStore
    # What jobs share; None as long as they share nothing.
    capacity: Callable[[], InForce | None] = lambda: None
    # Checks the body of a procedure, in a context that has its arguments as variables.
    check_body: Callable[[str, Context, Session], None] | None = None


@dataclass(slots=True)
class Statement:
    """One statement about to run in ``session``. With ``dry_run`` a handler checks but changes nothing.

    ``analyzed`` is the Analyzed statement, ``node`` its resolved tree; both are None for a cached plan.
    ``moment`` is the catalog's before the analysis; the plan is not kept without it.
    """

    services: Services
    analyzed: Any
    ctx: Context
    session: Session
    dry_run: bool = False
    node: Any = None
    moment: int = -1

    def __post_init__(self) -> None:
        if self.node is None and self.analyzed is not None:
            self.node = self.analyzed.statement

    @property
    def catalog(self) -> Catalog:
        return self.services.catalog

    def constant(self, expression: Any) -> Any:
        """The canonical Python value of a constant expression node (a literal, or computed by the engine)."""
        node = resolved.unwrap(expression)
        type_ = type_from_proto(resolved.get(node, "type"))
        if resolved.node_name(node) == "ResolvedLiteral":
            return literal_value(node.value)
        lowering = self.services.planner.lowering(self.analyzed, self.ctx)
        try:
            sql = nodes.render(lowering.expression(node))
        except Unsupported as missing:
            raise unsupported(str(missing)) from None
        rows = self.session.query(f"SELECT {sql} AS k1", [field_of("x", type_)])
        return rows.column(0)[0].as_py()

    def options(self, option_list: Iterable[Any]) -> dict[str, Any]:
        """The values of an option list by lower-case name; naming one twice is an error."""
        values: dict[str, Any] = {}
        for option in option_list:
            name = option.name.casefold()
            if name in values:
                raise invalid_query(f"Duplicate option specified for '{option.name}'.")
            values[name] = self.constant(option.value)
        return values

    def writing(self, ref: TableRef) -> AbstractContextManager[Writer]:
        """A writer into a table, within the open transaction of the context when there is one."""
        transaction = self.ctx.transaction
        if transaction is not None and transaction.mutates(ref, self.ctx.temp_dataset):
            written: AbstractContextManager[Writer] = transaction.writing(ref)
            return written
        return self._writing(ref)

    @contextmanager
    def _writing(self, ref: TableRef) -> Iterator[Writer]:
        from .claims import Outdated
        from .writes import writing

        services = self.services
        with writing(services.catalog, services.claims, self.session, ref, self.ctx.cancelled) as writer:
            known = (s.table for s in self.analyzed.sources.values() if s.table.ref == ref)
            if not all(same_shape(table, writer.table) for table in known):
                raise Outdated(ref)
            yield writer

    def etag(self) -> str:
        return str(self.catalog.new_etag())

    def now_ms(self) -> int:
        return self.services.clock.now_us() // 1000


def registered(session: Session, plan: QueryPlan) -> AbstractContextManager[None]:
    """Make the Arrow inputs of a plan readable while the block runs."""
    return registered_inputs(session, plan.inputs)


@contextmanager
def registered_inputs(session: Session, inputs: Mapping[str, Any]) -> Iterator[None]:
    """Make Arrow relations, (fields, callable giving the rows for a session) by name, readable in the
    block.
    """
    done: list[str] = []
    try:
        for name, (fields, rows) in inputs.items():
            session.register(name, rows(session), fields)
            done.append(name)
        yield
    finally:
        for name in done:
            session.unregister(name)


def literal_text(expression: Any) -> str:
    """The text of a string literal node."""
    return str(resolved.unwrap(expression).value.value.string_value)


def enum_name(node: Any, field: str) -> str:
    """The name of an enum field's value, own or inherited: ``CREATE_OR_REPLACE``."""
    while field not in node.DESCRIPTOR.fields_by_name:
        node = node.parent
    values = node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(values[getattr(node, field)].name)
