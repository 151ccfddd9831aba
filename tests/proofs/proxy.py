"""A wire between the service and a server it depends on, which can be cut or go silent."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum


class Wire(Enum):
    """How the wire is: whole, cut (connections refused and broken), or silent (nothing comes through)."""

    WHOLE = "whole"
    CUT = "stopped"
    SILENT = "hung"


class Proxy:
    """Forwards a port of its own to a server, as the wire is. `set` changes it at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target, self._wire = (host, port), Wire.WHOLE
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._selector, self._lock = selectors.DefaultSelector(), threading.Lock()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def set(self, wire: Wire) -> None:
        """From now on the wire is so; cutting it breaks every connection."""
        with self._lock:
            self._wire = wire
            if wire is Wire.CUT:
                for each in [*self._pairs]:
                    self._break(each)

    def close(self) -> None:
        """End."""
        self._ends = True
        self._thread.join()
        self.set(Wire.CUT)
        self._listener.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._ends:
            ready = self._selector.select(0.05)
            with self._lock:
                for key, _ in ready:
                    if self._wire is Wire.SILENT:
                        continue
                    self._accept() if key.fileobj is self._listener else self._forward(key.fileobj)
            if self._wire is Wire.SILENT:
                threading.Event().wait(0.02)  # what came stays unread

    def _accept(self) -> None:
        with suppress(OSError):
            came, _ = self._listener.accept()
            if self._wire is Wire.CUT:
                came.close()
                return
            try:
                there = socket.create_connection(self._target, 5)
            except OSError:
                came.close()
                return
            for one, other in ((came, there), (there, came)):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pairs[one] = other
                self._selector.register(one, selectors.EVENT_READ)

    def _forward(self, source: object) -> None:
        assert isinstance(source, socket.socket)
        if source not in self._pairs:
            return
        try:
            data = source.recv(65_536)
            if data:
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._break(source)

    def _break(self, one: socket.socket) -> None:
        other = self._pairs.pop(one, None)
        for each in (one, other):
            if each is not None:
                self._pairs.pop(each, None)
                with suppress(KeyError, ValueError):
                    self._selector.unregister(each)
                each.close()


@contextmanager
def proxied(host: str, port: int) -> Iterator[Proxy]:
    """A proxy to that server until the end of the block."""
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.close()
