"""The gates of a candidate as one aligned table."""

from collections.abc import Collection, Sequence

from training.gates import Gate

HEAD = ("", "kind", "gate", "candidate", "95 % interval", "champion", "limit", "note")
RIGHT = (3, 4, 5, 6)


def as_text(gates: Sequence[Gate], waived: Collection[str] = ()) -> str:
    """A line a gate: verdict, kind, name, value with its interval, the champion's, the limit.

    The verdict is `ok`, `NO`, or `waived` for the names in `waived`; a column nobody fills is left out.

    >>> print(as_text([Gate("leak", "loan: AUC", 0.812, 0.99, True, low=0.79, high=0.83)]))
        kind  gate       candidate   95 % interval  limit
    ok  leak  loan: AUC      0.812  0.7900, 0.8300   0.99
    """
    rows = [HEAD, *(_row(gate, waived) for gate in gates)]
    filled = [any(row[at].strip("-") for row in rows[1:]) for at in range(len(HEAD))]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    lines = (
        "  ".join(
            cell.rjust(w) if at in RIGHT else cell.ljust(w)
            for at, (cell, w) in _wide(row, widths)
            if filled[at]
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def _wide(row: Sequence[str], widths: Sequence[int]) -> "enumerate[tuple[str, int]]":
    return enumerate(zip(row, widths, strict=True))


def _row(gate: Gate, waived: Collection[str]) -> tuple[str, ...]:
    known = gate.low is not None and gate.high is not None
    bounds = f"{gate.low:.4f}, {gate.high:.4f}" if known else "-"
    served = "-" if gate.champion is None else number(gate.champion)
    verdict = "ok" if gate.passed else "waived" if gate.name in waived else "NO"
    return (verdict, gate.kind, gate.name, number(gate.value), bounds, served,
            number(gate.limit), gate.note)  # fmt: skip


def number(value: float) -> str:
    """As few digits as tell it: 4 after the point, whole numbers whole."""
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:.4g}" if abs(value) < 1 else f"{value:,.4f}".rstrip("0")
