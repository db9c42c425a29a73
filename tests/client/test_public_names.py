"""What users see of the package: names, docstrings, reprs, copies, errors of other processes."""

from __future__ import annotations

import ast
import asyncio
import concurrent.futures
import copy
import dataclasses
import importlib
import inspect
import multiprocessing
import pickle
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import bqclient
from bqclient import ClientConfig, Secret, errors
from bqclient.ingest.report import WriteReport
from bqclient.models.dataset import Dataset
from bqclient.models.job import Job
from bqclient.models.table import Table
from bqclient.services.streaming import FailedRow
from bqclient.values.rows import rows_of_json

from .running import run

PACKAGE = Path(bqclient.__file__).parent
CANARY = "canary-4711"


def test_places_hold_every_public_name() -> None:
    assert sorted(bqclient.__all__) == sorted({*bqclient._PLACES, "errors"})
    for name in bqclient.__all__:
        assert getattr(bqclient, name).__doc__, name
        assert name in dir(bqclient)
    with pytest.raises(AttributeError, match="nothing"):
        bqclient.nothing  # noqa: B018


def test_every_public_function_and_class_is_documented() -> None:
    missing = []
    for file in PACKAGE.rglob("*.py"):
        if "wire" in file.parts or (file.name == "__init__.py" and not file.read_text()):
            continue
        tree = ast.parse(file.read_text())
        if not ast.get_docstring(tree):
            missing.append(str(file))
        for node in ast.walk(tree):
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node) and _is_public(tree, node):
                missing.append(f"{file.name}: {node.name}")
    assert missing == []


def _is_public(tree: ast.Module, node: ast.AST) -> bool:
    """Whether it is of the module, or of a public class: not a function within one."""
    if node in tree.body:
        return True
    return any(
        node in c.body for c in tree.body if isinstance(c, ast.ClassDef) and not c.name.startswith("_")
    )


def test_the_builder_has_every_setting() -> None:
    for field in dataclasses.fields(ClientConfig):
        assert hasattr(bqclient.ClientBuilder, field.name), field.name


def test_timeouts_are_seconds_and_are_called_so() -> None:
    """Argument names mean the same everywhere: no ``timeout_s`` beside ``timeout``, no ``table_id``."""
    wrong = []
    for name in bqclient.__all__:
        kind = getattr(bqclient, name)
        if not inspect.isclass(kind) or issubclass(kind, Exception):
            continue
        for method, function in inspect.getmembers(kind, inspect.isfunction):
            if method.startswith("_"):
                continue
            names = set(inspect.signature(function).parameters)
            wrong += [
                (name, method, n)
                for n in names & {"timeout_s", "timeout_ms", "table_id", "dataset_id", "query"}
            ]
    assert wrong == []


def _errors() -> list[errors.BigQueryError]:
    job = bqclient.JobReference("p", "j", "EU")
    needed: dict[type[errors.BigQueryError], dict[str, Any]] = {
        errors.LimitError: {"limit": 1, "found": 2},
        errors.BytesBilledLimitError: {"estimate": 5, "limit": 1, "cost": 0.5},
        errors.JobFailedError: {"job": job},
        errors.PartialInsertError: {"failed": [FailedRow(3, {"a": 1}, ({"reason": "invalid"},))]},
        errors.RowsRefusedError: {"rows": [(1, "wrong")]},
        errors.CommitError: {"streams": ["s"]},
        errors.IncompleteWriteError: {"report": WriteReport("load", "because")},
    }
    kinds = [k for k in vars(errors).values() if inspect.isclass(k) and issubclass(k, errors.BigQueryError)]
    common: dict[str, Any] = {
        "reason": "r",
        "code": 503,
        "request_id": "id",
        "details": [{"a": 1}],
        "retry_after": 2.0,
    }
    texts: dict[type[errors.BigQueryError], Any] = {errors.FileError: ["a.json: wrong", "b.json: wrong"]}
    return [kind(texts.get(kind, "It failed."), **common, **needed.get(kind, {})) for kind in kinds]


def test_all_errors_are_in_one_place() -> None:
    for file in PACKAGE.rglob("*.py"):
        if "wire" not in file.parts:
            name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(name)
    seen = [errors.BigQueryError]
    for kind in seen:
        seen += [k for k in kind.__subclasses__() if k.__module__.startswith("bqclient")]
        assert kind.__module__ == "bqclient.errors" or kind.__name__.startswith("_"), kind


@pytest.mark.parametrize("error", _errors(), ids=lambda e: type(e).__name__)
def test_errors_are_pickled_and_copied(error: errors.BigQueryError) -> None:
    error.retryable = True
    error.add_note("seen")
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is type(error)
        assert (str(other), repr(other), vars(other)) == (str(error), repr(error), vars(error))


def _fails(_: int) -> None:
    raise errors.LimitError("Too much.", limit=1, found=2)


def test_errors_come_back_from_other_processes() -> None:
    context = multiprocessing.get_context("spawn")
    with (
        concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool,
        pytest.raises(errors.LimitError) as raised,
    ):
        pool.submit(_fails, 1).result()
    assert (raised.value.limit, raised.value.found) == (1, 2)


def _models() -> list[Any]:
    names = {"projectId": "p", "datasetId": "d", "tableId": "t"}
    schema = [{"name": "n", "type": "INT64", "description": "N"}, {"name": "s", "type": "STRING"}]
    (row,) = rows_of_json([{"f": [{"v": "1"}, {"v": "x"}]}], bqclient.Schema.of(schema))
    job = {
        "jobReference": {"projectId": "p", "jobId": "j"},
        "configuration": {"query": {"query": "SELECT 1"}},
    }
    return [
        Table.from_api({"tableReference": names, "schema": {"fields": schema}, "labels": {"a": "b"}}),
        Dataset.from_api({"datasetReference": {"projectId": "p", "datasetId": "d"}}),
        Job.from_api(job),
        bqclient.Schema.of(schema),
        bqclient.TableReference("p", "d", "t"),
        bqclient.Interval.of(months=2, seconds=3),
        bqclient.Range(date(2026, 1, 1), date(2026, 2, 1)),
        bqclient.Json({"a": [1]}),
        bqclient.Geography("POINT(1 2)"),
        bqclient.Parameter(None, "DATE"),
        bqclient.Pricing.on_demand(),
        bqclient.Resilience(),
        bqclient.TimePartitioning("DAY", "at"),
        bqclient.DryRun(5, "PRECISE", "SELECT", bqclient.Schema()),
        bqclient.CommitResult(("s",), datetime(2026, 1, 1, tzinfo=UTC)),
        row,
    ]


@pytest.mark.parametrize("model", _models(), ids=lambda m: type(m).__name__)
def test_models_are_pickled_copied_and_shown(model: Any) -> None:
    for other in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert other == model
    assert type(model).__name__ in repr(model) or isinstance(model, str)


def test_a_job_does_not_show_its_query() -> None:
    (job,) = (m for m in _models() if isinstance(m, Job))
    assert "SELECT" not in repr(job)
    assert "SELECT" not in str(job)


def test_no_repr_shows_a_secret(bqsim: Any) -> None:
    async def work(client: bqclient.BigQueryClient) -> list[Any]:
        result = await client.queries.execute("SELECT @v AS v", {"v": CANARY})
        handle = await client.queries.execute_async("SELECT 1")
        await handle
        session = client.queries.session()
        seen = [
            client,
            client.config,
            client.core,
            client.core.rest,
            client.core.rpc,
            client.queries,
            client.jobs,
        ]
        return [
            repr(x) for x in (*seen, result, handle, session, client.builder().credentials(Secret(CANARY)))
        ]

    # A token that this simulator does not ask for.
    for text in run(bqsim, work, credentials=Secret(CANARY)):
        assert CANARY not in text


def test_secrets_stay_in_the_process() -> None:
    config = ClientConfig(project="p", credentials=Secret(CANARY))
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(config)
    assert CANARY not in repr(config)
    assert CANARY not in str(dataclasses.replace(config, location="EU"))


def test_a_config_is_pickled() -> None:
    config = ClientConfig(project="p", labels={"team": "a"}, maximum_bytes_billed=5)
    assert pickle.loads(pickle.dumps(config)) == config


def test_names_are_typed_for_users() -> None:
    assert (PACKAGE / "py.typed").exists()
    assert asyncio.iscoroutinefunction(bqclient.BigQueryClient.close)


def test_the_project_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "from-environment")
    assert ClientConfig().project == "from-environment"
    assert bqclient.BigQueryClient(location="EU").project == "from-environment"
    assert bqclient.BigQueryClient.builder().project("given").config().project == "given"
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT")
    for make in (ClientConfig, bqclient.BigQueryClient, bqclient.ClientBuilder().config):
        with pytest.raises(errors.UsageError, match="GOOGLE_CLOUD_PROJECT"):
            make()


def test_what_works_on_rows_shows_how_far_it_is(bqsim: Any) -> None:
    async def work(client: bqclient.BigQueryClient) -> list[str]:
        await client.datasets.create("d")
        await client.tables.create("d.t", [{"name": "s", "type": "STRING"}])
        inserter = client.streaming.buffered("d.t")
        await inserter.add({"s": CANARY})
        shown = [repr(inserter)]
        await inserter.close()
        async with client.storage_write.writer("d.t") as writer:
            await writer.append([{"s": CANARY}])
            shown.append(repr(writer))
        read = client.storage_read.read_all("d.t")
        await read.to_arrow()
        return [*shown, repr(inserter), repr(read), repr(client.storage_write.writer("d.t"))]

    gathered, writer, inserted, read, unopened = run(bqsim, work)
    assert gathered == "BufferedInserter(d.t, 0 inserted, 0 failed, 1 gathered)"
    assert inserted == "BufferedInserter(d.t, 1 inserted, 0 failed, closed)"
    assert writer.endswith("COMMITTED, next offset 1)")
    assert read.endswith(".d.t, 2 rows given, 100% read)")
    assert "not open" in unopened
