"""What the tests need from the system: looked for, installed where that is allowed, else named.

Reads deploy/apt.txt. Exits with 1 and the list when something is missing and cannot be installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

# package -> what proves that it is there
PROOFS = {
    "chromium": lambda: bool(shutil.which("chromium")),
    "fonts-noto-cjk": lambda: any(Path("/usr/share/fonts").rglob("NotoSansCJK*")),
    "postfix": lambda: any(
        Path(folder, "smtp-sink").exists() for folder in ("/usr/sbin", "/usr/lib/postfix/sbin")
    ),
    "poppler-utils": lambda: bool(shutil.which("pdftoppm")),
}


def missing(names: list[str]) -> list[str]:
    return [name for name in names if not PROOFS[name]()]


def main() -> int:
    names = Path(__file__).with_name("apt.txt").read_text().split()
    wanted = missing(names)
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        print("installing for the tests:", *wanted, flush=True)  # noqa: T201
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)  # noqa: S607
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603
        wanted = missing(names)
    if wanted:
        print(  # noqa: T201
            f"the tests need {', '.join(wanted)}: apt-get install {' '.join(wanted)}", file=sys.stderr
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
