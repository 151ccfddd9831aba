import pytest

from crm_rules.errors import NotCanonical
from crm_rules.governance.chain import GENESIS, canonical, digest, link


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert canonical({"a": 1, "b": [1.5, None, "中"]}) == canonical({"b": [1.5, None, "中"], "a": 1})
    assert canonical({"b": "中"}) == '{"b":"中"}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"bytes", {1, 2}], ids=repr)
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical, match="finite JSON"):
        canonical({"value": value})


def test_a_chain_changes_when_entries_are_changed_swapped_or_left_out() -> None:
    def head(*entries: bytes) -> str:
        at = GENESIS
        for seq, entry in enumerate(entries, start=1):
            at = link(at, seq, "name", "2026-03-01T00:00:00+00:00", digest(entry))
        return at

    heads = {head(b"1", b"2", b"3"), head(b"1", b"3", b"2"), head(b"1", b"2"), head(b"1", b"2", b"4")}
    assert len(heads) == 4
