"""Returned mails told as JSON in a mail: Amazon SES notifications that SNS delivers by e-mail.

They become the same fields as a delivery status notification or a feedback report has.
"""

from __future__ import annotations

import json
import re

_BEGINS = re.compile(r"\{\s{0,20}\"(?:notificationType|eventType|Type)\"")
_ACTIONS = {"Bounce": "failed", "Delivery": "delivered", "DeliveryDelay": "delayed"}
_LISTS = ("bouncedRecipients", "delayedRecipients", "recipients")


def fields(text: str) -> tuple[list[dict[str, str]], dict[str, list[str]] | None]:
    """The groups of a delivery report, and the fields of a feedback report; [] and None without either."""
    told = _notification(text)
    kind = str(told.get("notificationType") or told.get("eventType") or "")
    if kind == "Complaint":
        return [], _feedback(_dict(told.get("complaint")))
    if kind not in _ACTIONS:
        return [], None
    event = _dict(told.get(kind[0].lower() + kind[1:]))
    lists = (event.get(name) for name in _LISTS)
    people: list[object] = next((one for one in lists if isinstance(one, list)), [])
    return [_group(person, _ACTIONS[kind]) for person in people[:100]], None


def _notification(text: str) -> dict[str, object]:
    found = _BEGINS.search(text)
    if found is None:
        return {}
    # Some relays fold long lines after an exclamation mark.
    told = _decoded(text[found.start() :].replace("!\n ", ""))
    message = told.get("Message")
    return _decoded(message) if isinstance(message, str) else told


def _decoded(text: str) -> dict[str, object]:
    try:
        return _dict(json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0])
    except (ValueError, RecursionError):
        return {}


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _group(person: object, action: str) -> dict[str, str]:
    told = _dict(person)
    address = told.get("emailAddress") if told else person
    return {
        "final-recipient": f"rfc822; {address}",
        "action": action,
        "status": str(told.get("status") or ""),
        "diagnostic-code": str(told.get("diagnosticCode") or ""),
    }


def _feedback(complaint: dict[str, object]) -> dict[str, list[str]]:
    people = complaint.get("complainedRecipients")
    listed = [str(_dict(one).get("emailAddress", "")) for one in people] if isinstance(people, list) else []
    return {
        "feedback-type": [str(complaint.get("complaintFeedbackType") or "abuse")],
        "original-rcpt-to": [one for one in listed if one],
    }
