import io

import numpy as np
import pytest
from PIL import Image

from training.evidence.page import MOST_ROWS, Page, Plot, Section, Table, html
from training.evidence.plots import bars, heat_map

WINDOW = {"from": "2025-01-01", "to": "2025-06-30"}
LONG = "S1 A regular payer, without a relationship manager, with a low income"


def test_a_heat_map_draws_every_cell_and_keeps_them_in_its_table():
    cells = np.array([[0.5, -1.25], [2.0, 0.0]])
    found = heat_map("S2 stands out", "S2 突出", cells, [LONG, "S2"], ["inflow_90d", "age"], WINDOW, 12)
    assert found.header == ("", "inflow_90d", "age")
    assert found.rows == ((LONG, 0.5, -1.25), ("S2", 2.0, 0.0))
    assert Image.open(io.BytesIO(found.image)).width == 1100


def test_bars_stand_beside_the_line_to_beat():
    found = bars(
        "A is best", "A 最好", {"A": (0.4, 0.3, 0.5), LONG: (0.2, 0.1, 0.3)}, 0.25, "MAP@5", WINDOW, 12
    )
    assert found.rows == (("A", 0.4, 0.3, 0.5), (LONG, 0.2, 0.1, 0.3))
    assert Image.open(io.BytesIO(found.image)).width == 760


@pytest.mark.parametrize(("rows", "folded"), [
    pytest.param(MOST_ROWS, 0, id="short-is-open"), pytest.param(MOST_ROWS + 1, 1, id="long-is-folded"),
])  # fmt: skip
def test_a_long_table_without_a_plot_is_folded(rows, folded):
    table = Table("ranks", ("name", "value"), (("a", "1"),) * rows)
    page = Page("en", "t", "l", (), (Section("all", "All", plots=(Plot(b"", table),)),))
    assert html(page).count("<details>") == folded
