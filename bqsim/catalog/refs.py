"""References to BigQuery resources: parsed once, printed by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class DatasetRef:
    project: str
    dataset: str

    @property
    def api_name(self) -> str:
        """``project:dataset``, as error texts and ``id`` fields spell it."""
        return f"{self.project}:{self.dataset}"

    @property
    def sql_name(self) -> str:
        """``project.dataset``."""
        return f"{self.project}.{self.dataset}"

    def table(self, table: str) -> TableRef:
        return TableRef(self.project, self.dataset, table)

    def to_json(self) -> dict[str, str]:
        return {"projectId": self.project, "datasetId": self.dataset}

    @classmethod
    def from_json(cls, body: dict[str, Any], default_project: str = "") -> DatasetRef:
        return cls(body.get("projectId") or default_project, body.get("datasetId") or "")


@dataclass(frozen=True, slots=True, order=True)
class TableRef:
    project: str
    dataset: str
    table: str

    @property
    def dataset_ref(self) -> DatasetRef:
        return DatasetRef(self.project, self.dataset)

    @property
    def api_name(self) -> str:
        """``project:dataset.table``."""
        return f"{self.project}:{self.dataset}.{self.table}"

    @property
    def sql_name(self) -> str:
        """``project.dataset.table``."""
        return f"{self.project}.{self.dataset}.{self.table}"

    def to_json(self) -> dict[str, str]:
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}

    @classmethod
    def from_json(cls, body: dict[str, Any], default_project: str = "") -> TableRef:
        return cls(
            body.get("projectId") or default_project,
            body.get("datasetId") or "",
            body.get("tableId") or "",
        )


@dataclass(frozen=True, slots=True, order=True)
class RoutineRef:
    project: str
    dataset: str
    routine: str

    @property
    def dataset_ref(self) -> DatasetRef:
        return DatasetRef(self.project, self.dataset)

    @property
    def sql_name(self) -> str:
        return f"{self.project}.{self.dataset}.{self.routine}"

    @property
    def api_name(self) -> str:
        return f"{self.project}:{self.dataset}.{self.routine}"

    def to_json(self) -> dict[str, str]:
        return {"projectId": self.project, "datasetId": self.dataset, "routineId": self.routine}


@dataclass(frozen=True, slots=True, order=True)
class JobRef:
    project: str
    location: str
    job_id: str

    @property
    def api_name(self) -> str:
        """``project:location.job_id``."""
        return f"{self.project}:{self.location}.{self.job_id}"

    @property
    def resource_name(self) -> str:
        """The full name of the job, as remote functions are told it."""
        return f"//bigquery.googleapis.com/projects/{self.project}/jobs/{self.api_name}"

    def to_json(self) -> dict[str, str]:
        return {"projectId": self.project, "jobId": self.job_id, "location": self.location}
