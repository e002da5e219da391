"""The tracker against nginx of the same machine and run: pixels, clicks with an acknowledged event, the spool.

nginx answers `empty_gif` and `return 302` with two workers; the tracker runs as `ikusei tracker` does, two
processes. wrk asks both over 128 connections with genuine tokens of 20,000 mails, nginx and tracker in turn, three
times; a ratio is the median of the three. Clicks are measured with `appendfsync always`, then `everysec`, then with
Redis away (the fsynced spool). python -m tests.bench.track [--seconds 2] [--rounds 3] --json
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from campaigns import tracker
from campaigns.children import Children
from campaigns.parts import Parts
from campaigns.settings import Settings
from tests.bench.installation import House, house
from tests.bench.processes import cpu_s
from tracking_pixel.links import Links

MAILS = 20_000
CONNECTIONS = 128  # so many clicks wait for their groups at once
TARGET = "https://www.example.co.jp/case/"
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"

NGINX = """
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location /o/ {{ empty_gif; }}
    location /c/ {{ return 302 {target}; }}
  }}
}}
"""

# The requests are made before the first is sent, so that making them costs both sides the same: nothing.
SCRIPT = """
local made, n = {}, 0
function init(args)
  for line in io.lines(args[1]) do
    made[#made + 1] = wrk.format("GET", line, {["User-Agent"] = "%s"})
  end
  n = math.random(#made)
end
function request() n = n %% #made + 1; return made[n] end
function done(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(99), summary.errors.status + summary.errors.timeout + summary.errors.read))
end
"""


@dataclass(frozen=True, slots=True)
class Report:
    """Ratios to nginx of this run; rates are requests a second, times milliseconds.

    click_*: with `appendfsync always` unless named. click_p99_ms: at half the rate reached. spool_ratio: clicks
    with Redis away. *_by_cpu: the same ratios by the processor time that a request takes, all processes that take part in
    it counted (server, Redis, wrk), the least of the rounds: what both would reach with the machine to themselves.
    *_cpu_us: of the tracker's processes alone. load: one minute's of the machine, before.
    """

    pixel_ratio: float
    click_ratio: float
    click_ratio_everysec: float
    spool_ratio: float
    click_p99_ms: float
    pixel_ratio_by_cpu: float
    click_ratio_by_cpu: float
    click_ratio_everysec_by_cpu: float
    nginx_pixel_per_s: float
    nginx_click_per_s: float
    pixel_per_s: float
    click_per_s: float
    click_everysec_per_s: float
    spool_per_s: float
    pixel_cpu_us: float
    click_cpu_us: float
    errors: int
    stored: int
    load: float


@dataclass(frozen=True, slots=True)
class Run:
    per_s: float
    p99_ms: float
    requests: int
    errors: int
    cpu_us: float
    all_cpu_us: float


@dataclass(frozen=True, slots=True)
class Pair:
    """The rounds of nginx and tracker in turn."""

    rounds: list[tuple[Run, Run]]

    @property
    def ratio(self) -> float:
        return round(median(own.per_s / limit.per_s for limit, own in self.rounds), 3)

    @property
    def per_s(self) -> int:
        return round(median(own.per_s for _, own in self.rounds))

    @property
    def limit_per_s(self) -> int:
        return round(median(limit.per_s for limit, _ in self.rounds))

    @property
    def cpu_us(self) -> float:
        return round(min(own.cpu_us for _, own in self.rounds), 1)

    @property
    def ratio_by_cpu(self) -> float:
        limit, own = (min(pair[n].all_cpu_us for pair in self.rounds) for n in (0, 1))
        return round(limit / own, 3)

    @property
    def errors(self) -> int:
        return sum(limit.errors + own.errors for limit, own in self.rounds)


def measure(*, seconds: int, rounds: int) -> Report:
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="ikusei-track-"))
    folder.chmod(0o755)
    # As in real use: in practice mode the tracker reads the time that the house has travelled to.
    changed = {"smtp_url": "smtp://127.0.0.1:1", "base_url": "https://m.example.co.jp"}
    try:
        with house(tracker=f"127.0.0.1:{free_port()}", **changed) as own:
            _write(folder, own.parts)
            return _measured(folder, own, seconds=seconds, rounds=rounds, load=load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, own: House, *, seconds: int, rounds: int, load: float) -> Report:
    settings = own.parts.settings
    port = int(settings.tracker.rpartition(":")[2])
    redis = [own.servers["valkey"].process.pid]
    with _nginx(folder) as (limit, nginx), _tracker(settings, port) as processes:

        def in_turn(name: str) -> Pair:
            pairs = [
                (
                    _wrk(folder, limit, name, seconds=seconds, of=nginx),
                    _wrk(folder, port, name, seconds=seconds, of=processes, beside=redis),
                )
                for _ in range(rounds)
            ]
            return Pair(pairs)

        pixel, click = in_turn("pixel"), in_turn("click")
        calm = _half(folder, port, click.per_s, seconds=seconds)
        own.parts.redis.config_set("appendfsync", "everysec")
        everysec = in_turn("click")
        time.sleep(0.5)
        stored = _stored(own.parts)
        own.servers["valkey"].stop()
        redis.clear()
        spool = in_turn("click")
    return Report(
        pixel_ratio=pixel.ratio,
        click_ratio=click.ratio,
        click_ratio_everysec=everysec.ratio,
        spool_ratio=spool.ratio,
        click_p99_ms=round(calm.p99_ms, 1),
        pixel_ratio_by_cpu=pixel.ratio_by_cpu,
        click_ratio_by_cpu=click.ratio_by_cpu,
        click_ratio_everysec_by_cpu=everysec.ratio_by_cpu,
        nginx_pixel_per_s=pixel.limit_per_s,
        nginx_click_per_s=click.limit_per_s,
        pixel_per_s=pixel.per_s,
        click_per_s=click.per_s,
        click_everysec_per_s=everysec.per_s,
        spool_per_s=spool.per_s,
        pixel_cpu_us=pixel.cpu_us,
        click_cpu_us=click.cpu_us,
        errors=calm.errors + sum(pair.errors for pair in (pixel, click, everysec, spool)),
        stored=stored,
        load=round(load, 2),
    )


def _write(folder: Path, parts: Parts) -> None:
    links = Links(parts.signer, "http://x")
    pixels = [links.open_url(id).removeprefix("http://x") for id in range(1, MAILS + 1)]
    clicks = [links.click_url(id, 1, TARGET).removeprefix("http://x") for id in range(1, MAILS + 1)]
    (folder / "pixel.txt").write_text("\n".join(pixels))
    (folder / "click.txt").write_text("\n".join(clicks))
    (folder / "ask.lua").write_text(SCRIPT % AGENT)


@contextmanager
def _nginx(folder: Path) -> Iterator[tuple[int, list[int]]]:
    """Its port, and its processes' ids."""
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, target=TARGET))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port, _family(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextmanager
def _tracker(settings: Settings, port: int) -> Iterator[list[int]]:
    """Its processes' ids."""
    children = Children(settings)
    children.start(tracker.commands(settings))
    try:
        _wait(port)
        time.sleep(1.5)  # both processes
        yield [pid for row in children.rows if row.process for pid in _family(row.process.pid)]
    finally:
        children.stop()


def _family(pid: int) -> list[int]:
    """The process and those that it has started."""
    born = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return [pid, *(one for child in born for one in _family(child))]


def _wrk(
    folder: Path,
    port: int,
    name: str,
    *,
    seconds: int,
    connections: int = CONNECTIONS,
    of: Sequence[int] = (),
    beside: Sequence[int] = (),
) -> Run:
    """of: the server's processes; beside: those that work for it."""
    command = [
        "wrk",
        "-t2",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        "-s",
        str(folder / "ask.lua"),
    ]
    command += [f"http://127.0.0.1:{port}", "--", str(folder / f"{name}.txt")]
    before, before_all = _spent_s(of), _spent_s([*of, *beside], with_ended=True)
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    spent_s = _spent_s(of) - before
    all_s = _spent_s([*of, *beside], with_ended=True) - before_all
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", told)
    assert found, told
    requests, micros, p99, errors = map(int, found.groups())
    each = 1e6 / max(requests, 1)
    return Run(requests / (micros / 1e6), p99 / 1000, requests, errors, spent_s * each, all_s * each)


def _spent_s(pids: Sequence[int], *, with_ended: bool = False) -> float:
    """Processor time of these; with_ended: and of our children that have ended, which is wrk."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(map(cpu_s, pids)) + (ended.ru_utime + ended.ru_stime if with_ended else 0.0)


def _half(folder: Path, port: int, per_s: float, *, seconds: int) -> Run:
    """With so many connections as give about half of that rate: wrk keeps each of them busy."""
    found = None
    for connections in (96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 2):
        found = _wrk(folder, port, "click", seconds=seconds, connections=connections)
        if found.per_s <= per_s * 0.55:
            break
    assert found
    return found


def _stored(parts: Parts) -> int:
    """Entries of the stream; each holds the events of one write."""
    return int(parts.redis.xlen("ikusei:events"))  # type: ignore[arg-type]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the server does not answer")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(seconds=options.seconds, rounds=options.rounds)
    if options.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
