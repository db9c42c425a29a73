"""The catalogs registered in one instance.

Registering costs some 15 ms, nearly all of it for the builtin functions, and a registered catalog cannot be
extended. So a catalog serves every statement that names a subset of its tables; a new one takes over what
the last one held, and takes in the other tables of the datasets that it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from bqsim.codecs.messages import parse_deep

from .catalog import RoutineSource, Source, Visible, catalog_proto
from .pool import Instance
from .prepass import Path, fold

MAX_CATALOGS = 8
MAX_CARRIED_COLUMNS = 500

Siblings = Callable[[Source], Iterable[Source]]


@dataclass(slots=True)
class _Registered:
    """``exact`` are the names whose presence alone would change what a statement means."""

    id: int
    exact: Hashable
    sources: dict[Path, Source]
    routines: dict[Path, RoutineSource]

    def serves(self, exact: Hashable, visible: Visible) -> bool:
        if self.exact != exact:
            return False
        for path, source in visible.sources.items():
            known = self.sources.get(path)
            if known is None or not known.same_shape(source):
                return False
        for path, routine in visible.routines.items():
            function = self.routines.get(path)
            if function is None or function.definition is not routine.definition:
                return False
        extra = self.sources.keys() - visible.sources.keys() | self.routines.keys() - visible.routines.keys()
        return not any(fold(path) in visible.mentioned for path in extra)


def registered(
    instance: Instance, visible: Visible, deadline_s: float, siblings: Siblings | None = None
) -> int:
    """The id of a catalog in ``instance`` that holds what is ``visible``; registers one when none does.

    ``siblings`` gives the tables that stand beside a table, under paths of the same form.
    """
    catalogs: list[_Registered] = instance.catalogs
    unqualified = tuple(
        sorted((path, id(r.definition)) for path, r in visible.routines.items() if len(path) == 1)
    )
    exact = (visible.variables, unqualified)
    for index, catalog in enumerate(catalogs):
        if catalog.serves(exact, visible):
            catalogs.insert(0, catalogs.pop(index))
            return catalog.id
    sources = dict(visible.sources)
    if catalogs:
        _take_in(sources, catalogs[0].sources.values(), visible.mentioned)
    if siblings is not None:
        for source in visible.sources.values():
            _take_in(sources, siblings(source), visible.mentioned)
    catalog = _register(instance, visible, exact, sources, deadline_s)
    catalogs.insert(0, catalog)
    while len(catalogs) > MAX_CATALOGS:
        _unregister(instance, catalogs.pop(), deadline_s)
    return catalog.id


def _register(
    instance: Instance, visible: Visible, exact: Hashable, sources: dict[Path, Source], deadline_s: float
) -> _Registered:
    from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

    proto = catalog_proto(sources.values(), visible.routines.values(), visible.variables)
    request = service.RegisterCatalogRequest(simple_catalog=proto)
    answer = instance.call("RegisterCatalog", request.SerializeToString(), deadline_s)
    number = parse_deep(service.RegisterResponse, answer).registered_id
    return _Registered(int(number), exact, sources, visible.routines)


def _take_in(sources: dict[Path, Source], more: Iterable[Source], mentioned: frozenset[Path]) -> None:
    """Add tables up to a number of columns, none that could clash."""
    folded = {fold(path) for path in sources}
    columns = sum(len(s.columns) for s in sources.values())
    for source in more:
        key = fold(source.path)
        if key in folded or key in mentioned:
            continue
        columns += len(source.columns)
        if columns > MAX_CARRIED_COLUMNS:
            return
        folded.add(key)
        sources[source.path] = source


def _unregister(instance: Instance, catalog: _Registered, deadline_s: float) -> None:
    from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

    request = service.UnregisterRequest(registered_id=catalog.id)
    instance.call("UnregisterCatalog", request.SerializeToString(), deadline_s)
