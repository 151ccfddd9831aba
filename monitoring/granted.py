"""Terms that were granted, as arrays: what was asked for, what was given, and who it was."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from feature_repo.errors import BankError
from monitoring.batch_log import files
from monitoring.decision_log import DecisionLogs
from training.release.manifest import Origin
from training.release.packing import unpack
from training.release.reading import read_release

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.str_]
CREDIT = "credit"
AGE_BANDS = ((25.0, "under 25"), (40.0, "25 to 39"), (65.0, "40 to 64"), (np.inf, "65 and over"))
UNKNOWN = ""


@dataclass(frozen=True)
class Granted:
    """n loans granted: `alike` is the policy and grade they fall under, "" in an attribute is unknown.

    `unreadable` counts credit decisions of releases that are not there any more.
    """

    alike: Texts
    rate: Floats
    limit: Floats
    amount: Floats
    term_months: Floats
    exposure: Floats
    attributes: Mapping[str, Texts]
    unreadable: int = 0

    def __len__(self) -> int:
        return len(self.rate)


def logged(logs: DecisionLogs, newest: int) -> Iterator[bytes]:
    """The newest credit decisions of each worker's log, and those of every batch file, not erased."""
    return chain(logs.payloads(CREDIT, newest), *(_of_batch(path) for path in files(logs.folder)))


def origins(releases: Path) -> Callable[[str], Origin | None]:
    """Looks up the columns of a release by its digest; None where it is not there, or not as it was."""

    def origin_of(release: str) -> Origin | None:
        try:
            return read_release(releases, release).manifest.origin
        except BankError:
            return None

    return origin_of


def _of_batch(path: Path) -> Iterator[bytes]:
    table = pq.read_table(path, columns=["payload"], filters=[("use_case", "=", CREDIT)])
    return (value.as_py() for value in table["payload"].drop_null())


def granted(payloads: Iterable[bytes], origin_of: Callable[[str], Origin | None]) -> Granted:
    """The approvals among credit decisions, with their terms.

    `origin_of` gives the columns of a release by its digest, None where the release is gone.
    """
    rows, origins, unreadable = list[tuple[object, ...]](), dict[str, Origin | None](), 0
    for payload in payloads:
        record = json.loads(payload)
        if (terms := record.get("terms")) is None:
            continue
        release = record["release"]
        if release not in origins:
            origins[release] = origin_of(release)
        if (origin := origins[release]) is None:
            unreadable += 1
            continue
        known = _known(record, origin)
        rows.append((
            f"{record['policy']} {record['scores']['grade']}", terms["rate"], terms["limit"], terms["amount"],
            terms["term_months"], np.nan_to_num(known.get("exposure_total", np.nan)),
            _gender(known.get("is_female", np.nan)), age_band(known.get("age_years", np.nan)),
        ))  # fmt: skip
    columns = list(zip(*rows, strict=True)) or [()] * 8
    rate, limit, amount, term, exposure = (np.array(column, np.float64) for column in columns[1:6])
    gender, age = (np.array(column, np.str_) for column in columns[6:])
    alike, attributes = np.array(columns[0], np.str_), {"gender": gender, "age": age}
    return Granted(alike, rate, limit, amount, term, exposure, attributes, unreadable)


def _known(record: Mapping[str, dict[str, str]], origin: Origin) -> dict[str, float]:
    values = unpack(record["features"]["values"], len(origin.columns))
    return dict(zip(origin.columns, values.tolist(), strict=True))


def _gender(is_female: float) -> str:
    return UNKNOWN if np.isnan(is_female) else "women" if is_female else "men"


def age_band(years: float) -> str:
    """The band of an age.

    >>> [age_band(years) for years in (24.0, 25.0, 64.0, 65.0, float("nan"))]
    ['under 25', '25 to 39', '40 to 64', '65 and over', '']
    """
    return UNKNOWN if np.isnan(years) else next(name for below, name in AGE_BANDS if years < below)
