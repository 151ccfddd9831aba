"""The catalogue as one HTML page: what every feature means, may be used for, and is made of."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from math import isnan

from feature_repo.features.catalogue import BY_NAME, SERVICES, Feature, tables_needed
from feature_repo.features.columns import OWNERS, PURPOSES, VIEWS

COLUMNS = {  # and the share of the width each takes, in percent
    "Feature": 19, "Meaning": 26, "Unit": 5, "Window": 6, "May be used for": 12, "Raw tables": 12,
    "Without rows": 7, "Services": 13,
}  # fmt: skip
MARKS = {
    "protected": "never read by a credit or offer model; kept for fairness tests and duties of care",
    "proxy": "stands for a protected attribute; never read by a credit model",
}
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:96rem;margin:auto;padding:1rem;color:#1a1a1a}
h1{margin:.2rem 0}h2{margin:2.5rem 0 0;text-transform:capitalize}p{margin:.2rem 0 .6rem;color:#444}
a{color:#00538a}a:focus-visible,.scroll:focus-visible{outline:3px solid #d55e00}
dl{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:1rem 0}
dl div{display:flex;flex-direction:column-reverse}
dt{color:#444;font-size:.85rem}dd{margin:0;font-size:1.5rem;font-weight:600;line-height:1.2}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.4rem;padding:0;list-style:none}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.85rem;width:100%;min-width:80rem;
table-layout:fixed}
caption{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
th,td{padding:.35rem .7rem .35rem 0;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
thead th{border-bottom:2px solid #1a1a1a}
tbody th{font-weight:600;font-family:ui-monospace,monospace}
th,td{overflow-wrap:break-word}tbody tr:target{background:#fff3c4}
.mark{display:inline-block;border:1px solid currentColor;border-radius:.6rem;padding:0 .5rem;
margin-top:.15rem;font:600 .9em system-ui,sans-serif}.protected{color:#b00020}.proxy{color:#8a4b00}
@media print{@page{size:A4 landscape;margin:12mm}body{max-width:none;padding:0;font-size:9pt}
th,td{padding:.12rem .5rem .12rem 0}table{font-size:7.5pt}
.scroll{overflow:visible}table{min-width:0}thead{display:table-header-group}tr{break-inside:avoid}
h2{break-after:avoid;margin-top:1.2rem}a{color:inherit;text-decoration:none}}
"""


def page(features: Sequence[Feature]) -> str:
    """The page of these features, by view; it loads nothing, runs nothing, and is the same every time.

    Every feature has an anchor of its name, every view one of `view-` and its name.
    """
    groups = {view: mine for view in VIEWS if (mine := [f for f in features if f.view == view])}
    links = "".join(
        f'<li><a href="#view-{view}">{view}</a> {len(mine)}</li>' for view, mine in groups.items()
    )
    marks = "".join(f"<p>{_mark(mark)} {escape(meaning)}.</p>" for mark, meaning in MARKS.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Feature catalogue</title>'
        f"<style>{STYLE}</style></head><body><header><h1>Feature catalogue</h1>"
        "<p>A feature as of a date is computed from what the bank had recorded before that date. Amounts "
        "are in the bank's base currency; a window of so many days ends just before the date.</p>"
        f'{_counts(features)}{marks}</header><nav aria-label="Views"><ul>{links}</ul></nav><main>'
        + "".join(_section(view, mine) for view, mine in groups.items())
        + "</main></body></html>\n"
    )


def without_rows(feature: Feature) -> str:
    """What the feature is for a customer without rows, in words.

    >>> [without_rows(BY_NAME[name]) for name in ("inflow_90d", "balance_last", "credit_utilisation")]
    ['0', 'unknown', 'from its parts']
    """
    if any(name in BY_NAME for name in feature.reads):
        return "from its parts"
    return "unknown" if isnan(feature.nothing) else f"{feature.nothing:g}"


def _counts(features: Sequence[Feature]) -> str:
    """The numbers on top."""
    uses = Counter(purpose for feature in features for purpose in feature.purposes)
    tables = frozenset[str]().union(*(tables_needed(feature) for feature in features))
    numbers = {
        "features": len(features),
        "views": len({feature.view for feature in features}),
        "windows": len({feature.window_days for feature in features} - {None}),
        "raw tables read": len(tables),
        **{f"may be used for {purpose}": uses[purpose] for purpose in PURPOSES},
        "protected": sum(feature.protected for feature in features),
        "proxies": sum(feature.proxy for feature in features),
        "services": len(SERVICES),
    }
    return "<dl>" + "".join(f"<div><dt>{n}</dt><dd>{of}</dd></div>" for n, of in numbers.items()) + "</dl>"


def _section(view: str, features: Sequence[Feature]) -> str:
    widths = "".join(f'<col style="width:{share}%">' for share in COLUMNS.values())
    head = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    rows = "".join(_row(feature) for feature in features)
    return (
        f'<section aria-labelledby="view-{view}"><h2 id="view-{view}">{view}</h2>'
        f"<p>{len(features)} features. Owner: {escape(OWNERS[view])}.</p>"
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="view-{view}"><table>'
        f"<caption>Features of the view {view}</caption><colgroup>{widths}</colgroup>"
        f"<thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _row(feature: Feature) -> str:
    marks = [mark for mark in MARKS if getattr(feature, mark)]
    parts = [name for name in feature.reads if name in BY_NAME]
    links = ", ".join(f'<a href="#{part}">{part}</a>' for part in parts)
    cells = (
        escape(feature.doc) + (f" Made of {links}." if parts else ""),
        escape(feature.unit),
        f"{feature.window_days} days" if feature.window_days else "none",
        _words(sorted(feature.purposes)) + "".join(f"<br>{_mark(mark)}" for mark in marks),
        _words(sorted(tables_needed(feature))),
        without_rows(feature),
        _words(name for name, columns in SERVICES.items() if feature.name in columns) or "none",
    )
    name = f'<th scope="row"><a href="#{feature.name}">{feature.name}</a></th>'
    return f'<tr id="{feature.name}">{name}' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _mark(mark: str) -> str:
    return f'<span class="mark {mark}">{mark}</span>'


def _words(words: Iterable[str]) -> str:
    return escape(", ".join(words))
