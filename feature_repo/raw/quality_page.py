"""The report on a bank's data as one HTML page: every finding a plot and the table it is drawn from."""

import re
from html import escape

from feature_repo.raw.quality import Cell, Panel
from feature_repo.raw.source import Source

BLUE, RED = "#0072b2", "#d55e00"  # told apart by the colour-blind (Okabe and Ito 2008)
DASHED = f'stroke="{RED}" stroke-dasharray="6 4"'
WIDE, LABELS, BAR = 720, 260, 20
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:auto;padding:1rem;color:#1a1a1a}
section{margin:2.5rem 0;break-inside:avoid}h2{font-size:1.15rem;margin:0}p{margin:.2rem 0;color:#444}
svg{width:100%;height:auto}svg text{font:13px system-ui,sans-serif;fill:#1a1a1a}
.scroll{overflow-x:auto;max-height:24rem}table{border-collapse:collapse;font-size:.85rem}
th,td{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:left}td.n{text-align:right}
.no{color:#b00020;font-weight:600}.yes{color:#00683c;font-weight:600}
"""


def page(source: Source, panels: list[Panel], at: str) -> str:
    """The page; it loads nothing and runs nothing."""
    broken = sum(panel.holds is False for panel in panels)
    verdict = "every limit holds" if not broken else f"limits that do not hold: {broken}"
    parts = "".join(_section(panel) for panel in panels)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>Data of {escape(source.name)}</title>'
        f"<style>{STYLE}</style></head><body><h1>Data of {escape(source.name)}: {verdict}</h1>"
        f"<p>{escape(source.starts[:10])} to {escape(source.ends[:10])}, amounts in "
        f"{escape(source.base_currency)}, {sum(source.rows.values()):,} rows, digest {source.digest[:16]}; "
        f"looked at {escape(at)}. No identifier and no free text stands on this page.</p>"
        f"{parts}</body></html>\n"
    )


def neutral(cell: Cell) -> str:
    """A cell as text that no spreadsheet runs when the table is copied into it.

    >>> neutral("=cmd()"), neutral("-5.00"), neutral(0.25)
    ("'=cmd()", '-5.00', '0.25')
    """
    if isinstance(cell, str):
        return f"'{cell}" if re.match(r"[=@\t\r]|[+-][^\d.]", cell) else cell
    return f"{cell:,}" if isinstance(cell, int) else _number(cell)


def _section(panel: Panel) -> str:
    verdict = ""
    if panel.holds is not None:
        word, kind = ("holds", "yes") if panel.holds else ("does not hold", "no")
        verdict = f' <span class="{kind}">{word}</span>'
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in panel.columns)
    body = "".join(
        "<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in panel.rows
    )  # fmt: skip
    plot = (
        (_columns(panel) if panel.over_time else _bars(panel)) if panel.points else "<p>Nothing to draw.</p>"
    )
    return (
        f'<section id="{panel.key}"><h2>{escape(panel.title)}{verdict}</h2><p>{escape(panel.seen)}</p>{plot}'
        f'<div class="scroll" tabindex="0"><table><caption>{escape(panel.unit)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _cell(cell: Cell) -> str:
    return f'<td class="{"" if isinstance(cell, str) else "n"}">{escape(neutral(cell))}</td>'


def _bars(panel: Panel) -> str:
    """Horizontal bars, longest first as given; each is labelled with its value."""
    height = BAR * len(panel.points) + 30
    most = max([value for _, value in panel.points] + [panel.limit or 0]) or 1
    room = WIDE - LABELS - 90
    marks = []
    for at, (label, value) in enumerate(panel.points):
        y, width = 8 + at * BAR, max(1.0, room * value / most)
        marks.append(
            f'<text x="{LABELS - 8}" y="{y + 13}" text-anchor="end">{escape(_short(neutral(label)))}</text>'
            f'<rect x="{LABELS}" y="{y + 2}" width="{width:.1f}" height="{BAR - 6}" fill="{BLUE}"/>'
            f'<text x="{LABELS + width + 6:.1f}" y="{y + 13}">{_number(value)}</text>'
        )
    if panel.limit:
        marks.append(_line(panel, LABELS + room * panel.limit / most, height))
    return _svg(panel, height, "".join(marks))


def _columns(panel: Panel) -> str:
    """Columns in the order of time, with the limit as a line across."""
    height, base, left = 220, 180, 60
    most = max([value for _, value in panel.points] + [panel.limit or 0]) or 1
    step = (WIDE - left - 20) / len(panel.points)
    marks, every = [], max(1, len(panel.points) // 8)
    for at, (label, value) in enumerate(panel.points):
        tall, x = 150 * value / most, left + at * step
        size = f'width="{min(step * 0.8, 60):.1f}" height="{tall:.1f}"'
        marks.append(f'<rect x="{x:.1f}" y="{base - tall:.1f}" {size} '
                     f'fill="{BLUE}"><title>{escape(label)}: {_number(value)}</title></rect>')  # fmt: skip
        if at % every == 0:
            marks.append(f'<text x="{x:.1f}" y="{base + 18}">{escape(label[:10])}</text>')
    marks.append(f'<text x="{left - 8}" y="36" text-anchor="end">{_number(most)}</text>')
    marks.append(f'<text x="{left - 8}" y="{base}" text-anchor="end">0</text>')
    marks.append(f'<line x1="{left}" x2="{WIDE}" y1="{base}" y2="{base}" stroke="#1a1a1a"/>')
    if panel.limit is not None:
        y = base - 150 * panel.limit / most
        marks.append(f'<line x1="{left}" x2="{WIDE}" y1="{y:.1f}" y2="{y:.1f}" {DASHED}/>'
                     f'<text x="{WIDE}" y="{y - 5:.1f}" text-anchor="end">'
                     f"limit {panel.limit:g}</text>")  # fmt: skip
    return _svg(panel, height, "".join(marks))


def _line(panel: Panel, x: float, height: int) -> str:
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 20}" {DASHED}/>'
        f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">limit {panel.limit:g}</text>'
    )


def _svg(panel: Panel, height: int, marks: str) -> str:
    unit = f'<text x="{WIDE}" y="{height - 4}" text-anchor="end">{escape(panel.unit)}</text>'
    said = f'viewBox="0 0 {WIDE} {height}" role="img" aria-label="{escape(panel.title)}"'
    return f"<svg {said}>{marks}{unit}</svg>"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _short(label: str) -> str:
    return label if len(label) <= 38 else label[:37] + "…"
