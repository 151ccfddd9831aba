"""The BentoML service: workers, limits, health and metrics around the application.

The application is mounted at "/", behind a gate that wraps BentoML's own routes too: whatever is
not in the route table is refused, its index page, schema and task routes included.
"""

import os
import sys

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from feature_repo.errors import BankError
from feature_repo.settings import Settings
from serving.api.connection import bound_connections
from serving.api.gate import Gate
from serving.bootstrap import ScoringProcess, build


class Worker:
    """The scoring process of this worker, once BentoML has started it. Callable as its endpoints."""

    process: ScoringProcess | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the endpoints."""
        assert self.process is not None
        await self.process.endpoints(scope, receive, send)


WORKER = Worker()
bound_connections()


class FrontGate:
    """The gate around everything BentoML answers; it opens when the process is built."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gate: Gate | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let start and stop through; everything else passes the gate."""
        if self._gate is None and WORKER.process is not None:
            self._gate = WORKER.process.gate(self._app)
        await (self._gate or self._app)(scope, receive, send)


@bentoml.asgi_app(WORKER, path="/", name="api")
@bentoml.service(
    name="bank",
    workers=1,
    http={"host": "127.0.0.1"},
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class BankService:
    """Scores, decisions, loyalty and status for the bank's apps."""

    def __init__(self) -> None:
        index = bentoml.server_context.worker_index or 1
        try:
            WORKER.process = build(Settings(), f"worker-{index}")
            WORKER.process.follow()
        except BankError as error:
            sys.stderr.write(f"The service cannot start. {error}\n")
            sys.stderr.flush()
            os._exit(1)  # raised, it would be buried in two tracebacks of the server

    def __is_ready__(self) -> bool:
        """Whether a canary row can be read and decided."""
        return WORKER.process is not None and WORKER.process.engine.ready()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml has no types
    def close(self) -> None:
        """Stop following, anchor the log and close every file."""
        if WORKER.process is not None:
            WORKER.process.close()
            WORKER.process = None


BankService.add_asgi_middleware(FrontGate)  # type: ignore[attr-defined]  # the decorator made a Service
