"""The recipients of a delivery status notification (RFC 3464), as it is found in the wild."""

from __future__ import annotations

import re

from mailer.bounces.verdict import Evidence

_FAILED = frozenset({"failed", "failure", "fail", "fatal", "undeliverable", "bounced", "error"})
_DELAYED = frozenset({"delayed", "delay", "deferred"})
_ARRIVED = frozenset({"delivered", "relayed", "expanded", "relay", "deliverable"})
_PLAUSIBLE = re.compile(r"[^\s@]{1,320}@[^\s@]{1,255}")


def recipients(groups: list[dict[str, str]]) -> list[Evidence]:
    """One evidence an address; its action is "failed", "delayed" or "delivered"."""
    found: dict[str, Evidence] = {}
    for group in groups:
        if not {"final-recipient", "original-recipient", "action", "x-actual-recipient"} & group.keys():
            continue
        if "status" not in group and "action" not in group and "diagnostic-code" not in group:
            continue
        address = _address_of(group)
        evidence = found.setdefault(address or f"?{len(found)}", Evidence(address))
        evidence.words += [text for text in _words_of(group) if text]
        evidence.original = evidence.original or _original_of(group, address)
        evidence.status = evidence.status or group.get("status", "")
        evidence.action = _worse(evidence.action, _action_of(group))
    return list(found.values())


def typed(value: str) -> str:
    """`smtp; 550 no such user` -> `550 no such user`."""
    kind, sep, rest = value.partition(";")
    return rest.strip() if sep and len(kind.split()) <= 1 else value.strip()


def _address_of(group: dict[str, str]) -> str:
    """The final recipient, unless only the original one can be a mailbox on the internet."""
    found = [
        _address_in(group, name) for name in ("final-recipient", "original-recipient", "x-actual-recipient")
    ]
    found = [address for address in found if address]
    return next(
        (address for address in found if "." in address.rpartition("@")[2]), found[0] if found else ""
    )


def _original_of(group: dict[str, str], address: str) -> str:
    original = _address_in(group, "original-recipient")
    return original if original != address else ""


def _address_in(group: dict[str, str], name: str) -> str:
    value = typed(group.get(name, "")).replace("rfc822;", "")
    found = _PLAUSIBLE.search(value.replace("<", " ").replace(">", " "))
    return found[0].strip("\"'(),;:").lower() if found else ""


def _words_of(group: dict[str, str]) -> list[str]:
    status = group.get("status", "")
    comment = status[status.find("(") :] if "(" in status else ""
    return [
        typed(group.get("diagnostic-code", "")),
        comment,
        group.get("x-notes", ""),
        group.get("x-error", ""),
    ]


def _action_of(group: dict[str, str]) -> str:
    said = re.match(r"[a-z]*", group.get("action", "").strip().lower())
    word = said[0] if said else ""
    if word in _FAILED:
        return "failed"
    if word in _DELAYED:
        return "delayed"
    if word in _ARRIVED:
        return "delivered"
    return "delivered" if group.get("status", "").strip().startswith("2.") else "failed"


def _worse(one: str, other: str) -> str:
    order = ("", "delivered", "delayed", "failed")
    return max(one, other, key=order.index)
