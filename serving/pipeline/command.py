"""What the commands of this room do once their arguments are parsed."""

import errno
import hashlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from feature_repo.errors import BankError
from feature_repo.raw.mapping import find as find_mapping
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.bootstrap import build, open_archive
from serving.pipeline import closing
from serving.pipeline.bootstrap import demo_people
from serving.pipeline.journal import Journal
from serving.pipeline.progress import Progress, Stopwatch
from serving.pipeline.run import TITLES, Run, main_job
from serving.pipeline.step import Wanted

INTERRUPTED = 130


class PortInUse(BankError, OSError):
    """Something else listens on the port."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        super().__init__(
            f"Port {port} on {host} is in use. Stop what listens there, or take another: "
            f"bank serve --port {port + 1} (or BANK_PORT={port + 1})."
        )


class CannotListen(BankError, OSError):
    """The address is none of this machine's, or not for everybody."""

    def __init__(self, host: str, port: int, found: str) -> None:
        self.host, self.port = host, port
        super().__init__(
            f"Nothing can listen on {host}, port {port} ({found}). "
            f"Take an address of this machine: bank serve --host 127.0.0.1 --port 3000."
        )


@dataclass(frozen=True)
class Options:
    """How `bank run` ends."""

    serve: bool
    json: bool


def run_main_job(settings: Settings, wanted: Wanted, options: Options) -> None:
    """Take every step, show a decision, then serve or end."""
    if options.serve and not options.json:
        require_free_port(settings)
    if wanted.data is not None:
        find_mapping(wanted.data, wanted.mapping).present(wanted.data)  # or nothing is begun
    progress, watch = Progress(to_stderr=options.json), Stopwatch()
    run = Run(settings, demo_people(settings), progress, Journal(settings.home / "run.json"))
    try:
        main_job(run, wanted)
    except KeyboardInterrupt:
        progress.say("\nInterrupted. Finished steps are kept: the same command goes on from here.")
        raise typer.Exit(INTERRUPTED) from None
    found = closing.examples(settings)
    progress.say(f"\nDone in {watch.seconds:.1f} s. Everything is under {settings.home.absolute()}.")
    closing.show(progress, found)
    serving = options.serve and not options.json
    token = closing.demo_token(settings)
    closing.farewell(progress, settings, closing.example_customer(settings), token, serving)
    if options.json:
        typer.echo(json.dumps(_as_data(run, found, watch.seconds), ensure_ascii=False))
    elif serving:
        progress.heading(f"Serving on http://{settings.host}:{settings.port}, Ctrl-C ends it")
        serve_in_foreground(settings)


def _as_data(run: Run, found: Mapping[str, closing.Answer], seconds: float) -> dict[str, object]:
    figures = {name: done.figures for name, done in run.done.items()}
    return {
        "seconds": seconds,
        "steps": [
            {"name": name, "seconds": done.seconds, "rows": done.rows, "again": name in run.again}
            for name, done in run.done.items()
        ],
        "models": {name: _metrics(figures[name]) for name in TITLES},
        "release": figures["release"]["release"],
        "promotion": figures["release"],
        "decision": found.get("credit") or found.get("next_best_action"),
        "decisions": {**found},
        "drift": figures["drift"],
    }


def _metrics(figures: Mapping[str, object]) -> object:
    """A model's own figures, then those of each member by its name."""
    if "left_out" in figures:
        return {"left_out": figures["left_out"]}
    found = figures["metrics"]
    assert isinstance(found, dict)
    return {**{k: v for k, v in found.items() if k != "members"}, **found.get("members", {})}


def serve_in_foreground(settings: Settings) -> None:
    """Replace this process by the service; every refusal comes before that, as one sentence."""
    require_free_port(settings)
    build(settings, "worker-1").close()
    home = settings.home.absolute()
    os.environ.update(
        BANK_HOME=str(home),
        BANK_HOST=settings.host,
        BANK_PORT=str(settings.port),
        BENTOML_HOME=str(_scratch(home)),
    )
    command = [sys.executable, "-m", "bentoml", "serve", "serving.service:BankService"]
    command += ["--host", settings.host, "--port", str(settings.port)]
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _scratch(home: Path) -> Path:
    """The folder of this home's service for BentoML's counters, which are files mapped into memory.

    In memory where there is such a disk: a mapped file on a full disk kills the process that counts
    (SIGBUS), and then a full BANK_HOME would be no answer at all instead of a 503.
    """
    memory = Path("/dev/shm")
    disk = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    name = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    folder = disk / f"bank-serve-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():  # somebody else was first
        return Path(tempfile.mkdtemp(prefix="bank-serve-", dir=disk))
    return folder


def require_free_port(settings: Settings) -> None:
    """PortInUse when something listens there already, CannotListen when nothing could."""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(settings.host, settings.port) from error
            raise CannotListen(settings.host, settings.port, str(error.strerror)) from error


def replay(settings: Settings, decision_id: str) -> tuple[bool, str]:
    """Compute a decision again from its record alone; whether it is the same to the bit."""
    payload = DecisionLogs.of(settings).find(decision_id)
    again = open_archive(settings).replay(payload)
    if again.same:
        return True, f"Decision {decision_id} computes again to the same bytes."
    return (
        False,
        f"Decision {decision_id} does NOT compute again to the same bytes; it said:\n{again.body.decode()}",
    )
