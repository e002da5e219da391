"""Make the virtual environment, with the fastest Python at hand.

A Python that somebody compiled without optimisation runs Ikusei at less than half the speed of a distribution's,
and a worker is mostly Python. So each Python that is found is timed for a moment, and another one is taken only
where it is clearly faster. `make PYTHON=...` decides otherwise.

Usage: python3 deploy/environment.py FOLDER [--this]
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

OTHERS = ("/usr/bin/python3", "/usr/local/bin/python3")
CLEARLY = 1.1  # times as fast
PROBE = """
import importlib.util, json, sys, time
def call(number, words):
    return {"number": number, "words": [word.upper() for word in words], "text": f"{number}:{len(words)}"}
def once():
    began = time.process_time()
    for number in range(5_000):
        made = call(number, ("a", "b", "c"))
        made["text"] = made["text"].replace(":", "-").encode().decode() + made["words"][0]
    return time.process_time() - began
has = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"version": sys.version_info[:2], "seconds": min(once() for _ in range(40)),
                  "has_venv": has("venv"), "has_pip": has("ensurepip")}))
"""


@dataclass(frozen=True)
class Found:
    """A Python that can make the environment. has_pip: it brings pip along."""

    path: str
    seconds: float
    has_pip: bool


def probe(path: str) -> Found | None:
    try:
        done = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, timeout=60)  # noqa: S603
        told = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    if tuple(told["version"]) < (3, 11) or not told["has_venv"]:
        return None
    return Found(path, told["seconds"], told["has_pip"])


def lends_pip() -> bool:
    """Whether this Python's pip can install into another one's environment (pip 22.3 and newer)."""
    command = [sys.executable, "-m", "pip", "--python", sys.executable, "--version"]
    return subprocess.run(command, capture_output=True).returncode == 0  # noqa: S603


def choose(*, this_only: bool) -> Found:
    this = probe(sys.executable)
    others = [] if this_only else [found for path in OTHERS if (found := probe(path)) is not None]
    usable = [found for found in others if found.has_pip or lends_pip()]
    best = min(usable, key=lambda found: found.seconds, default=None)
    if best is not None and (this is None or best.seconds * CLEARLY < this.seconds):
        return best
    if this is None:
        sys.exit("Ikusei needs Python 3.11 or newer with venv (make PYTHON=... chooses one)")
    return this


def main() -> None:
    folder, *options = sys.argv[1:]
    chosen = choose(this_only="--this" in options)
    command = [chosen.path, "-m", "venv", *(() if chosen.has_pip else ("--without-pip",)), folder]
    subprocess.run(command, check=True)  # noqa: S603
    if not chosen.has_pip:
        command = [sys.executable, "-m", "pip", "--python", f"{folder}/bin/python", "install", "--quiet"]
        subprocess.run([*command, "--disable-pip-version-check", "pip"], check=True)  # noqa: S603


if __name__ == "__main__":
    main()
