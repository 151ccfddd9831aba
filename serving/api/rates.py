"""How often one caller may ask: a bucket of tokens each, filled at an even rate."""

from dataclasses import dataclass
from itertools import islice
from math import ceil

MOST_CALLERS = 10_000


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rates:
    """Lets each caller ask `per_second` times a second over time and `burst` times at once.

    Buckets are of this worker. Where there are too many callers, those that came first begin anew, with
    a full bucket: memory is bounded and nobody is refused for others.
    """

    def __init__(self, per_second: float, burst: int, most: int = MOST_CALLERS) -> None:
        self._rate, self._burst, self._most = per_second, float(burst), most
        self._buckets: dict[str, _Bucket] = {}

    def wait(self, caller: str, now: float) -> int:
        """Seconds to wait before asking again, 0 when this request may go on. `now` is a steady clock's.

        >>> rates = Rates(per_second=1, burst=2)
        >>> [rates.wait("app", 0.0), rates.wait("app", 0.0), rates.wait("app", 0.0), rates.wait("app", 1.0)]
        [0, 0, 1, 0]
        """
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._new(caller, now)
        elif now > bucket.at:
            bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._rate)
            bucket.at = now
        if bucket.left >= 1.0:
            bucket.left -= 1.0
            return 0
        return ceil((1.0 - bucket.left) / self._rate)

    def _new(self, caller: str, now: float) -> _Bucket:
        if len(self._buckets) >= self._most:
            self._buckets = dict(islice(self._buckets.items(), self._most // 2 + 1, None))
        bucket = self._buckets[caller] = _Bucket(self._burst, now)
        return bucket
