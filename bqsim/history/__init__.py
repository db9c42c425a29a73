"""The history of a project's jobs, wherever it is told: exports, audit logs, cassettes.

>>> for job in read(["jobs.json", "audit/"]):                                   # doctest: +SKIP
...     print(job.job_id, job.slot_ms)
"""

from .errors import HistoryError
from .merging import merged
from .model import JobRecord, Stage
from .reading import read

__all__ = ["HistoryError", "JobRecord", "Stage", "merged", "read"]
