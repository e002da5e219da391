"""The page script as it is served: beacon.js without its comments and blanks, below 3 kB.

No minifier for any script: each statement of ours ends with a semicolon, and only strings and its one regular
expression hold blanks or signs that must stay.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources

_COMMENT = re.compile(r"/\*.*?\*/|(?:^|(?<=[;{) ]))[ \t]*// [^\n]*$", re.DOTALL | re.MULTILINE)
_KEPT_OR_BLANK = re.compile(r'("[^"\n]*"|(?<=\()/\([^\n]+?/(?=,))|\s*([=+\-*/<>&|?:,;{}()\[\]])\s*|\s+')


@lru_cache(maxsize=1)
def served() -> bytes:
    source = resources.files("tracking_pixel").joinpath("beacon.js").read_text(encoding="utf-8")
    return _KEPT_OR_BLANK.sub(_squeezed, _COMMENT.sub("", source)).strip().encode("ascii")


def _squeezed(found: re.Match[str]) -> str:
    return found[1] or found[2] or " "
