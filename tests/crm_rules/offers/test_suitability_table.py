"""The table is the rules: six levels by five risks, by age and assessment."""

from itertools import product

from crm_rules.offers.suitability_table import table
from crm_rules.policy import Policy


def test_the_table_says_what_the_law_says(policy: Policy) -> None:
    cells = table(policy)
    every = product(range(6), range(1, 6), (True, False), ("person", "older person", "company"))
    assert sorted((c.level, c.risk, c.in_force, c.holder) for c in cells) == sorted(every)
    for cell in cells:
        assessed = cell.level >= 1 and cell.in_force
        allowed = cell.risk == 1 or (assessed and cell.risk <= cell.level)
        if cell.holder == "older person" and cell.risk >= 3:
            allowed = False
        assert cell.suitable == allowed, cell


def test_a_cell_names_the_rules_that_say_no(policy: Policy) -> None:
    found = {(c.level, c.risk, c.in_force, c.holder): c.codes for c in table(policy)}
    assert found[3, 4, True, "person"] == ("SUIT-01",)
    assert found[3, 3, False, "person"] == ("SUIT-02",)
    assert found[3, 3, True, "older person"] == ("SUIT-03",)
    assert found[0, 5, False, "older person"] == ("SUIT-01", "SUIT-02", "SUIT-03")
    assert found[5, 5, True, "company"] == ()
