"""Thousands of damaged models, arrays and descriptions: each is refused, or runs harmlessly; none crashes.

Run in a process of its own (`python -m tests.proofs.hostile.fuzz ROUNDS SEED`), so that a crash or an
endless loop shows; prints one line of JSON.
"""

import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

from crm_rules.lending.reasons import parse_catalogue
from crm_rules.policy_book import PolicyBook
from crm_rules.segments import RuleSegments
from feature_repo.errors import BankError
from tests.conftest import TREE_COLUMNS, Tiny, make_tiny, random_features
from training.release.assemble import derive
from training.release.ensemble import tree_node
from training.release.errors import AlteredRelease
from training.release.manifest import read_manifest
from training.release.models import Models
from training.release.reading import read_release
from training.release.trees import Trees

CARD = "parts/propensity/card.onnx"
EXTREME = (0, 1, -1, 7, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63))
NUMBERS = (0.0, float("nan"), float("inf"), -1e38)
Parts = dict[str, dict[str, bytes]]


def damaged(content: bytes, chance: random.Random) -> bytes:
    """A few bits flipped, bytes replaced, a piece cut out, doubled, or the end missing."""
    held = bytearray(content)
    kind = chance.randrange(5)
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(held))
        if kind == 0:
            held[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            held[place] = chance.randrange(256)
    place, size = chance.randrange(len(held)), chance.randint(1, 40)
    if kind == 2:
        del held[place : place + size]
    elif kind == 3:
        held[place:place] = held[place : place + size]
    elif kind == 4:
        del held[place:]
    return bytes(held)


def twisted(content: bytes, chance: random.Random) -> bytes:
    """A model that is whole as a file, with one to three numbers of its trees replaced."""
    model = onnx.ModelProto.FromString(content)
    for _ in range(chance.randint(1, 3)):
        each = chance.choice(model.graph.node[0].attribute)
        for held, values in ((each.ints, EXTREME), (each.floats, NUMBERS)):
            if len(held):
                held[chance.randrange(len(held))] = chance.choice((*values, held[0]))
    return bytes(model.SerializeToString())


def stale(tiny: Tiny, rounds: int, chance: random.Random) -> int:
    """How many damaged models are refused by their digest."""
    path, refused = tiny.releases / tiny.release / CARD, 0
    whole = path.read_bytes()
    for _ in range(rounds):
        path.write_bytes(damaged(whole, chance) + b"\0")
        try:
            read_release(tiny.releases, tiny.release)
        except AlteredRelease:
            refused += 1
    path.write_bytes(whole)
    return refused


def parsed(parts: Parts, rounds: int, chance: random.Random) -> Counter[str]:
    """What becomes of damaged models whose digests and signatures are right: refused, or harmless."""
    found, whole = Counter[str](), parts["propensity"]["card.onnx"]
    rows, width = random_features(20, len(TREE_COLUMNS)), len(TREE_COLUMNS)
    for turn in range(rounds):
        content = (damaged, twisted)[turn % 2](whole, chance)
        try:
            tree_node(content, CARD, width, 1)
            trees = Trees.load(CARD, content, width, 1)
            merged = derive({**parts, "propensity": {**parts["propensity"], "card.onnx": content}})
            assert trees.run(rows).shape == (20, 1)
            Trees.load("merged", merged.files["scoring.onnx"], len(merged.columns), len(merged.outputs))
            found["harmless"] += 1
        except BankError:
            found["refused"] += 1
    return found


def described(parts: Parts, manifest: bytes, rounds: int, chance: random.Random) -> Counter[str]:
    """The same of descriptions, arrays, rules and the manifest: nothing but an error of ours."""
    readers: list[tuple[bytes, Callable[[bytes], object]]] = [
        (
            parts[part][file],
            lambda held, part=part, file=file: Models.read({part: {**parts[part], file: held}}),
        )  # type: ignore[misc]
        for part in ("segmentation", "propensity", "credit_risk", "recommendation")
        for file in sorted(parts[part])
        if file in ("model.json", "effects.npz")
    ]
    readers += [
        (manifest, read_manifest),
        (parts["policy"]["policy.toml"], PolicyBook.parse),
        (parts["policy"]["segments.toml"], RuleSegments.parse),
        (parts["reasons"]["reasons.toml"], parse_catalogue),
    ]
    found = Counter[str]()
    for turn in range(rounds):
        whole, reader = readers[turn % len(readers)]
        try:
            reader(damaged(whole, chance))
            found["harmless"] += 1
        except BankError:
            found["refused"] += 1
    return found


def main(rounds: int, seed: int) -> None:
    """Half the rounds with stale digests, half with right ones; as many descriptions."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        tiny = make_tiny(Path(folder))
        held = read_release(tiny.releases, tiny.release)
        parts = {name: held.part(name) for name in held.manifest.parts}
        counts = {
            "stale": {"refused": stale(tiny, rounds // 2, chance)},
            "parsed": parsed(parts, rounds - rounds // 2, chance),
            "described": described(parts, held.manifest.to_bytes(), rounds, chance),
        }
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
