"""Pages looked at in a headless browser, where there is one."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")

# The page in frames of each width; what the frames hold that is wider than they are is named.
_WRAPPER = """<!DOCTYPE html><body><script>
const page = %s, widths = %s, seen = [];
let left = widths.length;
addEventListener("securitypolicyviolation", e => seen.push({violation: e.blockedURI}));
for (const width of widths) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:800px;border:0`;
  frame.srcdoc = page;
  frame.onload = () => {
    const inside = frame.contentDocument, root = inside.documentElement;
    const wide = [...inside.querySelectorAll("body *")].filter(e =>
      e.getBoundingClientRect().right > width + 0.5 && !e.closest(".scroll, pre, svg"));
    seen.push({
      width, over: root.scrollWidth - root.clientWidth, wide: wide.map(e => e.outerHTML.slice(0, 80)),
      fetched: inside.defaultView.performance.getEntriesByType("resource").map(e => e.name),
      text: Math.min(...[...inside.querySelectorAll("svg text")].map(e => e.getBoundingClientRect().height)),
      unnamed: inside.querySelectorAll("svg:not([aria-labelledby])").length,
    });
    if (--left == 0) document.body.innerHTML = "<pre id=seen></pre>",
      document.getElementById("seen").textContent = JSON.stringify(seen);
  };
  document.body.append(frame);
}
</script>"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the browser saw: a record per width, and the lines of its console."""

    frames: list[dict[str, object]]
    console: list[str]


def look(page: str, folder: Path, widths: tuple[int, ...] = (360, 1280)) -> Look:
    """Open ``page`` at each of ``widths``."""
    wrapper = folder / "wrapper.html"
    wrapper.write_text(_WRAPPER % (json.dumps(page).replace("<", "\\u003c"), json.dumps(widths)))
    done = _run(folder, "--virtual-time-budget=4000", "--dump-dom", wrapper.as_uri())
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert seen, done.stdout[-2000:] + done.stderr[-2000:]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Look(json.loads(html.unescape(seen[1])), console)


def check(page: str, folder: Path) -> None:
    """Fail unless ``page`` fits a phone and a screen, fetches nothing and has no word in the console."""
    seen = look(page, folder)
    assert seen.console == []
    assert len(seen.frames) == 2
    for frame in seen.frames:
        assert frame["over"] == 0, frame
        assert (frame["wide"], frame["fetched"], frame["unnamed"]) == ([], [], 0)


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    assert CHROMIUM
    flags = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
    logs = ("--enable-logging=stderr", "--v=0", f"--user-data-dir={folder / 'profile'}")
    command = [CHROMIUM, *flags, *logs, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
