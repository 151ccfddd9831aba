import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from training.evidence.binary import binary_exhibits
from training.evidence.comparison import compare
from training.evidence.gaps import gaps
from training.evidence.page import html, markdown
from training.evidence.papers import papers
from training.evidence.record import Record
from training.trained import Account

VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Open tags, links out, anchors, and whether each tag is closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages(record):
    return {
        (kind, language): html(page)
        for kind, both in papers(record, "5 (challenger)", None).items()
        for language, page in both.pages.items()
    }


@pytest.mark.parametrize("kind", ["card", "validation"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_well_formed_loads_nothing_and_runs_nothing(pages, kind, language):
    page = Page(pages[kind, language])
    assert page.stack == []
    assert page.all("html") == [{"lang": language}]
    assert not page.all("script")
    assert not page.all("link")
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page.all("img"))
    assert all(image["alt"] for image in page.all("img"))
    assert all(str(link["href"]).startswith("#") for link in page.all("a"))
    assert {str(link["href"])[1:] for link in page.all("a")} <= {a.get("id") for _, a in page.tags}
    assert not [attributes for _, attributes in page.tags if "style" in attributes or "onclick" in attributes]


def test_the_page_s_own_policy_allows_its_style_and_nothing_else(pages):
    text = pages["card", "en"]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'" in text


def test_what_a_model_says_of_itself_cannot_become_markup(record, pages):
    assert "<script>alert(1)</script>" not in pages["card", "en"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in pages["card", "en"]
    assert "<script>" not in markdown(papers(record, "5", None)["card"].pages["en"])


def test_every_plot_has_its_table_twin(record, pages):
    page = Page(pages["card", "en"])
    drawn = [exhibit for exhibit in record.exhibits.values() if exhibit.image]
    assert len(page.all("img")) == len(page.all("details")) == len(drawn)


def test_a_chinese_card_speaks_chinese(pages):
    text = pages["card", "zh"]
    for words in ("模型卡", "用途", "不用于企业客户。", "最高一成", "噪声下限", "门槛", "特征及其负责人"):
        assert words in text
    for english in ("Purpose", "noise floor", "Not for companies"):
        assert english not in text


def test_markdown_keeps_a_row_a_line(record):
    text = markdown(papers(record, "5", None)["card"].pages["en"])
    assert "| a\\|b | 0.1 | \n" in text
    assert "# Model card: credit_risk 5\n" in text


def test_figures_stand_beside_the_champion(record):
    better = replace(record, metrics={"members": {"application": {"ks": 0.5}}})
    text = html(papers(better, "6", record)["card"].pages["en"])
    assert "In service" in text
    assert "0.4500" in text


def test_a_record_is_read_back_as_it_was_written(record, tmp_path):
    assert Record.read(record.write(tmp_path / "evidence")) == record


@pytest.mark.parametrize(("change", "section", "said"), [
    pytest.param({"account": Account()}, "limits", "must not be used", id="account"),
    pytest.param({"trials": ()}, "tried", "no candidate", id="trials"),
    pytest.param({"gates": ()}, "gates", "no gates", id="gates"),
    pytest.param({"exhibits": {}}, "stability", "of application, behaviour", id="exhibits"),
    pytest.param({"metrics": {"members": {"a": {"auc": 0.8}}}}, "figures", "beside a AUC", id="intervals"),
])  # fmt: skip
def test_what_is_missing_is_said_by_name(record, change, section, said):
    broken = replace(record, **change)
    assert said in " ".join(note.en for note in gaps(broken)[section])
    pack = papers(broken, "5", None)["validation"].pages
    assert said in html(pack["en"])
    assert "缺失：" in html(pack["zh"])


def test_code_outside_a_checkout_is_a_gap(record):
    unknown = replace(record, lineage=replace(record.lineage, git_commit="unknown"))
    assert "commit" in gaps(unknown)["lineage"][0].en


def test_a_member_without_an_exhibit_is_named_alone(record):
    fewer = {name: e for name, e in record.exhibits.items() if name != "behaviour/benchmark"}
    assert gaps(replace(record, exhibits=fewer))["benchmark"][0].en.endswith("of behaviour.")


def test_stability_that_measures_nothing_is_a_gap(record, scored):
    y, p, plain, at = scored.rows
    once = binary_exhibits("", "x", "x", y, p, plain, at * 0, scored.window)
    said = gaps(replace(record, exhibits=record.exhibits | {"application/stability": once["stability"]}))
    assert said["stability"][0].en.endswith("of application.")


def test_only_what_no_exhibit_shows_is_missing(record):
    assert set(gaps(record)) == {"sensitivity"}


def worse(record: Record) -> Record:
    figures = {
        "auc_out_of_time": 0.70,
        "auc_interval": [0.68, 0.72],
        "ks": 0.45,
        "ece": 0.001,
        "n_test": 2000,
    }
    return replace(record, metrics={"members": {"application": figures}})


def test_a_comparison_says_which_is_better_and_whether_intervals_are_apart(record):
    rows = {row.name: row for row in compare("credit_risk", [("6", worse(record)), ("5", record)]).rows}
    assert rows["application AUC out of time"].difference == pytest.approx(-0.1123)
    assert rows["application AUC out of time"].verdict == "worse"
    assert rows["application AUC out of time"].apart
    assert rows["application calibration error"].verdict == "better"
    assert rows["application KS"].verdict == ""
    assert rows["application test rows"].verdict == ""
    assert rows["behaviour KS"].difference is None


def test_a_comparison_prints_aligned_columns_and_warns_of_other_data(record):
    made = replace(record.lineage, source={**record.lineage.source, "digest": "other"})
    other = replace(worse(record), lineage=made, window={"from": "2020-01-01", "to": "2020-02-01"})
    text = compare("credit_risk", [("6", other), ("5 (champion)", record)]).to_text()
    assert "0.7000 [0.6800, 0.7200]" in text
    assert "1 of 2" in text
    assert "different data" in text
    assert "different windows" in text


def test_one_version_alone_has_no_difference(record):
    text = compare("credit_risk", [("5", record)]).to_text()
    assert "difference" not in text
    assert "0.8123 [0.7900, 0.8300]" in text
