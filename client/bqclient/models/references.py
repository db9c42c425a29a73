"""Names of resources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bqclient.errors import UsageError

_PROJECT = r"(?:[a-z0-9.-]+:)?[A-Za-z0-9-]+"
_TABLE = re.compile(rf"(?:(?P<p>{_PROJECT})[.:])?(?P<d>\w+)\.(?P<t>[^.`]+)\Z")
_DATASET = re.compile(rf"(?:(?P<p>{_PROJECT})[.:])?(?P<d>\w+)\Z")


@dataclass(frozen=True, slots=True)
class DatasetReference:
    """A dataset's name."""

    project: str
    dataset: str

    @classmethod
    def of(cls, name: DatasetReference | str, project: str) -> DatasetReference:
        """``dataset`` or ``project.dataset``; ``project`` where the name has none. Raises UsageError."""
        if isinstance(name, DatasetReference):
            return name
        found = _DATASET.match(name.replace("`", ""))
        if found is None:
            raise UsageError(f"{name!r} is no name of a dataset: write 'dataset' or 'project.dataset'.")
        return cls(found["p"] or project, found["d"])

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> DatasetReference:
        """From the API's ``DatasetReference``."""
        return cls(data["projectId"], data["datasetId"])

    def to_api(self) -> dict[str, str]:
        """As the API has it."""
        return {"projectId": self.project, "datasetId": self.dataset}

    def table(self, table: str) -> TableReference:
        """A table in it."""
        return TableReference(self.project, self.dataset, table)

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}"


@dataclass(frozen=True, slots=True)
class TableReference:
    """A table's name; ``table`` may carry a decorator (``$20260101``, ``@-3600000``)."""

    project: str
    dataset: str
    table: str

    @classmethod
    def of(
        cls, name: TableReference | str, project: str, default_dataset: str | None = None
    ) -> TableReference:
        """``table`` (with a default dataset), ``dataset.table`` or ``project.dataset.table``.

        Raises UsageError.
        """
        if isinstance(name, TableReference):
            return name
        plain = name.replace("`", "")
        if found := _TABLE.match(plain):
            return cls(found["p"] or project, found["d"], found["t"])
        if default_dataset and plain and "." not in plain:
            return DatasetReference.of(default_dataset, project).table(plain)
        raise UsageError(f"{name!r} is no name of a table: write 'dataset.table' or 'project.dataset.table'.")

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> TableReference:
        """From the API's ``TableReference``."""
        return cls(data["projectId"], data["datasetId"], data["tableId"])

    def to_api(self) -> dict[str, str]:
        """As the API has it."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}

    @property
    def path(self) -> str:
        """The Storage API's resource name."""
        return f"projects/{self.project}/datasets/{self.dataset}/tables/{self.table}"

    @property
    def sql(self) -> str:
        """The name quoted for GoogleSQL. Raises UsageError for names that cannot be quoted."""
        for part in (self.project, self.dataset, self.table):
            if "`" in part or "\\" in part or "\n" in part:
                raise UsageError(f"{part!r} cannot be part of a name.")
        return f"`{self.project}.{self.dataset}.{self.table}`"

    def __str__(self) -> str:
        return f"{self.project}.{self.dataset}.{self.table}"


@dataclass(frozen=True, slots=True)
class JobReference:
    """A job's name."""

    project: str
    job: str
    location: str | None = None

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> JobReference:
        """From the API's ``JobReference``."""
        return cls(data["projectId"], data["jobId"], data.get("location"))

    def to_api(self) -> dict[str, str]:
        """As the API has it."""
        found = {"projectId": self.project, "jobId": self.job}
        return {**found, "location": self.location} if self.location else found

    def __str__(self) -> str:
        return f"{self.project}:{self.location or '?'}.{self.job}"
