"""Processes that meet, without JAX: in threads, and as small programs where one must die."""

import socket
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from launching import REPOSITORY, job

from gaxjax.errors import EXIT_PEER_LOST, InputError
from gaxjax.parallel.peers import Place, meet


def places(count: int) -> list[Place]:
    port = int(job(count)[0]["GAXJAX_COORDINATOR"].rpartition(":")[2])
    return [Place("127.0.0.1", port, count, index) for index in range(count)]


def close(met: list[dict[int, socket.socket]]) -> None:
    for connections in met:
        for connection in connections.values():
            connection.close()


def test_all_meet_in_any_order_and_strangers_are_passed_over() -> None:
    three = places(3)
    with ThreadPoolExecutor() as pool:
        futures = [pool.submit(meet, place, 20) for place in (three[2], three[0])]
        with until_listening(three[0]) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\n")
            assert stranger.recv(100) == b""
        last = meet(three[1], 20)
        second, first = [future.result() for future in futures]
    assert (sorted(first), list(second), list(last)) == ([1, 2], [0], [0])
    for index, other in ((1, last), (2, second)):
        first[index].sendall(b"x")
        assert other[0].recv(1) == b"x"
    close([first, second, last])


def until_listening(place: Place) -> socket.socket:
    while True:
        try:
            return socket.create_connection((place.host, place.port))
        except OSError:
            time.sleep(0.05)


def test_what_does_not_fit_is_refused() -> None:
    """The second of one number, one of a smaller run; those who came hear that others did not."""
    three = places(3)
    with ThreadPoolExecutor() as pool:
        primary = pool.submit(meet, three[0], 2)
        both: list[Future[Any]] = [pool.submit(meet, three[1], 20) for _ in range(2)]
        with pytest.raises(InputError, match=r"^process 0 is one of 3 processes, process 1 one of 2$"):
            meet(Place("127.0.0.1", three[0].port, 2, 1), 20)
        refusals = sorted(str(future.exception()) for future in [*both, primary])
    missing = f"gave up after 2 s of waiting for 1 of 3 processes at {three[0]}"
    assert refusals[0].startswith(missing) and refusals[1] == refusals[0]
    assert refusals[2].startswith(f"there is a process 1 at {three[0]} already")


def test_a_port_in_use_is_named() -> None:
    first = places(2)[0]
    with (
        socket.create_server(("", first.port)),
        pytest.raises(InputError, match=rf"^process 0 cannot listen at {first} .*; use another port$"),
    ):
        meet(first, 2)


PROGRAM = """
import os, sys, time
from gaxjax.parallel.peers import Place, Watch, meet
port, index, deed = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
watch = Watch(meet(Place("127.0.0.1", port, 3, index), 30), lambda: "checkpoint 5 is kept")
print("met", flush=True)
sys.stdin.readline()
if deed == "leave":
    watch.leave()
elif deed == "wait":
    time.sleep(60)
    os._exit(9)
os._exit(1 if deed == "die" else 0)
"""


def ends(*deeds: str) -> list[tuple[int, str]]:
    """Status and errors of three processes that have met, and then do what they are told."""
    port = str(places(3)[0].port)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, port, str(index), deed],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index, deed in enumerate(deeds)
    ]
    assert [process.stdout and process.stdout.readline() for process in processes] == ["met\n"] * 3
    errors = [process.communicate("\n", timeout=50)[1] for process in processes[::-1]][::-1]
    return [(process.returncode, text) for process, text in zip(processes, errors, strict=True)]


def test_all_others_end_when_one_dies(tmp_path: Path) -> None:
    line = "\nerror: process 2 is gone; checkpoint 5 is kept\n"
    assert ends("wait", "wait", "die") == [(EXIT_PEER_LOST, line), (EXIT_PEER_LOST, line), (1, "")]


def test_nobody_is_gone_when_all_leave() -> None:
    assert ends("leave", "leave", "leave") == [(0, "")] * 3
