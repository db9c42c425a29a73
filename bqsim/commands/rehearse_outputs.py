"""What ``bqsim rehearse`` writes: its report, and files beside it."""

from __future__ import annotations

from pathlib import Path


def check_writable(option: str, path: Path | None, *, folder: bool = False) -> None:
    """Find out before the work, not after it, that a file can be written, or files in a folder; what folders
    it needs are made. Raises ``RehearsalError`` that names the option."""
    from bqsim.rehearse.errors import RehearsalError

    if path is None:
        return
    try:
        (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not folder:
            new = not path.exists()
            path.open("ab").close()
            if new:
                # An empty report of work that failed would be taken for one.
                path.unlink()
    except OSError as error:
        raise RehearsalError(f"{option} {path}: {error.strerror}") from None


def tell(text: str, out: Path | None) -> None:
    """Print a report, or write it to a file instead."""
    text += "" if text.endswith("\n") else "\n"
    if out is not None:
        out.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
