"""`make bench`, or `python -m tests.bench NAME ...`: figures as ratios to a limit of the same run."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

# A benchmark is a module with a main(); the others are what benchmarks are made of.
NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    if not path.stem.startswith("__") and "\ndef main(" in path.read_text(encoding="utf-8")
)


def main() -> None:
    """Run the named benchmarks, or all of them."""
    names = sys.argv[1:] or NAMES
    del sys.argv[1:]  # each runs with its defaults; its options belong to `python -m tests.bench.NAME`
    for name in names:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}: {', '.join(NAMES)}")
        importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()
