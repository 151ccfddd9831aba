"""Hostile releases are refused, none of their payloads runs, and the honest release goes on answering.

`python -m tests.proofs.release [--verbose]`; a verbose run prints a row for each hostile release.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from feature_repo.packed_rows import PackedRows
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows
from serving.deciding.scoring import Scorer
from tests.proofs.hostile import files, models, signatures
from tests.proofs.hostile.attack import Attack, Outcome, outcome
from tests.proofs.hostile.stage import House, Stage, ask
from training.release.verify import verify

ATTACKS: tuple[Attack, ...] = (*files.ATTACKS, *models.ATTACKS, *signatures.ATTACKS)
FUZZED, SEED, SECONDS = 2_000, 7, 600


def swapped_after_verifying(house: House, stage: Stage) -> Outcome:
    """Every file is replaced by a pickle between checking and loading: what was checked is what answers."""
    checked = verify(stage.releases, stage.release, stage.tiny.trust)
    for path in [path for path in stage.folder.rglob("*") if path.is_file()]:
        path.write_bytes(stage.pickle)
    with PackedRows.open(stage.tiny.online) as rows:
        scorer = Scorer(Loaded.of(checked), OnlineRows(rows, checked.manifest.origin, checked.digest))
        same = ask(scorer) == house.answer
    refused = stage.refusal() is not None and not stage.marker.exists()
    attack = Attack("files-swapped-after-verifying", lambda _: None, "")
    return Outcome(attack, "what was verified answers; the swapped files are refused",
                   "" if same and refused else "the swap changed an answer, or was served")  # fmt: skip


def fuzzed(rounds: int, seed: int = SEED) -> dict[str, dict[str, int]]:
    """What became of damaged models in a process of their own; RuntimeError when it crashed or hung."""
    command = [sys.executable, "-m", "tests.proofs.hostile.fuzz", str(rounds), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise RuntimeError(f"the process ended with {done.returncode}: {done.stderr[-500:]}")
    counts: dict[str, dict[str, int]] = json.loads(done.stdout)
    return counts


def prove(verbose: bool, rounds: int = FUZZED) -> int:
    """Try every attack and the damaged models; prints one line, after a table when verbose."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        house = House.build(folder / "house")
        found = [outcome(each, house, house.stage(folder / each.name)) for each in ATTACKS]
        found.append(swapped_after_verifying(house, house.stage(folder / "swapped")))
        markers = len(list(folder.rglob("marker")))
        answers = house.answers()
    finally:
        shutil.rmtree(folder)
    counts = fuzzed(rounds)
    wrong = [each for each in found if each.wrong]
    for each in found if verbose else wrong:
        told = f"MISS: {each.wrong}" if each.wrong else each.said[:150]
        sys.stdout.write(f"{each.attack.name:<38} {told}\n")
    if verbose:
        sys.stdout.write(f"damaged at random: {counts}\n")
    # A damaged model that two people signed and that is still plain trees is another model, and harmless.
    refused = len(found) - len(wrong) + counts["stale"]["refused"] + counts["parsed"]["refused"]
    ok = not wrong and not markers and answers and counts["stale"]["refused"] == rounds // 2
    sys.stdout.write(
        f"release: {refused} hostile releases refused, {markers} markers, "
        f"{'old release answers' if answers else 'old release is SILENT'}: {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(prove("--verbose" in sys.argv or "-v" in sys.argv))
