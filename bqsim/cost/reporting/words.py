"""What findings are called in all reports."""

from __future__ import annotations

from bqsim.cost.causes import Cause
from bqsim.cost.gate import Finding
from bqsim.cost.money import Amount
from bqsim.cost.robust import Comparison
from bqsim.cost.units import shown_bytes, shown_money, shown_share

VERDICTS = {
    "regression": "costs more",
    "error": "not measured",
    "risk": "may cost more",
    "grown": "tables grew",
    "new": "new",
    "gone": "gone",
    "improved": "costs less",
    "same": "same",
}


def month(amount: Amount | None, currency: str) -> str:
    """Money a month with a sign, and its interval where there is one."""
    if amount is None:
        return "unknown"
    told = signed(amount.expected, currency)
    if round(amount.low, 2) != round(amount.high, 2):
        told += f" ({signed(amount.low, '')} to {signed(amount.high, currency)})"
    return told


def signed(amount: float, currency: str) -> str:
    """Money with its sign: ``+12.50 USD``."""
    return ("+" if amount >= 0.00005 else "") + shown_money(amount, currency)


def bytes_changed(finding: Finding) -> str:
    """Bytes of a run before and now, and the change as a share."""
    if finding.after is None:
        return "-"
    now = finding.after.measured.estimate.bytes_processed
    if finding.then is None:
        return shown_bytes(now)
    then = finding.then.bytes_processed
    if finding.verdict == "grown" and finding.before is not None:
        then = finding.before.measured.estimate.bytes_processed
    if then == now:
        return shown_bytes(now)
    ratio = (now - then) / then if then else float("inf")
    return f"{shown_bytes(then)} → {shown_bytes(now)} ({shown_share(ratio)})"


def partitions(finding: Finding) -> str:
    """Partitions read before and now, of how many."""
    after = finding.after.measured.estimate if finding.after is not None else None
    if after is None or after.partitions is None:
        return ""
    now = f"{after.partitions:,} of {after.partitions_total:,}"
    before = finding.then.partitions if finding.then is not None else None
    return f"{before:,} → {now}" if before is not None and before != after.partitions else now


def reason(cause: Cause) -> str:
    """A cause in a line."""
    added = f" (+{shown_bytes(cause.added)})" if cause.added else ""
    return f"{cause.title}: {cause.text}{added}"


def slots(compared: Comparison | None) -> str:
    """What the comparison of slot time says."""
    if compared is None:
        return ""
    if compared.verdict == "undecided":
        return f"undecided: {compared.why}"
    medians = f"{compared.before.median:,.0f} → {compared.after.median:,.0f} slot-ms"
    return (
        f"{compared.verdict}: {medians} ({shown_share(compared.ratio)}, n = {compared.before.n} and "
        f"{compared.after.n}, confidence {compared.confidence:.1%})"
    )


def place(finding: Finding) -> str:
    """File and line of the text; '' without."""
    query = finding.query
    if not query.file:
        return ""
    return f"{query.file}:{query.line}" if query.line > 1 else query.file
