"""flufl.bounce, asked last: one voice among others, never allowed to raise."""

from __future__ import annotations

import re
from email.message import Message


def flufl(message: Message) -> list[str]:
    """Addresses it believes to have failed for good; [] where it fails itself. Imported only when asked."""
    try:
        from flufl.bounce import scan_message

        found = scan_message(message)
        texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in found]
    except Exception:
        # It raises IndexError and more on damaged mails (spec 45 trap 7).
        return []
    return sorted({text.lower() for text in texts if re.fullmatch(r"[^\s@<>]{1,320}@[^\s@<>]{1,255}", text)})
