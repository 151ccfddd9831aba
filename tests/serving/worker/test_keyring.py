"""Reserving keys for many who wait: everybody gets an answer, whatever goes wrong."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from crm_rules.database import open_database
from serving.errors import KeysUnavailable
from serving.worker.keyring import Keyring
from serving.worker.keys import Answer, Holder, IdempotencyKeys, Keyed, Reserved
from tests.conftest import AT


def keyed(number: int) -> Keyed:
    return Keyed("app", "/v1/decisions/credit", f"key-{number:05}", "b" * 64, f"d{number}")


class Failing(IdempotencyKeys):
    """Keys whose files cannot be opened any more."""

    def reserve(self, asked: Sequence[Keyed], at: str) -> list[Answer]:
        raise OSError(24, "Too many open files")


def ring(folder: Path, kind: type[IdempotencyKeys] = IdempotencyKeys) -> Keyring:
    keys = kind(open_database(folder / "keys.db"), Holder(folder / "holders", "a"))
    return Keyring(keys, lambda: AT, timedelta(hours=24))


def test_who_waits_is_told_whatever_goes_wrong(tmp_path: Path) -> None:
    keyring = ring(tmp_path, Failing)

    async def asked() -> None:
        await asyncio.wait_for(keyring.reserve(keyed(1)), 5)

    with pytest.raises(KeysUnavailable, match="OSError"):
        asyncio.run(asked())
    keyring.close()


def test_who_went_away_keeps_nobody_else_from_an_answer(tmp_path: Path) -> None:
    keyring = ring(tmp_path)

    async def both() -> Answer:
        keyring._thread.submit(asyncio.run, asyncio.sleep(0.1))  # so that both are taken together
        gone = asyncio.ensure_future(keyring.reserve(keyed(1)))
        stays = asyncio.ensure_future(keyring.reserve(keyed(2)))
        await asyncio.sleep(0)
        gone.cancel()
        return await asyncio.wait_for(stays, 5)

    assert asyncio.run(both()) == Reserved("d2")
    keyring.close()
