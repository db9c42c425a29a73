"""``--bqsim-validate``: a test fails for answers of the simulator that the API's schema does not have."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack

import pytest

OPTION = "bqsim_validate"
SHOWN = 20


class Validating:
    """The plugin of one run, there when the option is."""

    def __init__(self) -> None:
        from bqsim.contract.watching import Watch, watching

        self._closing = ExitStack()
        self.watch = self._closing.enter_context(watching(Watch()))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        """Fail a test that passed for what it was answered, also while it was set up."""
        yield
        found = self.watch.take()
        if found:
            lines = [f"  {method}: {problem}" for method, problem in found[:SHOWN]]
            more = [f"  … and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
            text = "\n".join(["answers that the API's schema does not have:", *lines, *more])
            raise pytest.fail.Exception(text, pytrace=False)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self) -> None:
        """Answers that were asked for by what is taken down are of no test."""
        self.watch.take()

    def pytest_unconfigure(self) -> None:
        """Look no more."""
        self._closing.close()


def add_options(group: pytest.OptionGroup) -> None:
    """Add the option."""
    group.addoption(
        "--bqsim-validate",
        action="store_true",
        help="fail tests for answers of the simulator that the API's schema does not have",
    )


def configure(config: pytest.Config) -> None:
    """Watch, when that is asked for."""
    if config.getoption(OPTION):
        config.pluginmanager.register(Validating(), "bqsim-validating")
