"""``bqsim contract``: the same requests to several endpoints, and what a code base needs of the API."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

USAGE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of ``contract``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="action")
    check = actions.add_parser(
        "check",
        help="send a cassette's or a suite's requests to endpoints, and compare the answers",
        description=(
            "Send the operations of a cassette (a folder) or the steps of a suite (a YAML file) to each "
            "endpoint, and compare the answers field by field with what was recorded or is expected. "
            "Exit code 0: as expected, or allowed by rules; 1: not; 2: the check could not be made."
        ),
    )
    check.add_argument("source", help="the cassette's folder or the suite's file")
    check.add_argument(
        "target",
        nargs="+",
        help=(
            "[name=]bqsim[,seed=FILE] | cassette:FOLDER | bigquery[,project=P] | "
            "URL[,grpc=HOST:PORT][,storage=URL][,project=P][,token=T]"
        ),
    )
    check.add_argument("--rules", metavar="FILE", help="what may differ (YAML)")
    check.add_argument("--project", default="", help="the project of the calls")
    check.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what a name of the cassette is here",
    )
    check.add_argument(
        "--no-form", action="store_true", help="do not hold answers to the API's own schema, too"
    )
    _add_reports(check)
    check.set_defaults(act=_check)
    _add_usage(actions)
    _add_schema(actions)
    _add_drift(actions)
    _add_tables(actions)


def _add_tables(actions: Any) -> None:
    pin = actions.add_parser(
        "pin",
        help="write the tables of an endpoint's datasets to a file",
        description="Write schemas, partitioning and required filters of tables to a file, for 'tables'.",
    )
    pin.add_argument("target", help="the endpoint, as for check")
    pin.add_argument("dataset", nargs="+", help="datasets")
    pin.add_argument("-o", "--output", metavar="FILE", help="the file; else standard output")
    pin.add_argument("--project", default="", help="the project of the datasets")
    pin.set_defaults(act=_pin)
    tables = actions.add_parser(
        "tables",
        help="hold tables and the SQL of a code base to a pin file",
        description=(
            "Check files of SQL by dry runs against empty tables like those of a pin file, without any "
            "endpoint; with --target also whether an endpoint's tables are as pinned."
        ),
    )
    tables.add_argument("pins", help="the pin file")
    tables.add_argument("--target", help="an endpoint whose tables must be as pinned")
    tables.add_argument("--project", default="", help="the project of the tables")
    tables.add_argument(
        "--sql", action="append", metavar="FILE", help="check this file instead of the pin file's"
    )
    tables.add_argument("--junit", metavar="FILE", help="write a report as JUnit XML, too")
    tables.add_argument("--sarif", metavar="FILE", help="write the refused SQL as SARIF, too")
    tables.set_defaults(act=_tables)


def _add_usage(actions: Any) -> None:
    usage = actions.add_parser(
        "usage",
        help="check that a consumer's contract still holds",
        description=(
            "Check that consumers' contracts (as pytest --bqsim-field-usage=FILE writes them) hold: against "
            "the API's schema as bqsim has it, another revision's discovery document, or what a cassette "
            "has recorded."
        ),
    )
    usage.add_argument("contract", nargs="+", help="files of consumers' contracts")
    usage.add_argument("--document", metavar="FILE", help="a discovery document (JSON)")
    usage.add_argument("--cassette", metavar="FOLDER", help="a cassette whose answers must have all of it")
    usage.add_argument("--junit", metavar="FILE", help="write a report as JUnit XML, too")
    usage.set_defaults(act=_usage)


def _add_schema(actions: Any) -> None:
    schema = actions.add_parser(
        "schema",
        help="hold recorded answers to the API's schema",
        description="Hold the answers of cassettes to the API's schema: unknown and mistyped fields fail.",
    )
    schema.add_argument("cassette", nargs="+", help="folders of cassettes")
    schema.add_argument("--document", metavar="FILE", help="a discovery document; else bqsim's own")
    schema.add_argument("--junit", metavar="FILE", help="write a report as JUnit XML, too")
    schema.set_defaults(act=_schema)


def _add_drift(actions: Any) -> None:
    drift = actions.add_parser(
        "drift",
        help="compare two revisions of the API, and tell whom it touches",
        description=(
            "Compare two discovery documents ('bqsim' is the one that bqsim serves), and tell which "
            "consumers' contracts and tests it touches. Exit code 1: something that they need went or "
            "became something else; without contracts: anything did."
        ),
    )
    drift.add_argument("old", help="the discovery document before (JSON), or bqsim")
    drift.add_argument("new", help="the one after")
    drift.add_argument(
        "--contract", action="append", default=[], metavar="FILE", help="a consumer's contract"
    )
    drift.add_argument("--all", action="store_true", help="tell of what was added, too")
    drift.add_argument("--junit", metavar="FILE", help="write a report as JUnit XML, too")
    drift.set_defaults(act=_drift)


def run(given: argparse.Namespace) -> int:
    """Run an action; 2 when what was given cannot be used."""
    from bqsim.contract.errors import ContractError
    from bqsim.record.cassette.errors import CassetteError

    try:
        code: int = given.act(given)
    except (ContractError, CassetteError) as error:
        print(f"bqsim contract: {error}", file=sys.stderr)
        return USAGE
    return code


def _add_reports(parser: argparse.ArgumentParser) -> None:
    for form in ("json", "junit", "html"):
        parser.add_argument(f"--{form}", metavar="FILE", help=f"write a report as {form}, too")
    parser.add_argument("--quiet", action="store_true", help="no report on standard output")


def _check(given: argparse.Namespace) -> int:
    from bqsim.contract.check import check

    result = check(
        given.source,
        given.target,
        given.rules,
        project=given.project,
        names=_names(given.name),
        form=not given.no_form,
    )
    _report(given, result)
    return result.exit_code


def _usage(given: argparse.Namespace) -> int:
    from bqsim.contract.consumer import Contract
    from bqsim.reports.junit import Case

    problems = _needs_check(given)
    cases, code = [], 0
    for path in given.contract:
        contract = Contract.load(path)
        found = problems(contract)
        code = code or bool(found)
        fields = sum(len(needs.fields) for needs in contract.methods.values())
        told = f"{len(found)} needs are not met" if found else "holds"
        print(f"{contract.consumer}: {told} ({len(contract.methods)} methods, {fields} fields)")
        for problem in found:
            print(f"  {problem}")
        for method in contract.methods:
            own = [p for p in found if p.startswith(f"{method}: ")]
            failure = own[0] if own else ""
            cases.append(Case(method, contract.consumer, failure=failure, message="\n".join(own)))
    _junit(given, "contract usage", cases)
    return int(code)


def _needs_check(given: argparse.Namespace) -> Any:
    """What tells the needs of a contract that are not met."""
    from bqsim.contract.recorded import answers_of, reasons_of
    from bqsim.record.cassette.cassette import Cassette

    if not given.cassette:
        schema = _document(given.document or "bqsim")
        return lambda contract: contract.broken_by(schema)
    cassette = Cassette.open(given.cassette)
    bodies: dict[str, list[Any]] = {}
    for _, method, status, body in answers_of(cassette):
        if status < 400:
            bodies.setdefault(method, []).append(body)
    reasons = reasons_of(cassette)
    return lambda contract: contract.broken_by_answers(bodies, reasons)


def _schema(given: argparse.Namespace) -> int:
    from bqsim.contract.recorded import form_problems
    from bqsim.record.cassette.cassette import Cassette
    from bqsim.reports.junit import Case

    schema = _document(given.document or "bqsim")
    cases, code = [], 0
    for folder in given.cassette:
        found = form_problems(Cassette.open(folder), schema)
        code = code or bool(found)
        print(f"{folder}: {f'{len(found)} problems' if found else 'as the schema'}")
        for operation, method, problem in found:
            print(f"  {method} ({operation}): {problem}")
        message = "\n".join(f"{m} ({o}): {p}" for o, m, p in found)
        cases.append(Case(str(folder), "schema", failure=message.partition("\n")[0], message=message))
    _junit(given, "contract schema", cases)
    return int(code)


def _drift(given: argparse.Namespace) -> int:
    from bqsim.contract import drift
    from bqsim.contract.consumer import Contract
    from bqsim.reports.junit import Case

    old, new = _document(given.old), _document(given.new)
    found = drift.changes(old, new)
    print(f"from revision {old.revision or '?'} to {new.revision or '?'}: {len(found)} changes")
    for change in found:
        if given.all or change.kind != drift.ADDED:
            print(f"  {change}")
    contracts = [Contract.load(path) for path in given.contract]
    touched = drift.touched(found, contracts, old)
    for one in touched:
        print(f"{one.consumer} needs {one.need}: {one.change}")
        for test in one.tests:
            print(f"  {test}")
    cases = []
    for contract in contracts:
        broken = [t for t in touched if t.consumer == contract.consumer and t.change.breaking]
        message = "\n".join(f"{t.need}: {t.change}" for t in broken)
        first = message.partition("\n")[0]
        cases.append(Case(contract.consumer, "drift", failure=first, message=message))
    _junit(given, "contract drift", cases)
    breaking = [one.change for one in touched] if contracts else found
    return int(any(change.breaking for change in breaking))


def _pin(given: argparse.Namespace) -> int:
    from bqsim.contract.tables import pin
    from bqsim.contract.targets import opened

    with opened([given.target], given.project) as (target,):
        text = pin(target, given.dataset).text()
    if given.output:
        Path(given.output).write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
    return 0


def _tables(given: argparse.Namespace) -> int:
    from bqsim.contract.tables import Pins, sql_problems, table_differences
    from bqsim.contract.targets import opened
    from bqsim.reports import sarif
    from bqsim.reports.junit import Case

    pins = Pins.load(given.pins)
    files = [Path(path) for path in given.sql] if given.sql else pins.files()
    cases, found = [], []
    if given.target:
        with opened([given.target], given.project) as (target,):
            found = list(table_differences(pins, target))
        for name in pins.tables:
            own = [str(difference) for table, difference in found if table == name]
            cases.append(Case(name, "tables", failure=own[0] if own else "", message="\n".join(own)))
    refused = sql_problems(pins, files)
    for path in files:
        why = next((one.message for one in refused if one.path == path), "")
        cases.append(Case(str(path), "sql", failure=why))
    for table, difference in found:
        print(f"{table}: {difference}")
    for one in refused:
        print(f"{one.path}{f':{one.line}' if one.line else ''}: {one.message}")
    print(f"{len(pins.tables)} tables, {len(files)} files of SQL: {len(found) + len(refused)} problems")
    _junit(given, "contract tables", cases)
    if given.sarif:
        rule = sarif.Rule("contract/sql", "SQL that the pinned tables do not answer", level="error")
        listed = [sarif.Found(rule.id, one.message, str(one.path), one.line) for one in refused]
        Path(given.sarif).write_text(sarif.log("bqsim contract", [rule], listed), encoding="utf-8")
    return int(bool(found or refused))


def _document(text: str) -> Any:
    from bqsim.contract import api_schema
    from bqsim.contract.errors import ContractError

    if text == "bqsim":
        return api_schema.default()
    try:
        return api_schema.ApiSchema.load(text)
    except OSError as error:
        raise ContractError(f"{text}: {error.strerror}") from None
    except ValueError as error:
        raise ContractError(str(error)) from None


def _junit(given: argparse.Namespace, suite: str, cases: list[Any]) -> None:
    from bqsim.reports.junit import document

    if given.junit:
        Path(given.junit).write_text(document(suite, cases), encoding="utf-8")


def _report(given: argparse.Namespace, result: Any) -> None:
    if not given.quiet:
        sys.stdout.write(result.text())
    for form in ("json", "junit", "html"):
        path = getattr(given, form)
        if path:
            Path(path).write_text(getattr(result, form)(), encoding="utf-8")


def _names(given: list[str]) -> Mapping[str, str]:
    from bqsim.contract.errors import ContractError

    out = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign:
            raise ContractError(f"--name {text}: NAME=VALUE is expected")
        out[name] = value
    return out
