import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from typer.testing import CliRunner

from feature_repo.features.catalogue import BY_NAME, FEATURES
from feature_repo.features.cli import features
from feature_repo.features.columns import COLUMNS, OWNERS, PURPOSES, VIEWS
from feature_repo.features.page import page
from feature_repo.features.services import SERVICES


class Page(HTMLParser):
    """What stands on a page: its tags, its ids, where it links, and the cells of its rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.scopes: list[str | None] = []
        self.rows: dict[str, list[str]] = {}
        self._row: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.tags.append(tag)
        self.ids += [str(told["id"])] if "id" in told else []
        self.links += [str(told["href"])] if "href" in told else []
        if tag == "tr":
            self._row = self.rows.setdefault(str(told.get("id")), [])
        if tag in ("th", "td"):
            self.scopes += [told.get("scope")] if tag == "th" else []
            self._row.append("")

    def handle_data(self, data: str) -> None:
        if self._row:
            self._row[-1] += data


SHOWN = page(FEATURES)
READ = Page(SHOWN)


def test_every_feature_has_one_row_with_what_the_catalogue_says() -> None:
    assert [name for name in READ.rows if name != "None"] == list(COLUMNS)
    for feature in FEATURES:
        name, meaning, unit, window, uses, _, _, services = READ.rows[feature.name]
        assert name == feature.name
        assert meaning.startswith(feature.doc)
        assert (unit, window) == (
            feature.unit,
            f"{feature.window_days} days" if feature.window_days else "none",
        )
        assert {purpose for purpose in PURPOSES if purpose in uses} == feature.purposes
        assert ("protected" in uses, "proxy" in uses) == (feature.protected, feature.proxy)
        assert {s for s in SERVICES if s in services} == {s for s, read in SERVICES.items() if name in read}


def test_a_row_in_full() -> None:
    assert READ.rows["has_fund"] == [
        "has_fund", "Whether a product of the family 'fund' is held.", "flag", "none",
        "credit, marketing, service", "holdings, products", "0",
        ", ".join(service for service, read in SERVICES.items() if "has_fund" in read),
    ]  # fmt: skip
    assert READ.rows["risk_room"][1].endswith("Made of risk_level, product_risk_held_max.")
    assert READ.rows["risk_room"][5:7] == ["customers, holdings, products", "from its parts"]


def test_every_link_leads_somewhere_and_every_anchor_is_one_place() -> None:
    assert len(set(READ.ids)) == len(READ.ids)
    assert set(READ.links) >= {f"#view-{view}" for view in VIEWS}
    assert {link.removeprefix("#") for link in READ.links} <= set(READ.ids)


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    assert not {"script", "link", "img", "iframe", "object"} & set(READ.tags)
    assert not re.search(r"https?:|url\(|@import|\son\w+=|javascript:", SHOWN)
    assert page(FEATURES) == SHOWN


def test_the_tables_can_be_heard() -> None:
    assert READ.tags.count("caption") == READ.tags.count("table") == len(VIEWS)
    assert set(READ.scopes) == {"col", "row"}
    assert READ.scopes.count("row") == len(COLUMNS)
    assert READ.tags.count("h1") == 1
    assert 'lang="en"' in SHOWN


def test_the_counts_stand_on_top_and_each_view_names_its_owner() -> None:
    top = SHOWN[: SHOWN.index("<nav")]
    counts = dict(re.findall(r"<dt>(.*?)</dt><dd>(\d+)</dd>", top))
    assert counts["features"] == str(len(COLUMNS))
    assert counts["may be used for credit"] == str(len(PURPOSES["credit"]))
    for view, columns in VIEWS.items():
        assert f'id="view-{view}">{view}</h2><p>{len(columns)} features. Owner: {OWNERS[view]}.' in SHOWN


def test_words_are_not_markup() -> None:
    odd = replace(BY_NAME["inflow_90d"], doc="Less than <b>3</b> & 'more'.")
    assert "Less than &lt;b&gt;3&lt;/b&gt; &amp;" in page([odd])


def test_the_command_writes_the_page_and_says_where(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.html"
    ran = CliRunner().invoke(features, ["list", "--page", str(file)])
    assert (ran.exit_code, file.read_text(encoding="utf-8")) == (0, SHOWN)
    assert ran.stdout.count("\n") == 1
    assert str(file) in ran.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.html"]
    ran = CliRunner().invoke(features, ["list", "--view", "life", "--page", str(file)])
    assert set(Page(file.read_text(encoding="utf-8")).rows) == {"None", *VIEWS["life"]}
    nowhere = CliRunner().invoke(features, ["list", "--page", str(tmp_path / "no" / "page.html")])
    assert nowhere.exit_code == 2
    assert "There is no folder" in nowhere.output
