"""Vacation notes, out-of-office and other automatic answers told from bounces. Source: RFC 3834, spec 45 B4."""

from __future__ import annotations

import re
from email.message import Message

from mailer import parsing

_SUBJECT = re.compile(
    r"^(?:\W{0,4}(?:re|aw|fwd?)\s?:\s?)?\W{0,4}(?:auto(?:matic|mated)?[ -]?(?:reply|response|responder"
    r"|antwort|generated reply)"
    r"|automatisch\w*|(?:i am |i'm |is |be )?(?:currently )?out of (?:the )?(?:office|town)|vacation"
    r"|away from|on (?:holiday|leave|vacation)"
    r"|ooo\b|réponse automatique|respuesta autom|resposta autom|risposta autom|absence|absent|abwesen"
    r"|fuera de|автоответ|自动回复|自動回覆"
    r"|不在|自動返信|自動応答|休暇)"
    r"|^auto:|is out of (?:the )?office|automatyczna odpowied|automatisk svar|autosvar|afwezig|poza biurem"
    r"|自動(?:返信|応答)|不在(?:通知|のお知らせ|連絡)|休暇中|out of office|\bautoreply\b|auto-reply|automatic reply|abwesenheit",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"mailer[-_. ]?daemon|post[-_. ]?master|mail[-_ ]?(?:delivery|deliver)|mail[-_. ]?(?:daemon|system"
    r"|administrator|router)|delivery[-_ ]?(?:status|sub)?"
    r"|maildeliver|\bndr\b|bounce|returned|failure notice|exchange|mmsc|system attendant|mailbox daemon"
    r"|<>|^$",
    re.IGNORECASE,
)


def is_automatic_subject(subject: str) -> bool:
    """Does the subject say vacation, out of office, automatic reply?"""
    return _SUBJECT.search(subject[:300]) is not None


def is_automatic(message: Message, subject: str) -> bool:
    """Does the mail say that a machine answered for a person?"""
    said = parsing.header(message, "Auto-Submitted").lower()
    if said and not said.startswith("no"):
        return True
    if any(parsing.header(message, name) for name in ("X-Autoreply", "X-Autorespond")):
        return True
    if parsing.header(message, "Precedence").lower() in ("auto_reply", "auto-reply"):
        return True
    return is_automatic_subject(subject)


def _is_answer(message: Message) -> bool:
    """Answers of people's programs have no return path either (RFC 3834); bounces rarely call themselves so."""
    return parsing.header(message, "Auto-Submitted").lower().startswith("auto-replied")


def is_daemon(message: Message) -> bool:
    """Does the mail come from a mail system: nobody as return path, or a name like MAILER-DAEMON?"""
    if parsing.header(message, "Return-Path").replace(" ", "") == "<>" and not _is_answer(message):
        return True
    return _DAEMON.search(parsing.header(message, "From")[:300].strip()) is not None
