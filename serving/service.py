"""The BentoML service: workers, limits and health around the application.

The application is mounted at "/", behind a gate that wraps BentoML's own routes too: whatever is
not in the route table is refused, its index page, schema and task routes included. Its own metrics,
which name raw paths, are switched off; /metrics tells ours.
"""

import gc
import logging
import os
import sys

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from feature_repo.errors import BankError
from feature_repo.settings import Settings
from serving.api.connection import bound_connections
from serving.api.observed import MetricsRoute, Observed
from serving.auth import CLOSED, OPEN, ROUTES
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.worker import build
from serving.supervisor.bound import bind
from serving.supervisor.child import REFUSED
from serving.worker import well
from serving.worker.logs import only_ours
from serving.worker.metrics import Metrics, counting_as

PATHS = frozenset(path for _, path in {**ROUTES, **CLOSED}) | {path for _, path in OPEN}


class Worker:
    """The scoring process of this worker, once BentoML has started it. Callable as its endpoints."""

    process: ScoringProcess | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request to the endpoints."""
        assert self.process is not None
        await self.process.endpoints(scope, receive, send)


WORKER = Worker()
bound_connections()
log = logging.getLogger("bank.serving")


class FrontGate:
    """The gate around everything BentoML answers; it opens when the process is built."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._gate: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let start and stop through; everything else passes the gate."""
        if self._gate is None and WORKER.process is not None:
            process = WORKER.process
            gate = process.gate(MetricsRoute(self._app, process.metrics, process.look))
            self._gate = Observed(gate, process.metrics, PATHS, process.access_log)
        await (self._gate or self._app)(scope, receive, send)


@bentoml.asgi_app(WORKER, path="/", name="api")
@bentoml.service(
    name="bank",
    workers=1,
    http={"host": "127.0.0.1"},
    traffic={"timeout": 30},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
    tracing={"excluded_urls": ".*"},
)
class BankService:
    """Scores, decisions, loyalty and status for the bank's apps."""

    def __init__(self) -> None:
        bind(os.getppid())  # whoever started it: no worker outlives its parent
        only_ours()
        index = bentoml.server_context.worker_index or 1
        metrics = Metrics(PATHS, shared=counting_as(index))
        try:
            WORKER.process = build(Settings(), f"worker-{index}", metrics=metrics)
        except BankError as error:
            sys.stderr.write(f"The service cannot start. {error}\n")
            sys.stderr.flush()
            os._exit(REFUSED)  # raised, it would be buried in two tracebacks of the server
        WORKER.process.follow()
        _settle()
        self._beat = well.begin(WORKER.process.alive)

    def __is_alive__(self) -> bool:
        """Whether what answers is running."""
        return WORKER.process is not None and WORKER.process.alive()

    def __is_ready__(self) -> bool:
        """Whether a canary row can be read and decided, and decisions can be kept."""
        try:
            return WORKER.process is not None and WORKER.process.ready()
        except Exception:
            log.exception("the canary cannot be decided")
            return False

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]  # bentoml has no types
    def close(self) -> None:
        """Stop following, anchor the log and close every file."""
        self._beat.cancel()
        if WORKER.process is not None:
            WORKER.process.close()
            WORKER.process = None


BankService.add_asgi_middleware(FrontGate)  # type: ignore[attr-defined]  # the decorator made a Service


def application(number: int) -> ASGIApp:
    """The whole application of one worker, by its number from 1."""
    bentoml.server_context.worker_index = number
    app: ASGIApp = BankService.to_asgi(is_main=True)  # type: ignore[attr-defined]
    return app


def _settle() -> None:
    """Take what was loaded out of the collector's sight: its full passes made the slowest answers.

    Threads that wait for each other's turn, as those of the engine, the writer and the event loop do, get it
    sooner than the 5 ms they wait by default.
    """
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
