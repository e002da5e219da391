"""One recipient's evidence weighed: words, status, reply and the SMTP command that was refused.

What the words say outweighs the codes, because servers choose codes carelessly (5.1.1 for a full mailbox,
5.7.1 for an unknown user); a code decides where the words say nothing.
Source: spec 45 B3, trap 6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mailer.bounces import codes, wording
from mailer.bounces.reasons import REASONS
from mailer.bounces.returned import Recipient, Side

_WORDS_MAX = 300
_DEAD = frozenset({"user_unknown", "host_unknown"})
_VAGUE = frozenset({"suspended", "content", "expired", "network", "protocol", "system"} | wording.WEAK.keys())
_BEFORE_RECIPIENT = re.compile(
    r"(?:after|in reply to|in response to|response to|to|at|during|while|sending|>>>|command:?|\["
    r"|stage)[ '\"(]{0,3}"
    r"(?:smtp[ :])?(mail[ _]from|ehlo|helo|initial connection|connection)|\bmail_from\b"
    r"|my name was rejected|greeting failed|sender was rejected",
    re.IGNORECASE,
)
_AFTER_RECIPIENT = re.compile(
    r"(?:after|in reply to|in response to|response to|to|at|during|did not like our|while|sending|>>>"
    r"|command:?|\[)[ '\"(]{0,3}"
    r"(?:the |final |pipelined )?(?:sending )?(?:end of )?(?:message |final )?(?:data\b|eom\b|<crlf>"
    r"|dot\b|\.$)"
    r"|\bdata_?end\b|\[(?:data|eom|end_of_data)\]|smtp command\W{1,10}data\b|\(state 1[5-9]\)",
    re.IGNORECASE,
)
_AT_RECIPIENT = re.compile(r"\brcpt[ _]to\b|\(state 1[34]\)", re.IGNORECASE)
_NEEDS_RECIPIENT = re.compile(
    r"need rcpt|rcpt first|no valid recipient|\b503\b|need recipient", re.IGNORECASE
)
# A carrier's filter at DATA: "550 : User unknown"; at RCPT the address stands before the colon.
_NAMELESS = re.compile(r"\b550:? ?: ?user unknown", re.IGNORECASE)


@dataclass(slots=True)
class Evidence:
    """What is known of one recipient.

    words: said about this very address, the most telling text first. context: the notice around it, which
    may speak of others or carry somebody's footer, so it is heard only where words and status say nothing.
    original: the address as we wrote it, where it was rewritten on the way.
    """

    address: str
    words: list[str] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    status: str = ""
    action: str = ""
    original: str = ""


def judge(evidence: Evidence) -> Recipient:
    """The verdict on one recipient."""
    words = [" ".join(text.split()) for text in evidence.words if text.strip()]
    context = [" ".join(text.split()) for text in evidence.context if text.strip()]
    # Codes in the notice may be another recipient's: not asked where this one's words tell enough.
    told = words if _spoken(words)[0] not in ("", *wording.WEAK) else [*words, *context]
    status = _status(evidence.status, told)
    reply = next(filter(None, map(codes.reply_in, told)), "")
    reason, spoken = _weighed(words, context, status)
    reason = _by_command(reason, status, " ".join([*words, *context])[:12_000]).removeprefix("stock_")
    reason = reason or codes.by_status(status) or codes.by_reply(reply)
    if not reason:
        reason = "expired" if status.startswith("4") or reply.startswith("4") else "unclear"
    return Recipient(
        address=evidence.address,
        side=_side(reason, status, reply),
        status=status,
        reply=reply,
        reason=reason,
        words=(spoken or next(iter(words or context), ""))[:_WORDS_MAX],
        original=evidence.original,
    )


def _weighed(words: list[str], context: list[str], status: str) -> tuple[str, str]:
    """The reason, and the text that tells it: own words, then an exact status, then the notice."""
    reason, spoken = _spoken(words)
    coded = codes.by_exact_status(status)
    if coded == "suspended" and reason == "user_unknown" and any("disabled" in text for text in words[1:]):
        # "5.2.1 (mailbox disabled)" beside "User unknown": two voices against one, and the milder.
        return coded, spoken
    if coded in _DEAD and reason in _VAGUE:
        # "5.1.1 inactive address": the mailbox is said to be gone, not to be asleep.
        return coded, spoken
    if reason and reason not in wording.WEAK:
        return reason, spoken
    if coded:
        return coded, spoken
    if reason and not codes.by_status(status) and (meant := codes.by_exact_reply(codes.reply_in(spoken))):
        return meant, spoken
    told, text = _spoken(context)
    if told and (not reason or told not in wording.WEAK):
        return wording.WEAK.get(told, told), text
    return wording.WEAK.get(reason, reason), spoken


def _spoken(texts: list[str]) -> tuple[str, str]:
    weak = ("", "")
    for text in texts:
        reason = wording.reason_of(text)
        if reason and reason not in wording.WEAK:
            return reason, text
        weak = weak if weak[0] else (reason, text)
    return weak if weak[0] else ("", "")


def _status(field_value: str, words: list[str]) -> str:
    """The field's status; where that says nothing, the one in the server's words."""
    reported = codes.status_in(field_value)
    if reported and not reported.endswith(".0.0"):
        return reported
    said = next(filter(None, map(codes.status_in, words)), "")
    return said or reported


def _by_command(reason: str, status: str, text: str) -> str:
    """Unknown after the recipient had been accepted is a filter (Japanese carriers); before, it is about us.

    A status of its own for it (5.1.1) is believed. Servers that pipeline answer RCPT after DATA was sent:
    their next line then asks for a recipient (503).
    """
    if reason not in ("user_unknown", "host_unknown") or codes.by_status(status) == reason:
        return reason
    if reason == "user_unknown" and _NAMELESS.search(text):
        return "filtered"
    if _AT_RECIPIENT.search(text) or _NEEDS_RECIPIENT.search(text):
        return reason
    if _AFTER_RECIPIENT.search(text):
        return "filtered" if reason == "user_unknown" else reason
    return "rejected" if _BEFORE_RECIPIENT.search(text) or status[2:] in ("1.7", "1.8") else reason


def _side(reason: str, status: str, reply: str) -> Side:
    side = REASONS[reason].side
    temporary = (status.startswith("4") and not reply.startswith("5")) or (
        not status and reply.startswith("4")
    )
    return Side.SOFT if side is Side.HARD and temporary else side
