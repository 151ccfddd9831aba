"""Serving a home: what is refused before anything starts, in the foreground or behind, and its end."""

import errno
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from http.client import HTTPConnection
from pathlib import Path

from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from feature_repo.settings import Settings
from serving.auth import token_key
from serving.errors import AlreadyServed, CannotListen, DidNotStart, PortInUse
from serving.supervisor.held import Serving, holder
from training.release.current import current, last_seen

ROOT = Path(__file__).parents[2]
LOG = "serve.log"
STARTS_WITHIN, ENDS_WITHIN, LOOK = 120.0, 30.0, 0.05


def serve_in_foreground(settings: Settings, events: bool = True) -> None:
    """Replace this process by the supervisor of the service."""
    command, environment = _prepared(settings, events)
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)


def serve_behind(settings: Settings, events: bool = True) -> Serving:
    """Start the supervisor apart from this terminal; who serves, once a canary is decided.

    DidNotStart says why it ended instead. What it tells is in `serve.log` of the home, mode 0600.
    """
    command, environment = _prepared(settings, events)
    path = settings.home.absolute() / LOG
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as said:
        begin = said.tell()
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    deadline = time.monotonic() + STARTS_WITHIN
    while server.poll() is None and time.monotonic() < deadline:
        serving = holder(settings.home)
        if serving is not None and serving.pid == server.pid and _ready(settings):
            return serving
        time.sleep(LOOK)
    server.terminate()
    server.wait()
    raise DidNotStart(_last_line(path, begin), path)


def stop(settings: Settings) -> str:
    """End whoever serves this home, and how that went in one sentence."""
    serving = holder(settings.home)
    if serving is None or not serving.alive:
        return f"Nothing serves {settings.home.absolute()}."
    began = time.monotonic()
    os.kill(serving.pid, signal.SIGTERM)
    while serving.alive:
        if time.monotonic() - began > ENDS_WITHIN:
            os.kill(serving.pid, signal.SIGKILL)
            return f"Process {serving.pid} did not end within {ENDS_WITHIN:.0f} s and was killed."
        time.sleep(LOOK)
    took = time.monotonic() - began
    return f"Process {serving.pid} on port {serving.port} finished its answers and ended in {took:.1f} s."


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


def _prepared(settings: Settings, events: bool) -> tuple[list[str], dict[str, str]]:
    """The supervisor's command and environment, after the refusals that need no worker."""
    other = holder(settings.home)
    if other is not None:
        raise AlreadyServed(settings.home.absolute(), other.pid, other.port)
    require_free_port(settings)
    trust = Trust.of(settings)
    current(settings.releases, trust, last_seen(Heads(settings.heads)))
    token_key(settings.keys)
    home = settings.home.absolute()
    scratch = _scratch(home)
    counters = scratch / "counters"
    shutil.rmtree(counters, ignore_errors=True)
    counters.mkdir(mode=0o700)
    told = {
        "BANK_HOME": str(home), "BANK_HOST": settings.host, "BANK_PORT": str(settings.port),
        "BENTOML_HOME": str(scratch), "PROMETHEUS_MULTIPROC_DIR": str(counters),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }  # fmt: skip
    command = [sys.executable, "-P", "-m", "serving.supervisor", str(home), settings.host, str(settings.port)]
    command += [str(settings.workers), *(["--events"] if events and _has_raw_tables(settings) else [])]
    return command, {**os.environ, **told}


def _has_raw_tables(settings: Settings) -> bool:
    """Whether events have tables to go to: a home that only serves a release has none."""
    return (settings.raw / "source.json").is_file()


def _ready(settings: Settings) -> bool:
    connection = HTTPConnection(settings.host, settings.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _last_line(path: Path, begin: int) -> str:
    with path.open("rb") as said:
        said.seek(begin)
        lines = said.read().decode(errors="replace").strip().splitlines()
    told = [line for line in lines if not line.startswith("{")] or lines
    return told[-1] if told else "it said nothing"


def _scratch(home: Path) -> Path:
    """The folder of this home's service for counters, which are files mapped into memory.

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
