"""What `recurra serve` carries: texts that are streamed at once, clients that come and go, requests without end.

    python benchmarks/serve_load.py [RUN] [--sessions 64] [--length 200] [--visits 1000]

The server is a process of its own, its clients are in this one, connections of plain sockets. Without RUN a character
model of 256 LSTM units and 65 characters is trained for a few steps first: speed does not depend on what it learned.

Tokens a second are over all streams, from the first request to the last event; a token's time is what passes between
two events of a stream. On a machine that others load both are the machine's as well: the processor time that the server
took for a token says what it would be without them, and how busy all cores were stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

import recurra

TICKS = os.sysconf("SC_CLK_TCK")
CHARACTERS = string.ascii_letters + " .,;:'!?-&$3\n"


def trained(folder: Path) -> Path:
    """A run of 256 units, of random text."""
    draw = random.Random(0)
    text = folder / "text.txt"
    text.write_text("".join(draw.choice(CHARACTERS) for _ in range(40_000)), encoding="utf-8")
    run = recurra.train(
        text, out=folder / "run", task="language", level="char", hidden_size=256, epochs=1, quiet=True, overwrite=True
    )
    return Path(run.folder)


@contextmanager
def served(run: Path, *options: str) -> Iterator[tuple[int, int]]:
    """The server's port and process."""
    command = [sys.executable, "-m", "recurra", "serve", str(run), "--port", "0", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    if " at http://" not in line:
        raise SystemExit(line + process.stderr.read())
    try:
        yield int(line.split(" at http://")[1].split(";")[0].rpartition(":")[2]), process.pid
    finally:
        process.terminate()
        process.wait(60)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int, what: str = "VmRSS") -> float:
    """MB, now or at most (VmHWM)."""
    found = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(what))
    return int(found.split()[1]) / 1024


def busy() -> tuple[float, float]:
    """Seconds that this machine's cores worked, and that they were there."""
    fields = [int(n) for n in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS, sum(fields) / TICKS


def metric(port: int, name: str) -> float:
    with urlopen(f"http://127.0.0.1:{port}/metrics") as found:
        lines = found.read().decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def request(path: str, document: object) -> bytes:
    body = json.dumps(document).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    return f"{head}Connection: close\r\n\r\n".encode() + body


async def streamed(port: int, length: int, seed: int) -> list[float]:
    """When each event of a text arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    asked = {"prompt": "the ", "length": length, "seed": seed, "stream": True, "temperature": 0.8}
    writer.write(request("/generate", asked))
    times = []
    async for line in reader:
        if line.startswith(b'data: {"text"'):
            times.append(time.perf_counter())
        elif line.startswith(b"event: error"):
            raise SystemExit((await reader.readline()).decode())
    writer.close()
    if len(times) != length:
        raise SystemExit(f"{len(times)} of {length} tokens arrived")
    return times


async def load(port: int, pid: int, sessions: int, length: int) -> None:
    before, machine, begun = processor_seconds(pid), busy(), time.perf_counter()
    own = time.process_time()
    found = await asyncio.gather(*(streamed(port, length, seed) for seed in range(sessions)))
    seconds, used = time.perf_counter() - begun, processor_seconds(pid) - before
    worked, there = (b - a for a, b in zip(machine, busy(), strict=True))
    gaps = sorted(b - a for times in found for a, b in pairwise(times))
    first = sorted(times[0] - begun for times in found)
    count = sessions * length
    print(f"{sessions} streams of {length} tokens in {seconds:.2f} s: {count / seconds:,.0f} tokens a second")
    median, p99, most = (1e3 * gaps[place] for place in (len(gaps) // 2, len(gaps) * 99 // 100, -1))
    print(f"  between two tokens: median {median:.1f} ms, p99 {p99:.1f} ms, most {most:.1f} ms")
    print(f"  to the first token: median {1e3 * first[len(first) // 2]:.0f} ms, most {1e3 * first[-1]:.0f} ms")
    print(f"  processor: server {1e6 * used / count:.0f} us a token, {count / used:,.0f} tokens a second of one core")
    print(f"  clients {time.process_time() - own:.2f} s of the processor in the same time")
    share, own_share = 100 * worked / there, 100 * used / there
    print(f"  all cores were busy {share:.0f} % of the time, the server had {own_share:.0f} % of it")


async def visit(port: int, number: int) -> None:
    """Begin a stream, or a session, and leave it: before the answer, in the midst of it, or after some of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path, asked = ("/generate", {"prompt": "a", "length": 5_000, "stream": True})
    if number % 4 == 3:
        path, asked = "/sessions", {"stream": True}
    writer.write(request(path, asked))
    await writer.drain()
    if number % 4:
        await reader.readline()
    if number % 4 == 2:
        await reader.read(2_000)
    writer.transport.abort()


async def visits(port: int, pid: int, count: int) -> None:
    for _ in range(3):
        await asyncio.gather(*(visit(port, k) for k in range(40)))
    await asyncio.sleep(1)
    before = resident(pid)
    for start in range(0, count, 20):
        await asyncio.gather(*(visit(port, start + k) for k in range(20)))
    left = time.perf_counter()
    while any([await asyncio.to_thread(metric, port, f"recurra_{each}") for each in ("sessions", "sequences")]):
        await asyncio.sleep(0.02)
    freed = time.perf_counter() - left
    print(f"{count:,} connects and disconnects: sessions 0, sequences 0, {freed:.2f} s after the last")
    print(f"  memory {before:.1f} MB before, {resident(pid):.1f} MB after")


async def answered(port: int, sent: bytes, more: Iterator[bytes] = iter(())) -> str:
    """The status of what a request gets, however much of it is taken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    line = asyncio.ensure_future(reader.readline())
    try:
        for piece in more:
            writer.write(piece)
            await writer.drain()
            if line.done():
                break
    except ConnectionError:
        pass
    status = (await line).decode().strip()
    writer.transport.abort()
    return status or "closed"


def forever(piece: bytes, count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield piece


async def hostile(port: int, pid: int) -> None:
    before = resident(pid)
    json_head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunked = json_head + b"Transfer-Encoding: chunked\r\n\r\n"
    megabyte = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    gigabyte = json_head + b"Content-Length: 1000000000\r\n\r\n"
    nested = json_head + b"Content-Length: 500000\r\n\r\n" + b"[" * 500_000
    host, origin = b"GET /health HTTP/1.1\r\nHost: ", b"\r\nOrigin: https://evil.example"
    cases = {
        "a body of 1 GB, announced": answered(port, gigabyte, forever(bytes(1 << 20), 954)),
        "a body of 1 GB, in chunks": answered(port, chunked, forever(megabyte, 954)),
        "length 1e9": answered(port, request("/generate", {"length": 1_000_000_000})),
        "100,000 items": answered(port, request("/predict", {"inputs": ["a"] * 100_000})),
        "a body nested 500,000 deep": answered(port, nested),
        "another Host": answered(port, host + b"evil.example\r\n\r\n"),
        "another Origin": answered(port, host + b"localhost" + origin + b"\r\n\r\n"),
        "a path out of the folder": answered(port, b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        "a pickle": answered(port, b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n\x80\x04N."),
        "a head that never ends": answered(port, b"GET /health HTTP/1.1\r\nX: "),
        "a body that never comes": answered(port, json_head + b"Content-Length: 10\r\n\r\n["),
    }
    for name, case in cases.items():
        begun = time.perf_counter()
        print(f"  {name}: {await case} after {time.perf_counter() - begun:.1f} s")
    most = resident(pid, "VmHWM") - before
    print(f"  memory {before:.1f} MB before, {resident(pid):.1f} MB after, {most:.1f} MB more at most")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("--sessions", type=int, default=64)
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--visits", type=int, default=1_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = given.run or trained(Path(folder))
        with served(run) as (port, pid):
            asyncio.run(load(port, pid, min(8, given.sessions), 50))
            asyncio.run(load(port, pid, given.sessions, given.length))
            if given.visits:
                asyncio.run(visits(port, pid, given.visits))
        with served(run) as (port, pid):
            asyncio.run(answered_once(port))
            asyncio.run(hostile(port, pid))


async def answered_once(port: int) -> None:
    """What any server allocates with its first requests."""
    for _ in range(3):
        await answered(port, request("/predict", {"inputs": ["a"]}))
        await answered(port, request("/generate", {"length": 5}))


if __name__ == "__main__":
    main()
