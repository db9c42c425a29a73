"""Models: what CREATE MODEL says about them. Nothing trains them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bqsim.errors import not_found

from .refs import DatasetRef

MODEL = "model"


@dataclass(frozen=True, slots=True, order=True)
class ModelRef:
    project: str
    dataset: str
    model: str

    @property
    def dataset_ref(self) -> DatasetRef:
        return DatasetRef(self.project, self.dataset)

    @property
    def sql_name(self) -> str:
        return f"{self.project}.{self.dataset}.{self.model}"

    @property
    def api_name(self) -> str:
        return f"{self.project}:{self.dataset}.{self.model}"

    def to_json(self) -> dict[str, str]:
        return {"projectId": self.project, "datasetId": self.dataset, "modelId": self.model}


@dataclass(frozen=True, slots=True)
class Model:
    """A model. ``body`` is the rest of the ``models`` resource as the API shows it; ``options`` are those of
    CREATE MODEL by lower-case name, ``ddl`` is the statement.
    """

    ref: ModelRef
    created_ms: int
    modified_ms: int
    etag: str
    location: str
    ddl: str = ""
    expiration_ms: int | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


State = Mapping[ModelRef, Model]


class Models:
    """All models by reference. The state is never changed in place: who keeps it keeps that moment."""

    def __init__(self) -> None:
        self.state: State = MappingProxyType({})

    def find(self, ref: ModelRef) -> Model | None:
        return self.state.get(ref)

    def model(self, ref: ModelRef) -> Model:
        """The model, or 404 ``notFound``."""
        found = self.state.get(ref)
        if found is None:
            raise not_found("Model", ref.api_name)
        return found

    def of(self, dataset: DatasetRef, after: str = "", limit: int | None = None) -> list[Model]:
        """The models of a dataset with ids above ``after``, in the order of their ids."""
        found = (m for ref, m in self.state.items() if ref.dataset_ref == dataset and ref.model > after)
        return sorted(found, key=lambda m: m.ref)[:limit]

    def put(self, *models: Model) -> None:
        """Bring models into memory."""
        self.state = MappingProxyType({**self.state, **{m.ref: m for m in models}})

    def remove(self, refs: Iterable[ModelRef]) -> None:
        gone = set(refs)
        self.state = MappingProxyType({ref: m for ref, m in self.state.items() if ref not in gone})


def records(state: State) -> dict[tuple[str, str], str]:
    """The durable records of models by kind and key."""
    from .persistence import to_record

    return {(MODEL, ref.sql_name): to_record(model) for ref, model in state.items()}
