"""Naming: what people and programs call a product or an event, and which of ours they mean.

A product is known by its whole name, and by any single word of it that no other product has: 「EyeLine」 is
「外観検査装置 EyeLine」. Nothing else is guessed; who is not understood is told the names there are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from campaigns.rules.matching import tidy

KNOWN_MAX = 5  # names shown beside one that is not known


def word_key(word: str) -> str:
    """Comparable form of a name."""
    return re.sub(r"\s", "", tidy(word)).lower()


def by_name(rows: Iterable[tuple[int, str]]) -> dict[str, int]:
    """id by whole name (word_key)."""
    return {word_key(name): id for id, name in rows}


def by_word(rows: Sequence[tuple[int, str]]) -> dict[str, int]:
    """id by whole name, and by each word that only one of the names has."""
    words = [(id, key) for id, name in rows for key in {word_key(word) for word in tidy(name).split()}]
    often = Counter(key for _id, key in words)
    return {key: id for id, key in words if key and often[key] == 1} | by_name(rows)


def nearest(told: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are most like what was told, the likest first."""
    key = word_key(told)
    order = sorted(names, key=lambda name: (-SequenceMatcher(None, key, word_key(name)).ratio(), name))
    return tuple(order[:KNOWN_MAX])
