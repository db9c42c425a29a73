"""The commands: one module each, with ``add_arguments(parser)`` and ``run(arguments) -> int``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name is that of its module, unless ``module`` is. The first of ``acts`` is meant where
    none of them follows the command's name."""

    name: str
    help: str
    module: str = ""
    acts: tuple[str, ...] = ()

    def load(self) -> Any:
        """The command's module."""
        return import_module(f"bqsim.commands.{self.module or self.name}")

    def with_act(self, words: list[str]) -> list[str]:
        """The words of a command line, with the act that they mean."""
        at = words.index(self.name) + 1
        said = words[at] if at < len(words) else "--help"
        if not self.acts or said in (*self.acts, "-h", "--help"):
            return words
        return [*words[:at], self.acts[0], *words[at:]]


COMMANDS: tuple[Command, ...] = (
    Command("calibrate", "Fit a simulator's latencies and failures to recordings and histories."),
    Command("capacity", "Show and change the slots that jobs of a running simulator share."),
    Command("cassette", "Show, trim, merge, compare, check, upgrade and recover cassettes."),
    Command("clock", "Show and move the clock of a running simulator."),
    Command("contract", "Compare the answers of endpoints, and hold them to what an application needs."),
    Command("cost", "Tell what queries cost, and keep a change from making the bill grow."),
    Command("explain", "Tell which rule, draw, quota or latency shaped an answer."),
    Command("fault", "Add, show and remove the rules of a running simulator."),
    Command(
        "fidelity", "Tell what is exact, what is approximated and what is absent, and which tests show it."
    ),
    Command("generate", "Generate rows for a schema, into files."),
    Command("history", "Read histories of jobs: exports, audit logs, endpoints; sum up and convert them."),
    Command(
        "import", "Import the schemas and statistics of a real project, without its rows.", "import_project"
    ),
    Command("job", "Show and move jobs of a running simulator that wait."),
    Command("journal", "Show what a running simulator was asked, and how it answered."),
    Command("limits", "Show and change the quotas and limits of a running simulator."),
    Command("record", "Record what an application says to BigQuery, into a cassette."),
    Command(
        "rehearse",
        "Rehearse slots, queues and money: what a workload would do under other capacity.",
        acts=("run", "validate", "check", "live", "schema"),
    ),
    Command("replay", "Answer an application from cassettes, and tell how it kept to them."),
    Command("scenario", "Check and explain scenario files; load one into a running simulator."),
    Command("seed", "Fill a simulator with datasets, tables and rows from YAML, SQL and folders of files."),
    Command("serve", "Serve a simulator until it is told to stop."),
    Command("verify", "Check that a running simulator was called as expected."),
    Command("warm", "Compile Google's analyzer once for this user, so that later starts are quick."),
    Command("workload", "Run recorded jobs again at an endpoint, and tell what differs."),
    Command("world", "Snapshots, restores and copies of the world of a running simulator."),
)
