"""Keep entries of forms on disk while the database is away, and send them as soon as it is back.

Nothing of a form can be looked up meanwhile, so only pages are kept that carry our own token, and what is wrong in
them shows later: such an entry is left out with a note. The file holds what visitors typed; only its owner reads it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import structlog

from campaigns.parts import Parts
from campaigns.services import kept_lines, show_form, submit_form
from campaigns.services.show_form import Unknown
from campaigns.services.submit_form import Sent

log = structlog.get_logger()

# Whoever has one page could send it for ever: more than this is no visitors, and must not fill the disk.
BYTES_MAX = 32 * 1024 * 1024


def spool(parts: Parts, public_key: str, sent: Sent, *, now: datetime) -> bool:
    """Keep what was sent, fsynced. False when it is no page of ours, or the disk takes no more."""
    if show_form.read_page(parts, sent.token, now=now) is None:
        return False
    path = _path(parts)
    line = json.dumps({"key": public_key, "at": now.isoformat(), "sent": asdict(sent)}).encode()
    try:
        if path.exists() and path.stat().st_size + len(line) > BYTES_MAX:
            return False
        kept_lines.append(path, line)
    except OSError as error:
        log.error("an entry could not be kept", error=type(error).__name__)
        return False
    return True


def waiting(parts: Parts) -> int:
    """How many entries wait on disk."""
    return kept_lines.count(_path(parts))


def drain(parts: Parts, *, now: datetime) -> int:
    """Send what was kept, in order; how many became entries.

    The file goes only after the last commit: a crash in between sends some again, and one page is one entry.
    """
    with kept_lines.taken(_path(parts)) as lines:
        done = sum(_send(parts, line, now=now) for line in lines)
    if lines:
        log.info("entries taken from disk", count=done, lines=len(lines))
    return done


def _send(parts: Parts, line: bytes, *, now: datetime) -> bool:
    try:
        kept = json.loads(line)
        key, at = str(kept["key"]), min(datetime.fromisoformat(kept["at"]), now)
        sent = Sent(**kept["sent"])
    except (ValueError, KeyError, TypeError) as error:
        log.warning("a kept entry could not be read", error=type(error).__name__)
        return False
    try:
        outcome = submit_form.run(parts, key, sent, now=at)
    except Unknown:
        log.warning("a kept entry is of a form that is gone")
        return False
    if not outcome.is_done:
        log.warning("a kept entry was not taken", form=outcome.form.id, fields=sorted(outcome.answers.errors))
    return outcome.is_done


def _path(parts: Parts) -> Path:
    return parts.settings.folder / "spool" / "form-entries.jsonl"
