"""The way to JAX's coordinator goes through the process itself.

JAX aborts a process, with a stack of C++, at the moment in which its connection to the coordinator closes.
The one to here stays open, and leaves `peers.Watch` the time to say what has happened.
"""

import contextlib
import socket
import threading
import time

from gaxjax.parallel.peers import Place


def start_relay(place: Place) -> str:
    """An address in this process that leads to JAX's coordinator."""
    # On this machine alone, at a port that the system picks.
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            near = server.accept()[0]
            threading.Thread(target=connect_relay, args=(near, place), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return f"127.0.0.1:{server.getsockname()[1]}"


def connect_relay(near: socket.socket, place: Place) -> None:
    """Passes on what JAX and its coordinator say to each other."""
    while True:
        try:
            far = socket.create_connection((place.host, place.port))
            break
        except OSError:  # it listens in a moment
            time.sleep(0.05)
    # Both ways at once, for either side may speak first, or for long.
    threading.Thread(target=forward, args=(near, far), daemon=True).start()
    forward(far, near)


def forward(source: socket.socket, sink: socket.socket) -> None:
    """Until one of them ends; both stay open."""
    with contextlib.suppress(OSError):
        while data := source.recv(2**16):
            sink.sendall(data)
