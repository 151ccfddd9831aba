"""Packed rows in Redis: a hash for each view, customer to packed row.

Reads and writes are scripts, so that each sees one moment and answers with one string. A view that
is loaded anew fills a hash nobody reads yet; storing the catalogue shows all of them at once. A
write to rows that are read is whole row by row, a few thousand at a time: cut off, it has replaced
some rows and left the others, and done again it is complete. Keys in use:

    PREFIX:catalogue             generation, views
    PREFIX:rows:VIEW:PLACE       customer -> packed row
    PREFIX:places                every rows key, also of a load that was cut off: the next writer removes it
    PREFIX:writer                the one who writes
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self
from urllib.parse import urlsplit

import numpy as np
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from feature_repo.errors import BankError
from feature_repo.rows.layout import Catalogue, View
from feature_repo.rows.packing import I64Array, Packed
from feature_repo.rows.reading import Reading
from feature_repo.rows.shelf import NoOnlineRows

AT_ONCE = 2_000  # customers a script: some milliseconds in which Redis does nothing else
CONNECT_SECONDS, READ_SECONDS, WRITE_SECONDS = 2, 2, 30
LOCK_SECONDS, WAIT_SECONDS = 20, 30  # a writer that was killed is waited for

# KEYS: catalogue, the hash of each view. ARGV: generation, ids, the blank row of each view.
FETCH = """
local generation = redis.call('HGET', KEYS[1], 'generation')
if generation ~= ARGV[1] then return {tonumber(generation or '0'), ''} end
local ids, views, rows = cjson.decode(ARGV[2]), {}, {}
for v = 2, #KEYS do
  local found = {}
  for start = 1, #ids, 1000 do
    for _, row in ipairs(redis.call('HMGET', KEYS[v], unpack(ids, start, math.min(start + 999, #ids)))) do
      found[#found + 1] = row or ARGV[v + 1]
    end
  end
  views[#views + 1] = found
end
for at = 1, #ids do
  for v = 1, #views do rows[#rows + 1] = views[v][at] end
end
return {tonumber(generation), table.concat(rows)}
"""
# KEYS: the hash. ARGV: ids, bytes a row, the rows. A stored row with a later event time stays.
PUT = """
local ids, width = cjson.decode(ARGV[1]), tonumber(ARGV[2])
for start = 1, #ids, 1000 do
  local stop, new = math.min(start + 999, #ids), {}
  local old = redis.call('HMGET', KEYS[1], unpack(ids, start, stop))
  for at = start, stop do
    local row, stored = string.sub(ARGV[3], (at - 1) * width + 1, at * width), old[at - start + 1]
    if not stored or struct.unpack('>I8', stored) <= struct.unpack('>I8', row) then
      new[#new + 1] = ids[at]
      new[#new + 1] = row
    end
  end
  if #new > 0 then redis.call('HSET', KEYS[1], unpack(new)) end
end
"""
# KEYS: the hash. ARGV: cursor.
TIMES = """
local found, times = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000), {}
for at = 2, #found[2], 2 do times[#times + 1] = string.sub(found[2][at], 1, 8) end
return {found[1], table.concat(times)}
"""


class OnlineRowsUnreachable(BankError, ConnectionError):
    """Redis does not answer, or not as it should."""

    def __init__(self, where: str, found: str) -> None:
        self.where = where
        super().__init__(
            f"Online rows in Redis at {where} cannot be used ({found}). "
            f"Start it or correct BANK_REDIS_URL, or set BANK_ONLINE_STORE=sqlite."
        )


class ReadOnlyRows(BankError, PermissionError):
    """Rows opened for reading are not written."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__(f"Online rows in Redis at {where} are open for reading. Open them for writing.")


class RedisShelf:
    """Packed rows in a Redis, under one prefix; threads may share it for reading."""

    def __init__(self, client: "redis.Redis", where: str, prefix: str, read_only: bool) -> None:
        self._client, self._where, self._prefix, self._read_only = client, where, prefix, read_only
        self._fetch, self._put, self._times = (client.register_script(text) for text in (FETCH, PUT, TIMES))
        self._lock = client.lock(
            self._key("writer"), timeout=LOCK_SECONDS, blocking_timeout=WAIT_SECONDS, thread_local=False
        )

    @classmethod
    def open(cls, url: str, prefix: str, read_only: bool, patience: float = READ_SECONDS) -> Self:
        """Connect; NoOnlineRows when there is nothing to read, OnlineRowsUnreachable without an answer.

        Who reads waits `patience` seconds for an answer, then once more.
        """
        where = _where(url)
        try:
            client = redis.Redis.from_url(
                url,
                socket_connect_timeout=min(CONNECT_SECONDS, patience) if read_only else CONNECT_SECONDS,
                socket_timeout=patience if read_only else WRITE_SECONDS,
                retry=Retry(NoBackoff(), 1),
                health_check_interval=30,
            )
        except ValueError as error:
            raise OnlineRowsUnreachable(where, "its URL is none of redis://, rediss://, unix://") from error
        shelf = cls(client, where, prefix, read_only)
        try:
            if shelf.catalogue().generation == 0 and read_only:
                raise NoOnlineRows(f"{where}, prefix '{prefix}'")
        except BankError:
            shelf.close()
            raise
        return shelf

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def catalogue(self) -> Catalogue:
        """The catalogue as stored at this moment."""
        with self._told():
            generation, views = self._client.hmget(self._key("catalogue"), ["generation", "views"])
        if generation is None or views is None:
            return Catalogue.empty()
        return Catalogue.from_json(int(generation), views)

    def fetch(self, reading: Reading, customer_ids: Sequence[str]) -> tuple[int, bytes]:
        """The generation and the packed rows of these customers; see `Shelf`."""
        keys = [self._key("catalogue"), *(self._rows(view) for view in reading.views)]
        parts = []
        for start in range(0, len(customer_ids), AT_ONCE):
            ids = _as_json(customer_ids[start : start + AT_ONCE])
            with self._told():
                generation, packed = self._fetch(keys, [reading.generation, ids, *reading.blanks])
            if generation != reading.generation:
                return generation, b""
            parts.append(packed)
        return reading.generation, parts[0] if len(parts) == 1 else b"".join(parts)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time; what a load that was cut off has left is removed first."""
        if self._read_only:
            raise ReadOnlyRows(self._where)
        with self._told():
            taken = self._lock.acquire()
        if not taken:
            raise OnlineRowsUnreachable(self._where, "another process writes")
        try:
            self._sweep()
            yield
        finally:
            with self._told():
                if self._lock.owned():
                    self._lock.release()

    def _sweep(self) -> None:
        known = {self._rows(view).encode() for view in self.catalogue().views.values()}
        with self._told():
            for key in self._client.smembers(self._key("places")) - known:
                self._remove(key)

    def save(self, catalogue: Catalogue) -> None:
        """Store that catalogue: from here on readers see its views."""
        stored = ["generation", str(catalogue.generation), "views", catalogue.to_json()]
        with self._told():
            self._lock.reacquire()
            self._client.hset(self._key("catalogue"), items=stored)

    def create(self, view: View) -> None:
        """Note the key of the view's hash; Redis makes it with the first row."""
        with self._told():
            self._client.sadd(self._key("places"), self._rows(view))

    def drop(self, view: View) -> None:
        """Remove the view's hash."""
        with self._told():
            self._remove(self._rows(view))

    def _remove(self, key: str | bytes) -> None:
        self._client.unlink(key)
        self._client.srem(self._key("places"), key)

    def put(self, view: View, packed: Packed, known: bool) -> None:
        """Lay rows down, each whole; a newer row stays."""
        for chunk in packed.chunks(AT_ONCE):
            with self._told():
                self._lock.reacquire()
                self._put([self._rows(view)], [_as_json(chunk.customer_ids), chunk.width, chunk.rows])

    def delete(self, customer_id: str) -> int:
        """Erase that customer from every view in one step.

        Redis's own files on disk (RDB, AOF) hold it until they are written anew.
        """
        with self.writing():
            keys = [self._rows(view) for view in self.catalogue().views.values()]
            with self._told(), self._client.pipeline(transaction=True) as pipeline:
                for key in keys:
                    pipeline.hdel(key, customer_id)
                return sum(pipeline.execute())

    def count(self, view: View) -> int:
        """The fields of the view's hash."""
        with self._told():
            return int(self._client.hlen(self._rows(view)))

    def event_us(self, view: View) -> I64Array:
        """The event time of every row; one written meanwhile may count twice."""
        cursor, parts = b"0", []
        while True:
            with self._told():
                cursor, packed = self._times([self._rows(view)], [cursor])
            parts.append(packed)
            if cursor == b"0":
                return np.frombuffer(b"".join(parts), ">i8").astype(np.int64)

    def customer_ids(self, view: View) -> Iterator[str]:
        """The fields of the view's hash, all of them in memory to be sorted."""
        with self._told():
            names = {name for name, _ in self._client.hscan_iter(self._rows(view), count=1_000)}
        yield from sorted(name.decode("utf-8", "surrogatepass") for name in names)

    def _key(self, name: str) -> str:
        return f"{self._prefix}:{name}"

    def _rows(self, view: View) -> str:
        return self._key(f"rows:{view.name}:{view.place}")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            raise OnlineRowsUnreachable(self._where, f"{type(error).__name__}: {error}") from error


def _where(url: str) -> str:
    """Host and port, or the socket: what may be said of a URL that may hold a password.

    >>> _where("redis://:secret@db.bank:6380/2"), _where("unix://me:secret@/run/redis.sock?db=1")
    ('db.bank:6380', '/run/redis.sock')
    """
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}"


def _as_json(customer_ids: Sequence[str]) -> bytes:
    return json.dumps(customer_ids, ensure_ascii=False).encode("utf-8", "surrogatepass")
