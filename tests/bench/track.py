"""The tracker against nginx of the same machine and run: pixels, clicks with an acknowledged event, the spool.

nginx answers `empty_gif` and `return 302` with two workers; the tracker runs as `ikusei tracker` does, two
processes. wrk asks both with genuine tokens of 20,000 mails. Clicks are measured with `appendfsync always`, then
`everysec`, then with Redis away (the fsynced spool). python -m tests.bench.track [--seconds 5] --json
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from campaigns import tracker
from campaigns.children import Children
from campaigns.parts import Parts
from campaigns.settings import Settings
from tests.bench.installation import House, house
from tracking_pixel.links import Links

MAILS = 20_000
CONNECTIONS = 64
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
    with Redis away. load: one minute's of the machine, before.
    """

    pixel_ratio: float
    click_ratio: float
    click_ratio_everysec: float
    spool_ratio: float
    click_p99_ms: float
    nginx_pixel_per_s: float
    nginx_click_per_s: float
    pixel_per_s: float
    click_per_s: float
    click_everysec_per_s: float
    spool_per_s: float
    errors: int
    stored: int
    load: float


@dataclass(frozen=True, slots=True)
class Run:
    per_s: float
    p99_ms: float
    requests: int
    errors: int


def measure(*, seconds: float) -> Report:
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="ikusei-track-"))
    folder.chmod(0o755)
    try:
        with house(tracker=f"127.0.0.1:{_free_port()}") as own:
            _write(folder, own.parts)
            return _measured(folder, own, seconds=seconds, load=load)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, own: House, *, seconds: float, load: float) -> Report:
    with _nginx(folder) as port:
        limits = [_wrk(folder, port, name, seconds=seconds) for name in ("pixel", "click")]
    settings = own.parts.settings
    port = int(settings.tracker.rpartition(":")[2])
    with _tracker(settings, port):
        pixel = _wrk(folder, port, "pixel", seconds=seconds)
        click = _wrk(folder, port, "click", seconds=seconds)
        calm = _half(folder, port, click.per_s, seconds=seconds)
        own.parts.redis.config_set("appendfsync", "everysec")
        everysec = _wrk(folder, port, "click", seconds=seconds)
        time.sleep(0.5)
        stored = _stored(own.parts)
        own.servers["valkey"].stop()
        spool = _wrk(folder, port, "click", seconds=seconds)
    runs = (pixel, click, calm, everysec, spool)
    return Report(
        pixel_ratio=round(pixel.per_s / limits[0].per_s, 3),
        click_ratio=round(click.per_s / limits[1].per_s, 3),
        click_ratio_everysec=round(everysec.per_s / limits[1].per_s, 3),
        spool_ratio=round(spool.per_s / limits[1].per_s, 3),
        click_p99_ms=round(calm.p99_ms, 1),
        nginx_pixel_per_s=round(limits[0].per_s),
        nginx_click_per_s=round(limits[1].per_s),
        pixel_per_s=round(pixel.per_s),
        click_per_s=round(click.per_s),
        click_everysec_per_s=round(everysec.per_s),
        spool_per_s=round(spool.per_s),
        errors=sum(one.errors for one in runs),
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
def _nginx(folder: Path) -> Iterator[int]:
    port = _free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, target=TARGET))
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait(port)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@contextmanager
def _tracker(settings: Settings, port: int) -> Iterator[None]:
    children = Children(settings)
    children.start(tracker.commands(settings))
    try:
        _wait(port)
        time.sleep(1.5)  # both processes
        yield
    finally:
        children.stop()


def _wrk(folder: Path, port: int, name: str, *, seconds: float, connections: int = CONNECTIONS) -> Run:
    command = [
        "wrk",
        "-t2",
        f"-c{connections}",
        f"-d{seconds:g}s",
        "--latency",
        "-s",
        str(folder / "ask.lua"),
    ]
    command += [f"http://127.0.0.1:{port}", "--", str(folder / f"{name}.txt")]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+)", told)
    assert found, told
    requests, micros, p99, errors = map(int, found.groups())
    return Run(requests / (micros / 1e6), p99 / 1000, requests, errors)


def _half(folder: Path, port: int, per_s: float, *, seconds: float) -> Run:
    """With so many connections as give about half of that rate: wrk keeps each of them busy."""
    found = None
    for connections in (32, 24, 16, 12, 8, 6, 4, 2):
        found = _wrk(folder, port, "click", seconds=seconds, connections=connections)
        if found.per_s <= per_s * 0.55:
            break
    assert found
    return found


def _stored(parts: Parts) -> int:
    """Entries of the stream; each holds the events of one write."""
    return int(parts.redis.xlen("ikusei:events"))  # type: ignore[arg-type]


def _free_port() -> int:
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
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(seconds=options.seconds)
    if options.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
