"""Reasons in words: what mail servers and providers say, in the languages they say it in.

One ordered list: the first pattern that is found decides, so what is specific stands before what is general,
and what is our own fault before what sounds like a dead address ("sender unknown" is no unknown user).
Every pattern is linear: no nested repetition, gaps are bounded. The text is lower case, on one line, without
addresses and URLs (`plain_words`).
"""

from __future__ import annotations

import re
import unicodedata

from mailer.bounces.phrases import english, japanese, others

_MAX = 6_000
_ADDRESS = re.compile(r"<?\b[^\s<>()\[\],;:\"'@]{1,80}@[^\s<>()\[\],;:\"'@]{1,255}>?")
_URL = re.compile(r"\b(?:https?://|www\.)\S{1,500}", re.IGNORECASE)
# "550-5.1.1 the account 550-5.1.1 does not exist": the codes of continued lines stand inside sentences.
_CONTINUED = re.compile(r"(?<=\s)[245]\d\d[- ](?:[245]\.\d{1,3}\.\d{1,3}[ -]?)?|\.{3,}")
# What Postfix puts before any refusal at RCPT says nothing by itself.
_PREFIX = re.compile(
    r"recipient address rejected:(?! ?access denied)(?= ?\w)|mail system error|mail delivery (?:sub)?system"
)
_SPACE = re.compile(r"\s+")


def plain_words(text: str) -> str:
    """The text as the patterns want it."""
    text = (
        unicodedata.normalize("NFKC", text[:_MAX])
        .lower()
        .replace("_", " ")
        .replace("’", "'")
        .replace("`", "'")
    )
    text = _URL.sub(" ", _ADDRESS.sub(" ", text))
    return _PREFIX.sub(" ", _SPACE.sub(" ", _CONTINUED.sub(" ", _SPACE.sub(" ", text))))


def reason_of(text: str) -> str:
    """The reason the words name, a key of REASONS or of WEAK, or ""."""
    said = plain_words(text)
    return next((reason for reason, pattern in _PATTERNS if pattern.search(said)), "")


# What is specific stands before what is general; what is said of the sender before what sounds like a dead address.
ORDER = (
    "stock_user_unknown",
    "stock_network",
    "auth_failure",
    "rejected",
    "virus",
    "mailbox_full",
    "rate_limited",
    "blocked",
    "spam",
    "too_big",
    "moved",
    "suspended",
    "host_unknown",
    "not_accepting",
    "user_unknown",
    "filtered",
    "content",
    "expired",
    "network",
    "protocol",
    "system",
    "weak_user_unknown",
    "weak_system",
    "policy",
)
_TABLES = (english.PHRASES, japanese.PHRASES, others.PHRASES)
# Said of many troubles: a later text is heard first, and a code outweighs them.
WEAK = {"weak_user_unknown": "user_unknown", "weak_system": "system", "policy": "policy"}


def _compiled(reason: str) -> re.Pattern[str]:
    return re.compile("|".join(phrase for table in _TABLES for phrase in table.get(reason, ())))


_PATTERNS = tuple((reason, _compiled(reason)) for reason in ORDER)
