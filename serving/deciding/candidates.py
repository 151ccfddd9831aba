"""What a decision record keeps of every offer there was: what took it away, or how it ranked.

`codes` are the rules that took something away and `rules`, a byte each offer in base64, the place there of
the first that took it away, 255 for none. `ranked` are the places of the offers that were left, best first,
and `factors` P, C, V and L of each as float32, in base64: rounded to read, a replay gives them exactly.
"""

import binascii
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import orjson

from crm_rules.offers.funnel import Funnel
from crm_rules.offers.offers import Offers
from crm_rules.offers.screening import CODES, codes_of

NONE = 255
SIZE = 16  # bytes of the numbers of an offer
MOST = 4_096
Candidates = dict[str, object]


def candidates(offers: Offers, funnel: Funnel, ranked: list[list[int]]) -> list[Candidates]:
    """What the records of n customers keep; `ranked` are the places of the offers left to each."""
    screening, width = funnel.screening, len(offers)
    firsts, factors = screening.first.tobytes(), _factors(offers, funnel).tobytes()
    held = np.bitwise_or.reduce(screening.lowest, axis=1).tolist()
    found: list[Candidates] = []
    for row, (bits, left) in enumerate(zip(held, ranked, strict=True)):
        (codes, places), start = _numbered(bits), row * width
        first = firsts[start : start + width].translate(places)
        numbers = factors[SIZE * start : SIZE * (start + len(left))]
        found.append({"codes": codes, "rules": _base64(first), "ranked": left, "factors": _base64(numbers)})
    return found


def _factors(offers: Offers, funnel: Funnel) -> npt.NDArray[np.float32]:
    """(n, P, 4): P, C, V and L of the offers left, in their order; anything behind them."""
    order, rows = funnel.order, np.arange(len(funnel.order))[:, None]
    found = np.empty((*order.shape, 4), "<f4")
    with np.errstate(over="ignore"):
        found[..., 0], found[..., 1] = funnel.chance[rows, order], funnel.context[rows, order]
        found[..., 2], found[..., 3] = offers.worth[order], offers.lever[order]
    return found


@lru_cache(MOST)
def _numbered(held: int) -> tuple[orjson.Fragment, bytes]:
    """The codes of these bits as JSON, and a table that numbers their places in CODES anew."""
    codes, table = codes_of(held), bytearray([NONE]) * 256
    for at, code in enumerate(codes):
        table[CODES.index(code)] = at
    return orjson.Fragment(orjson.dumps(codes)), bytes(table)


def _base64(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode("ascii")
