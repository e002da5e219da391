"""The bounce samples of other people's mail systems, and their labels."""

from __future__ import annotations

import json
import tarfile
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "bounce_samples"


@cache
def samples() -> dict[str, bytes]:
    """Every sample by its file name, in order."""
    with tarfile.open(FOLDER / "mail.tar.gz") as packed:
        found = {
            Path(member.name).name: handle.read()
            for member in packed
            if member.isfile() and (handle := packed.extractfile(member)) is not None
        }
    return dict(sorted(found.items()))


@cache
def labels() -> dict[str, list[bool]]:
    """By file name: is each recipient's address dead?"""
    told = json.loads((FOLDER / "labels.json").read_text(encoding="utf-8"))
    return {name: [bool(entry["hard"]) for entry in entries] for name, entries in told.items()}
