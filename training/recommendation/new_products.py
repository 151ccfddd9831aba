"""How well a product is placed that nobody could have learned from: one held back, then foretold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from training.recommendation.choosing import NO_FILTER, Choice, Inputs, learned, said
from training.recommendation.moments import Moment
from training.release.content import ProductFacts
from training.validation import auc

FAMILIES, LEAST_MATES = 3, 2


def held_back(
    choice: Choice, inputs: Inputs, before: Sequence[Moment], test: Moment
) -> Mapping[str, tuple[float, float]]:
    """By product held back from learning: how its attributes rank who adds it, and how its mates do.

    The most added product of each of the three largest families, where two others are left in it. Both
    figures are AUCs among those who do not hold it, the second by the mean chance of its family mates.
    """
    found = {}
    for at in _chosen(before[-1].added.sum(axis=0).tolist(), inputs.products):
        kept = [place for place in range(len(inputs.products)) if place != at]
        fewer = replace(inputs, products=tuple(inputs.products[place] for place in kept))
        model = learned(choice.shaped(filter=NO_FILTER), fewer, [_only(each, kept) for each in before])
        there, less, new = ~test.held[:, at], _only(test, kept), inputs.products[at]
        odds = model.margins(model.shelf_of([new]), less.held, less.matrix, less.segments)[:, 0]
        mates = [place for place, each in enumerate(fewer.products) if each.family == new.family]
        alike = said(model, less)[:, mates].mean(axis=1)
        y = test.added[there, at].astype(np.int8)
        found[new.product_id] = (auc(y, odds[there]), auc(y, alike[there]))
    return {name: pair for name, pair in found.items() if not np.isnan(pair).any()}


def _chosen(counts: Sequence[int], products: Sequence[ProductFacts]) -> list[int]:
    by_count = sorted(range(len(products)), key=lambda at: (-counts[at], at))
    best: dict[str, int] = {}
    for at in by_count:
        best.setdefault(products[at].family, at)
    of = [each.family for each in products]
    return [at for family, at in best.items() if of.count(family) > LEAST_MATES][:FAMILIES]


def _only(moment: Moment, kept: Sequence[int]) -> Moment:
    return replace(moment, held=moment.held[:, kept], added=moment.added[:, kept])
