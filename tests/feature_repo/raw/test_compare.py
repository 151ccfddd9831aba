"""Two banks beside each other: distances that know same from different, and a page that says so."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from feature_repo.cli import data
from feature_repo.errors import MissingTable
from feature_repo.raw.compare import Compared, compare
from feature_repo.raw.compare.distances import ks, shape, total_variation
from feature_repo.raw.compare.marginals import marginals
from feature_repo.raw.generate import make
from feature_repo.raw.ingest import ingest
from tests.feature_repo.raw.conftest import Generated

pytest.importorskip("matplotlib", reason="plots need matplotlib, of the train extra")
EVERY = {"amount", "per_month", "gap", "balance", "burden", "category", "cash", "season", "term", "default"}


class Page(HTMLParser):
    """What a page holds, counted; `loads` are addresses outside it."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.images, self.tables, self.loads, self.text = [], 0, [], ""
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tables += tag == "table"
        if tag == "img":
            self.images.append(given)
        self.loads += [value for value in (given.get("src"), given.get("href"))
                       if value and not value.startswith("data:")]  # fmt: skip

    def handle_data(self, text: str) -> None:
        self.text += text


@pytest.fixture(scope="module")
def itself(generated: Generated, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return compare(generated.raw, generated.raw, tmp_path_factory.mktemp("reports"))


def test_a_bank_beside_itself_is_the_same_in_every_marginal(itself: Compared):
    assert {distance.marginal: distance.value for distance in itself.distances} == dict.fromkeys(EVERY, 0.0)


def test_the_page_loads_nothing_and_has_a_table_beside_every_plot(itself: Compared):
    page = Page(itself.page)
    assert page.loads == []
    assert len(page.images) == page.tables == len(EVERY)
    assert all(len(image["alt"] or "") > 20 for image in page.images)
    assert page.text.count("n = ") >= len(EVERY)


def test_marginals_count_corrected_bookings_once_and_accounts_only_while_open(generated: Generated):
    found = marginals(generated.raw)
    assert 0 < found.accounts <= 1500
    assert sum(found.counts["category"].values()) == sum(found.counts["cash"].values())
    assert found.samples["per_month"].mean() == pytest.approx(11, abs=3)
    assert np.mean(list(found.counts["season"].values())) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("one", "other", "distance"), [
    pytest.param([1, 2, 3, 4], [1, 2, 3, 4], 0.0, id="same"),
    pytest.param([1, 2, 3, 4], [3, 4, 5, 6], 0.5, id="half-moved"),
    pytest.param([1, 1, 1], [2], 1.0, id="apart"),
])  # fmt: skip
def test_ks_is_the_largest_step_between_two_samples(one, other, distance: float):
    assert ks(np.array(one, float), np.array(other, float)) == distance


def test_a_shape_knows_no_currency():
    amounts = np.array([1.0, 2.0, 5.0])
    assert ks(shape(amounts), shape(25 * amounts)) == 0.0


def test_shares_differ_by_what_would_have_to_change_its_name():
    assert total_variation({"a": 1, "b": 1}, {"a": 30, "b": 10}) == pytest.approx(0.25)


def test_a_marginal_that_one_bank_lacks_is_named_as_left_out(
    generated: Generated, tmp_path: Path, files: Path
):
    ingest(files, tmp_path / "raw", None, 0.01, datetime(2026, 1, 1, tzinfo=UTC), tmp_path / "key", 1)
    found = compare(generated.raw, tmp_path / "raw", tmp_path / "reports")
    assert not {"term", "default", "burden"} & {distance.marginal for distance in found.distances}
    assert "How loans end" in re.search(r"Left out[^.]*", Page(found.page).text)[0]


def test_a_folder_without_a_bank_is_refused(generated: Generated, tmp_path: Path):
    with pytest.raises(MissingTable):
        compare(generated.raw, tmp_path, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_the_command_prints_every_distance_with_its_n_and_where_the_page_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BANK_HOME", str(tmp_path))
    make(150, 1, tmp_path / "raw", tmp_path / "truth", 12)
    said = CliRunner().invoke(data, ["compare", "raw"])
    assert said.exit_code == 0, said.output
    assert said.output.count(" n ") == len(EVERY)
    assert said.output.rstrip().endswith("compare-generated.html")
    told = json.loads(CliRunner().invoke(data, ["compare", "raw", "--json"]).output)
    assert {distance["marginal"] for distance in told["distances"]} == EVERY
    assert Path(told["page"]).exists()
