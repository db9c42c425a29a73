"""The page of a rehearsal in a browser: it fits phones and screens, and needs nothing but itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.rehearse.reporting import page
from tests.contract import browser
from tests.unit.rehearse.reporting import fakes

LONG = "a-setting-with-a-very-long-name-that-has-no-blank-" * 3


@browser.needs_browser
@pytest.mark.parametrize("settings", [1, 200])
def test_it_fits_phones_and_screens_and_is_quiet(tmp_path: Path, settings: int) -> None:
    report = fakes.report(settings, days=3, groups=12, places=5, named=settings == 1)
    browser.check(page.page(report), tmp_path)


@browser.needs_browser
def test_long_names_do_not_widen_it(tmp_path: Path) -> None:
    report = fakes.renamed(fakes.report(8), LONG + "<script>alert(1)</script>")
    browser.check(page.page(report), tmp_path)
