"""`make bench`, or `python -m tests.bench NAME ...`: figures as ratios to a limit of the same run."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import tests.bench

NAMES = sorted(
    module.name
    for module in pkgutil.iter_modules(tests.bench.__path__)
    if module.name not in ("__main__", "installation")
)


def main() -> None:
    """Run the named benchmarks, or all of them."""
    for name in sys.argv[1:] or NAMES:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}: {', '.join(NAMES)}")
        importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()
