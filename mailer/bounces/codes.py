"""Reasons in codes: enhanced status (RFC 3463, 5248, 7505) and SMTP reply (RFC 5321)."""

from __future__ import annotations

import re

# Not inside an IP address or a version: 8.15.2, 192.5.1.1.
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d)\.(\d{1,3})(?![\d]|\.\d)")
_REPLY = re.compile(
    r"(?<![\d.#:/\[-])\b([45][0-5]\d)(?=[ \-:,;]\s{0,3}(?:[#(<\[]?\s?[245]\.\d\.\d|[<\"'A-Za-z(*\[#:_]|$)"
    r"|[\s.]*$)"
    r"|(?:said|reply|response|error|code|status)[^\n]{0,20}?\b([45][0-5]\d)\b",
    re.MULTILINE | re.IGNORECASE,
)

# By class.subject.detail without the class: 5.1.1 and 4.1.1 mean the same trouble.
_BY_STATUS = {
    "1.1": "user_unknown",
    "1.2": "host_unknown",
    "1.3": "user_unknown",
    "1.4": "user_unknown",
    "1.6": "moved",
    "1.7": "rejected",
    "1.8": "rejected",
    "1.9": "network",
    "1.10": "user_unknown",
    "2.1": "suspended",
    "2.2": "mailbox_full",
    "2.3": "too_big",
    "2.4": "system",
    "3.1": "mailbox_full",
    "3.2": "system",
    "3.3": "protocol",
    "3.4": "too_big",
    "3.5": "system",
    "4.0": "network",
    "4.1": "network",
    "4.2": "network",
    "4.3": "network",
    "4.4": "host_unknown",
    "4.5": "rate_limited",
    "4.6": "network",
    "4.7": "expired",
    "5.3": "rate_limited",
    "6.7": "protocol",
    "7.8": "protocol",
    "7.13": "suspended",
    "7.17": "moved",
    "7.20": "auth_failure",
    "7.21": "auth_failure",
    "7.22": "auth_failure",
    "7.23": "auth_failure",
    "7.24": "auth_failure",
    "7.25": "blocked",
    "7.26": "auth_failure",
    "7.27": "rejected",
    "7.28": "rate_limited",
    "7.29": "auth_failure",
    "7.30": "auth_failure",
    "7.509": "auth_failure",
    "7.515": "auth_failure",
}
# The subject alone, where the detail is not known. 1.0 and 2.0 and x.0.0 say nothing.
_BY_SUBJECT = {"3": "system", "4": "network", "5": "protocol", "6": "content", "7": "policy"}
_BY_REPLY = {
    "421": "network",
    "450": "system",
    "451": "system",
    "452": "mailbox_full",
    "521": "not_accepting",
    "530": "protocol",
    "535": "protocol",
    "542": "user_unknown",
    "551": "user_unknown",
    "552": "mailbox_full",
    "553": "user_unknown",
    "554": "policy",
    "556": "not_accepting",
}


def status_in(text: str) -> str:
    """The first enhanced status that says something ("5.0.0" only if there is no better), or ""."""
    found = [match[0] for match in _STATUS.finditer(text[:6000])]
    return next((one for one in found if not one.endswith(".0.0")), found[0] if found else "")


def reply_in(text: str) -> str:
    """The first SMTP reply of a refusal in the text, or ""."""
    found = _REPLY.search(text[:6000])
    return (found[1] or found[2]) if found else ""


def by_exact_status(status: str) -> str:
    """The reason a status names down to its detail, or ""; 5.7.1 and 5.5.0 are said of anything."""
    rest = status.partition(".")[2]
    return _BY_STATUS.get(rest, "") if rest not in ("4.0", "3.0") else ""


def by_status(status: str) -> str:
    """The reason a status names, or ""."""
    _, _, rest = status.partition(".")
    subject, _, detail = rest.partition(".")
    if known := _BY_STATUS.get(rest):
        return known
    if subject == "7" and 606 <= int(detail or 0) <= 649:
        return "blocked"
    if rest == "0.0":
        return ""
    return _BY_SUBJECT.get(subject, "")


def by_exact_reply(reply: str) -> str:
    """The reason of a reply that has no other meaning, or "". 542 is a large gateway's own for a refused
    recipient."""
    return _BY_REPLY.get(reply, "") if reply in ("521", "542", "551", "556") else ""


def by_reply(reply: str) -> str:
    """The reason a bare SMTP reply suggests, or ""."""
    return _BY_REPLY.get(reply, "")
