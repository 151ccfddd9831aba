"""Tells the supervisor, every second, that this worker is well; silence gets it killed."""

import asyncio
import logging
import os
from collections.abc import Callable

from serving.supervisor.child import PULSE

EVERY = 1.0
DEAD = 70  # the exit code of a worker that found itself dead
log = logging.getLogger("bank.serving")


def begin(alive: Callable[[], bool]) -> asyncio.Task[None]:
    """Begin on the running event loop; without a supervisor only whether it is alive is looked at."""
    told = os.environ.pop(PULSE, "")
    descriptor = int(told) if told else None
    if descriptor is not None:
        os.set_inheritable(descriptor, False)
    return asyncio.get_running_loop().create_task(_beat(descriptor, alive))


async def _beat(descriptor: int | None, alive: Callable[[], bool]) -> None:
    while alive():
        if descriptor is not None:
            _tell(descriptor)
        await asyncio.sleep(EVERY)
    log.error("the engine has died; this worker ends")
    os._exit(DEAD)


def _tell(descriptor: int) -> None:
    try:
        os.write(descriptor, b".")
    except OSError:  # the supervisor is gone, and this process with it in a moment
        return
