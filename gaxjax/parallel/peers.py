"""The processes of one run meet, stay connected, and notice when one of them is gone.

JAX does the same, but waits in silence and aborts with a stack of C++, a minute or more after a process has
died. So they meet before JAX begins, where its coordinator will listen, and keep the connections: the system
closes one at once when the process at its other end dies, and within a minute when the whole machine does.
"""

import contextlib
import os
import re
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gaxjax.errors import EXIT_PEER_LOST, InputError, summarize_error

PATIENCE = 30
"""Seconds that a process has to end by itself after another one has said that it ends."""


@dataclass(frozen=True)
class Place:
    """Where the processes of a run meet, how many there are, and which one this is."""

    host: str
    port: int
    count: int
    index: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Wait:
    """A wait that says what for, soon and then every minute, and raises InputError at its end."""

    def __init__(self, seconds: float):
        self._seconds, now = seconds, time.monotonic()
        self._end, self._due = now + seconds, now + 3

    def check(self, what: str) -> None:
        """To be called again and again while what is waited for does not happen."""
        now = time.monotonic()
        if now >= self._end:
            longer = "set GAXJAX_TIMEOUT to more seconds to wait for longer"
            raise InputError(f"gave up after {self._seconds:g} s of {what}; {longer}")
        if now >= self._due:
            self._due = now + 60
            print(what, file=sys.stderr, flush=True)


def meet(place: Place, seconds: float) -> dict[int, socket.socket]:
    """Connections once all are there: the primary's to every other process, theirs to the primary, by number.

    Raises InputError where some do not come in time, or come twice.
    """
    connections = (
        accept_others(place, Wait(seconds))
        if place.index == 0
        else {0: connect_to_primary(place, Wait(seconds))}
    )
    for connection in connections.values():
        # From here on threads read, and silence is what they should hear.
        connection.settimeout(None)
        keep_alive(connection)
    return connections


def accept_others(place: Place, wait: Wait) -> dict[int, socket.socket]:
    """The primary's side: takes in the others, and lets them go on together."""
    connections: dict[int, socket.socket] = {}
    try:
        with listen(place) as server:
            # Short, so that between two newcomers those that gave up are let go, and the wait can say what
            # for.
            server.settimeout(0.2)
            while len(connections) < place.count - 1:
                with contextlib.suppress(TimeoutError):
                    newcomer = server.accept()[0]
                    # Before the newcomer is asked its number: started again, it has that of its dead
                    # predecessor.
                    for index in [i for i, connection in connections.items() if is_closed(connection)]:
                        connections.pop(index).close()
                    admit(newcomer, place, connections)
                if missing := place.count - 1 - len(connections):
                    wait.check(f"waiting for {missing} of {place.count} processes at {place}")
    except InputError as error:
        for connection in connections.values():
            # They wait for an answer, and end with the same words at the same time.
            reject(connection, str(error))
        raise
    for connection in connections.values():
        # Only when all are there: whoever went on earlier would wait inside of JAX, which says nothing.
        send(connection, "go")
    return connections


def listen(place: Place) -> socket.socket:
    """A socket on all addresses of this machine, as JAX's coordinator itself has it after this one."""
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", place.port), family=socket.AF_INET6, dualstack_ipv6=True)
        return socket.create_server(("", place.port))
    except OSError as error:
        raise InputError(
            f"process 0 cannot listen at {place} ({summarize_error(error)}); use another port"
        ) from error


def admit(connection: socket.socket, place: Place, connections: dict[int, socket.socket]) -> None:
    """Takes in a process that fits; what is no process of gaxjax is not answered."""
    # What scans ports connects and says nothing; it must not hold up the processes for long.
    connection.settimeout(5)
    introduction = re.fullmatch(r"gaxjax (\d+) of (\d+)", receive(connection))
    if not introduction:
        connection.close()
        return
    index, count = int(introduction[1]), int(introduction[2])
    if count != place.count:
        reject(connection, f"process 0 is one of {place.count} processes, process {index} one of {count}")
    elif index in connections:
        reject(connection, f"there is a process {index} at {place} already; each has a number of its own")
    else:
        connections[index] = connection


def connect_to_primary(place: Place, wait: Wait) -> socket.socket:
    """The side of all others: tries until the primary is there, then waits until it has all of them."""
    why = "no answer"
    while True:
        try:
            connection = socket.create_connection((place.host, place.port), timeout=5)
        except OSError as error:
            why = summarize_error(error)
        else:
            send(connection, f"gaxjax {place.index} of {place.count}")
            answer = ""
            # Not a read that blocks: the wait has to tell what for, and to end.
            with selectors.DefaultSelector() as selector:
                selector.register(connection, selectors.EVENT_READ)
                while not selector.select(0.5):
                    wait.check(f"waiting for the others of {place.count} processes at {place}")
                answer = receive(connection)
            if answer == "go":
                return connection
            connection.close()
            if answer.startswith("no "):
                raise InputError(answer.removeprefix("no "))
            why = "it is no process of this run that answers" if answer else "it ended before all were there"
        wait.check(f"waiting for 1 of {place.count} processes at {place} (process 0: {why})")
        time.sleep(0.5)


def send(connection: socket.socket, line: str) -> None:
    """A line for the other side, if it is still there."""
    with contextlib.suppress(OSError):
        connection.sendall(f"{line}\n".encode())


def reject(connection: socket.socket, why: str) -> None:
    """Says why the other side cannot take part, and ends the connection."""
    send(connection, f"no {why}")
    connection.close()


def receive(connection: socket.socket) -> str:
    """The next line, without its end; empty when the other side has ended, or says nothing."""
    line = b""
    with contextlib.suppress(OSError):
        # Byte by byte, for what follows the line's end belongs to the next call. Not for ever: what answers
        # at this port may be any program.
        while not line.endswith(b"\n") and len(line) < 1000 and (byte := connection.recv(1)):
            line += byte
    return line.decode(errors="replace").strip()


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has ended."""
    try:
        connection.setblocking(False)
        # A look that takes nothing away. `meet` makes the connection wait again.
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def keep_alive(connection: socket.socket) -> None:
    """Lets the system notice within a minute that the machine at the other end is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # After 15 s of silence a probe, and four more 5 s apart: gone after 40 s, where the default is two hours.
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, name):  # not all systems let a program choose
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Watch:
    """Ends this process when another one is gone, for it would wait for it in vain.

    kept: what the message says of the checkpoints.
    """

    def __init__(self, connections: dict[int, socket.socket], kept_message: Callable[[], str]):
        self._connections, self._kept_message = connections, kept_message
        self._lock, self._leaving = threading.Lock(), False
        for index, connection in connections.items():
            # Daemons, lest they keep a process alive that has done its work.
            threading.Thread(target=self._follow, args=(index, connection), daemon=True).start()

    def leave(self) -> None:
        """This process is about to end by itself, and the others with it."""
        self._leaving = True
        for connection in self._connections.values():
            send(connection, "leaving")

    def _follow(self, index: int, connection: socket.socket) -> None:
        how = "is gone"
        for line in read_lines(connection):
            if line == "leaving":
                how = "has ended; its own message says why"
            elif line.startswith("gone "):
                self._end(line.removeprefix("gone "))
        # It may have ended as this process is about to, at the end of the run or by the same error: there is
        # time to do so, and to say why.
        if how != "is gone":
            time.sleep(PATIENCE)
        self._end(f"process {index} {how}")

    def _end(self, what: str) -> None:
        with self._lock:
            if self._leaving:
                return
            # Not print: the main thread may be in the middle of one, and wait there for ever.
            os.write(2, f"\nerror: {what}; {self._kept_message()}\n".encode())
            for connection in self._connections.values():
                # All but the primary are connected to the primary alone: they know of the others what it
                # passes on.
                send(connection, f"gone {what}")
            # Not an exception: the main thread waits inside of a collective, which none gets through to.
            os._exit(EXIT_PEER_LOST)


def read_lines(connection: socket.socket) -> Iterator[str]:
    """What the other side says until it ends."""
    while line := receive(connection):
        yield line
