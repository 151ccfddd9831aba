"""What a decision record keeps of every offer there was: what took it away, or how it ranked.

`codes` are the rules that took something away and `rules`, a byte each offer in base64, the place there of
the first that took it away, 255 for none. `ranked` are the places of the offers that were left, best first,
and `factors` their P, then their C, V and L, as float32 in base64: rounded to read, a replay gives them
exactly.
"""

import binascii
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import orjson

from crm_rules.offers.funnel import Funnel
from crm_rules.offers.offers import Offers
from crm_rules.offers.screening import CODES

NONE = 255
KEPT = 4  # numbers of an offer
MOST = 4_096
Candidates = dict[str, object]


def candidates(offers: Offers, funnel: Funnel, ranked: list[list[int]]) -> list[Candidates]:
    """What the records of n customers keep; `ranked` are the places of the offers left to each."""
    firsts = np.ascontiguousarray(funnel.screening.first)
    factors = _factors(offers, funnel)
    return [
        _kept(first.tobytes(), left, block)
        for first, left, block in zip(firsts, ranked, factors, strict=True)
    ]


def _kept(first: bytes, ranked: list[int], factors: npt.NDArray[np.float32]) -> Candidates:
    codes, places = _numbered(bytes(sorted(set(first))))
    return {
        "codes": codes,
        "rules": _base64(first.translate(places)),
        "ranked": ranked,
        "factors": _base64(factors[:, : len(ranked)].tobytes()),
    }


def _factors(offers: Offers, funnel: Funnel) -> npt.NDArray[np.float32]:
    """(n, KEPT, P): the numbers of the offers left, in their order."""
    order, rows = funnel.order, np.arange(len(funnel.order))[:, None]
    found = np.empty((len(order), KEPT, len(offers)), "<f4")
    with np.errstate(over="ignore"):
        found[:, 0], found[:, 1] = funnel.chance[rows, order], funnel.context[rows, order]
        found[:, 2], found[:, 3] = offers.worth[order], offers.lever[order]
    return found


@lru_cache(MOST)
def _numbered(held: bytes) -> tuple[orjson.Fragment, bytes]:
    """The codes at these places of CODES as JSON, and a table that numbers the places anew."""
    known = [place for place in held if place != NONE]
    table = bytearray([NONE]) * 256
    for at, place in enumerate(known):
        table[place] = at
    return orjson.Fragment(orjson.dumps([CODES[place] for place in known])), bytes(table)


def _base64(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode("ascii")
