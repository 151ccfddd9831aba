"""A paper: sections of sentences, tables and plots, written as one HTML file and as Markdown.

The HTML loads nothing, runs nothing, and says so in its own content security policy: its only style
is named by its hash, its images are inside it.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from training.evidence.words import LANGUAGES, word

if TYPE_CHECKING:
    from jinja2 import Environment

MOST_ROWS = 20  # of a table without a plot; a longer one is folded
TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Table:
    """Cells as text, as many in each row as in the header."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plot:
    """A PNG (empty where the table says it all) and its table twin; the table's title is its finding."""

    image: bytes
    table: Table

    @property
    def source(self) -> str:
        """The image as a data address."""
        return "data:image/png;base64," + base64.b64encode(self.image).decode()


@dataclass(frozen=True)
class Section:
    """A part of a paper. `key` is its anchor; `missing` what should stand here and does not."""

    key: str
    title: str
    lines: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A paper in one language; `facts` are its few figures on top."""

    language: str
    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Papers:
    """The same paper in every language, by language."""

    kind: str
    pages: Mapping[str, Page]

    def write(self, folder: Path) -> Path:
        """KIND.LANGUAGE.html and KIND.LANGUAGE.md for each language; the folder is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for language in LANGUAGES:
            stem = folder / f"{self.kind}.{language}"
            stem.with_name(stem.name + ".html").write_text(html(self.pages[language]), encoding="utf-8")
            stem.with_name(stem.name + ".md").write_text(markdown(self.pages[language]), encoding="utf-8")
        return folder


def html(page: Page) -> str:
    """The page as one file that loads nothing."""
    style = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = _templates().get_template("page.html")
    return template.render(
        page=page, style=style, digest=digest, most_rows=MOST_ROWS,
        word=lambda key: word(key, page.language),
    )  # fmt: skip


def markdown(page: Page) -> str:
    """The page as Markdown: every table, without the plots they are twins of."""
    template = _templates().get_template("page.md")
    return template.render(page=page, cell=_cell, word=lambda key: word(key, page.language))


@cache
def _templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    chosen = select_autoescape(("html",), default=False)
    return Environment(loader=FileSystemLoader(TEMPLATES), autoescape=chosen, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)  # fmt: skip


def _cell(text: str) -> str:
    r"""A text within Markdown, whose tables know no line breaks or bars, and which lets HTML through.

    >>> _cell("a|b\n<c>")
    'a\\|b &lt;c&gt;'
    """
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
