"""Where workloads come from: SQL files, lists, dbt projects, cassettes, histories, running simulators."""

from .reading import read_workload

__all__ = ["read_workload"]
