"""One worker of the service, started by the supervisor: `python -m serving.worker_process FD NUMBER`.

BentoML's service behind uvicorn, as `bentoml serve` runs it, on a socket that is already open. Nothing
but HTTP is spoken: no websockets, no names of servers, and a connection that idles is closed.
"""

import socket
import sys

import uvicorn

FINISH_WITHIN = 10  # seconds for what is being answered when it is asked to end
IDLE = 30


def main() -> None:
    """Serve until asked to end."""
    descriptor, number = int(sys.argv[1]), int(sys.argv[2])
    from serving.service import application

    config = uvicorn.Config(
        application(number), log_config=None, access_log=False, server_header=False, ws="none",
        lifespan="on", backlog=2048, timeout_keep_alive=IDLE, timeout_graceful_shutdown=FINISH_WITHIN,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main()
