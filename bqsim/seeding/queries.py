"""The SQL whose results ``bqsim import`` reads, for users who export them by themselves."""

from __future__ import annotations

from collections.abc import Sequence

# Of a region, and of one dataset alone.
REGIONAL = (
    "SCHEMATA",
    "SCHEMATA_OPTIONS",
    "TABLES",
    "COLUMNS",
    "COLUMN_FIELD_PATHS",
    "TABLE_OPTIONS",
    "TABLE_CONSTRAINTS",
    "KEY_COLUMN_USAGE",
    "VIEWS",
    "ROUTINES",
    "TABLE_STORAGE",
)
BY_DATASET = ("PARTITIONS",)
# What is exported of a dataset when its region is not asked.
_OF_DATASETS = (
    "TABLES",
    "COLUMNS",
    "COLUMN_FIELD_PATHS",
    "TABLE_OPTIONS",
    "TABLE_CONSTRAINTS",
    "KEY_COLUMN_USAGE",
    "VIEWS",
    "ROUTINES",
    "PARTITIONS",
)
_BQ = "bq query --nouse_legacy_sql --format=json --max_rows=10000000"


def query(view: str, qualifier: str, project: str = "") -> str:
    """The query of a view; ``qualifier`` is a region (``region-us``) or a dataset."""
    prefix = f"`{project}`." if project else ""
    return f"SELECT * FROM {prefix}`{qualifier}`.INFORMATION_SCHEMA.{view}"


def export_script(project: str, region: str, datasets: Sequence[str]) -> str:
    """A shell script that exports everything into the folder ``export``.

    Without datasets the views of the region are asked; PARTITIONS is to be asked of each dataset.
    """
    region = region.lower().removeprefix("region-")
    lines = [
        "# Exports schemas and statistics, not rows. Each query is billed 10 MiB at least.",
        "# Then: bqsim import export/",
        "mkdir -p export",
    ]
    if not datasets:
        for view in REGIONAL:
            lines.append(f"{_BQ} '{query(view, f'region-{region}', project)}' > export/{view}.json")
        lines += [
            "# The partitions of each dataset:",
            f"for dataset in $(bq ls --project_id={project or 'PROJECT'} --format=json --max_results=10000"
            ' | python3 -c \'import json,sys; print(*[d["datasetReference"]["datasetId"]'
            " for d in json.load(sys.stdin)])'); do",
            f'  {_BQ} "SELECT * FROM {_escaped(project)}\\`$dataset\\`.INFORMATION_SCHEMA.PARTITIONS"'
            ' > "export/PARTITIONS_$dataset.json"',
            "done",
        ]
        return "\n".join(lines) + "\n"
    for dataset in datasets:
        for view in _OF_DATASETS:
            lines.append(f"{_BQ} '{query(view, dataset, project)}' > export/{view}_{dataset}.json")
    names = ", ".join(f'"{dataset}"' for dataset in datasets)
    storage = query("TABLE_STORAGE", f"region-{region}", project)
    lines.append(f"{_BQ} '{storage} WHERE table_schema IN ({names})' > export/TABLE_STORAGE.json")
    return "\n".join(lines) + "\n"


def _escaped(project: str) -> str:
    return f"\\`{project}\\`." if project else ""
