"""How servers word their reasons: one ordered table, the first rule that holds decides.

Statuses are those of RFC 3463, 5248, 7372, 7505 and Microsoft's own; words are those that receivers publish
or that their replies were seen with. `tests/mailer/test_replies.py` names the source of each case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailer.verdicts import Reason, Stage


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds when all that is given holds. status: prefixes of `subject.detail`, as in "7.28" or "7."."""

    reason: Reason
    codes: frozenset[int] = frozenset()
    status: tuple[str, ...] = ()
    words: re.Pattern[str] | None = None
    stages: frozenset[Stage] = frozenset()
    digit: int = 0  # first digit of the code; 0: any

    def holds(self, code: int, detail: str, text: str, stage: Stage) -> bool:
        return (
            (not self.digit or code // 100 == self.digit)
            and (not self.codes or code in self.codes)
            and (not self.stages or stage in self.stages)
            and (not self.status or any(_fits(detail, prefix) for prefix in self.status))
            and (self.words is None or self.words.search(text) is not None)
        )


def _fits(detail: str, prefix: str) -> bool:
    return detail.startswith(prefix) if prefix.endswith(".") else detail == prefix


def _rule(
    reason: Reason, *, codes: str = "", status: str = "", words: str = "", stages: str = "", digit: int = 0
) -> Rule:
    return Rule(
        reason,
        frozenset(int(code) for code in codes.split()),
        tuple(status.split()),
        re.compile(words, re.I) if words else None,
        frozenset(Stage(stage) for stage in stages.split()),
        digit,
    )


# "try again later" in the many ways of saying: you are too fast for us.
_TOO_FAST = (
    r"too (?:many|much) (?:messages|mails|e-?mails|connections|sessions|requests|concurrent|deliver)"
    r"|too (?:fast|quickly|frequent)|rate.?limit|throttl|frequency limit|excessive (?:volume|rate|connection)"
    r"|(?:volume|rate|connection|session|message limit)s? (?:limit )?exceed|exceed\w* .{0,40}\b(?:rate|volume|connections?)\b"
    r"|unusual (?:rate|traffic|amount)|unexpected volume|slow(?:ing)? down|concurren(?:t|cy) .{0,30}limit"
    r"|limit on the number|\b(?:4\.16\.5\d|rp-00[123])\b"
)
# Spaces and closing words matter less than order: the first rule that holds decides.
RULES: tuple[Rule, ...] = (
    # --- before any mail was spoken of: the account ---
    _rule(Reason.LOGIN_AWAY, codes="454", status="7.0", words=r"auth|login|credential|password"),
    _rule(Reason.TLS, codes="454 523 538", words=r"tls|encrypt|ssl"),
    _rule(Reason.TLS, status="7.10 7.11", words=r"tls|encrypt"),
    _rule(
        Reason.TLS,
        words=r"must issue a starttls|tls (?:is )?required|requires? (?:the use of )?(?:start)?tls",
    ),
    _rule(
        Reason.ACCOUNT_LIMIT,
        words=r"daily (?:user )?(?:message |mail |e-?mail |sending |smtp relay )?(?:quota|limit)"
        r"|maximum sending rate|sending (?:quota|limit)|(?:hourly|monthly) (?:quota|limit)|out ?going (?:mail |message )?(?:quota|limit)"
        r"|sending privileges? .{0,20}(?:suspend|paus|disabl)|account .{0,30}(?:sending|suspended for sending|paused)"
        r"|exceeded .{0,30}(?:credits|plan|allowance)|smtp relay (?:sending )?limit|送信(?:数"
        r"|通数)?.{0,6}(?:上限|制限)",
    ),
    _rule(Reason.LOGIN_AWAY, codes="454", stages="connect"),
    _rule(Reason.LOGIN_FAILED, codes="530 534 535 538"),
    _rule(
        Reason.LOGIN_FAILED,
        words=r"authentication (?:credentials |is )?(?:required|failed|invalid|unsuccessful)|smtp auth(?:entication)? in your"
        r"|login (?:failed|denied|required)|client was not authenticated|bad (?:username"
        r"|credentials)",
        status="7.8 7.9 7.57 7.0 7.139 5.1",
        stages="connect mail",
    ),
    _rule(Reason.BLOCKLISTED, stages="connect", digit=5),
    _rule(
        Reason.RELAY_DENIED,
        words=r"relay(?:ing)? (?:access )?(?:is )?(?:denied|prohibited|not (?:permitted|allowed))"
        r"|not (?:permitted|allowed) to relay|unable to relay|we do not relay",
    ),
    _rule(Reason.SERVER_STORAGE, status="3.1"),
    _rule(
        Reason.SERVER_STORAGE,
        words=r"insufficient system (?:storage|resources)|no space left|queue file write",
    ),
    # --- the sender's name ---
    _rule(Reason.SENDER_REFUSED, status="1.7 1.8"),
    _rule(
        Reason.SENDER_REFUSED,
        words=r"(?:sender|return.path|mail from|from address)\b.{0,60}(?:reject|refus|denied|not exist"
        r"|invalid|verif)",
    ),
    _rule(Reason.SENDER_REFUSED, stages="mail", words=r"does not exist|domain not found|sender|unresolv"),
    _rule(Reason.SENDER_REFUSED, stages="mail", status="1."),
    # --- the address ---
    _rule(Reason.GREYLISTED, digit=4, words=r"gr[ea]y.?list"),
    _rule(Reason.MAILBOX_BUSY, status="2.1", digit=4),
    _rule(
        Reason.MAILBOX_BUSY,
        digit=4,
        words=r"(?:user|mailbox|recipient) .{0,60}(?:receiving mail (?:too|at a rate)|is busy|locked)"
        r"|messages to \S+@\S+ deferred",
    ),
    _rule(Reason.MAILBOX_FULL, status="2.2"),
    _rule(
        Reason.MAILBOX_FULL,
        words=r"(?:mail ?box|inbox|quota|storage|user|account|recipient)\W.{0,40}(?:is )?(?:full|over.?quota|quota exceeded|exceeded (?:its |the |their )?(?:quota|storage))"
        r"|over.?quota|quota (?:is )?exceeded|too much mail data|mailbox full",
    ),
    _rule(
        Reason.AUTHENTICATION,
        status="7.20 7.21 7.22 7.23 7.24 7.25 7.26 7.27 7.29 7.30 7.32 7.515 7.509 7.40",
    ),
    _rule(Reason.NO_SUCH_DOMAIN, status="1.2"),
    _rule(Reason.NO_SUCH_DOMAIN, codes="556"),
    _rule(
        Reason.NO_SUCH_DOMAIN,
        digit=5,
        words=r"(?:domain|host) (?:name )?(?:not found|does not exist|does not accept mail"
        r"|is not reachable)|nxdomain|null ?mx|host unknown",
    ),
    # docomo and au say "unknown" of people who refuse mail from PCs, too: the address is not proved dead.
    _rule(
        Reason.FILTERED,
        digit=5,
        words=r"unknown user \S+@\S*docomo|@\S*(?:ezweb|\bau\b|kddi)\S*: user unknown"
        r"|recipient preferences",
    ),
    _rule(Reason.MAILBOX_DISABLED, status="2.1", digit=5),
    _rule(Reason.NO_SUCH_USER, status="1.1 1.6 1.10 1.351"),
    _rule(Reason.NO_SUCH_USER, status="1.0", digit=5, words=r"address rejected"),
    _rule(Reason.BAD_ADDRESS, status="1.3"),
    _rule(
        Reason.NO_SUCH_USER,
        digit=5,
        words=r"unknown (?:user|recipient|local|mailbox)|(?:user|recipient|mailbox|account|address)\b.{0,80}\b(?:unknown|not found|not exist|doesn'?t exist|no longer (?:on|exists?|available|valid))"
        r"|no such (?:user|recipient|mailbox|person|account|address)|invalid (?:recipient|mailbox|user)|no (?:mailbox|user) (?:here )?by that name"
        r"|(?:does not|doesn'?t) (?:have|exist)|not a (?:valid|known) (?:user|recipient|mailbox)"
        r"|not taken: mailbox unavailable|recipient (?:address )?rejected: user",
    ),
    _rule(
        Reason.MAILBOX_DISABLED,
        words=r"(?:account|mailbox|user|address|e-?mail)\b.{0,30}(?:disabled|deactivated|inactive|suspended|frozen|locked|closed)"
        r"|inactive (?:user|e-?mail|account)|mailbox is frozen",
    ),
    _rule(Reason.TOO_LARGE, status="2.3 3.4"),
    # --- the sending host, as this receiver sees it ---
    _rule(
        Reason.AUTHENTICATION,
        words=r"\b(?:spf|dkim|dmarc)\b|fails? to pass authentication|unauthenticated (?:e-?mail|mail)"
        r"|reverse dns|\bptr\b|valid sender domain|mismatches client ip",
    ),
    _rule(
        Reason.REPUTATION,
        words=r"\[?\btss?0\d\b|temporarily deferred|permanently deferred|reputation|user complaints"
        r"|\(s775\)|\(s3114\)",
    ),
    _rule(Reason.REPUTATION, status="7.28 7.650 7.651"),
    _rule(Reason.THROTTLED, status="7.500 7.28 5.3"),
    _rule(Reason.THROTTLED, words=_TOO_FAST),
    _rule(
        Reason.BLOCKLISTED,
        words=r"block(?:ed)?.?list|black.?list|block list|\brbl\b|dnsbl|spamhaus|spamcop|barracuda"
        r"|banned sending ip|\(s3140\)|\(s3150\)|host network not allowed"
        r"|access denied.{0,40}\bip\b|\bip\b.{0,60}(?:blocked|banned|denied|not allowed)",
    ),
    # --- the mail ---
    _rule(
        Reason.TOO_LARGE,
        words=r"(?:message|mail|size)\b.{0,40}(?:too (?:large|big|long)|exceed\w* .{0,40}(?:size|maximum"
        r"|limit))|size limit|maximum (?:message )?size",
    ),
    _rule(
        Reason.SPAM,
        words=r"\bspam|\bube\b|\buce\b|unsolicited|junk ?mail|virus|malware|phish"
        r"|message content rejected|content .{0,30}(?:reject|block|denied)|suspicious",
    ),
    _rule(Reason.BAD_CONTENT, status="6."),
    _rule(Reason.BAD_CONTENT, words=r"line too long|bare (?:lf|cr|newline)|malformed|rfc ?5?[28]22|8-?bit"),
    # --- the receiving server, now ---
    _rule(Reason.SERVER_BUSY, status="3.2"),
    _rule(
        Reason.SERVER_BUSY,
        digit=4,
        words=r"(?:server|system|service|host|resources?)\b.{0,40}(?:busy|overload|unavailable"
        r"|not available|maintenance)|try again later.{0,30}clos|\bbusy\b"
        r"|load(?: average)? (?:is )?too high",
    ),
    _rule(Reason.NETWORK, status="4."),
    _rule(Reason.THROTTLED, digit=4, status="7."),
    _rule(Reason.CLOSING, codes="421"),
    _rule(Reason.THROTTLED, digit=4, words=r"\bdeferred\b"),
    _rule(Reason.SERVER_BUSY, digit=5, codes="521"),
    _rule(Reason.POLICY, status="7."),
    _rule(
        Reason.POLICY,
        digit=5,
        words=r"polic(?:y|ies)|security|not (?:allowed|authori[sz]ed|permitted)|prohibited|access denied",
    ),
    _rule(Reason.BAD_ADDRESS, codes="501 553", stages="rcpt"),
    _rule(Reason.TOO_LARGE, codes="552", stages="mail body"),
    _rule(Reason.MAILBOX_FULL, codes="552", stages="rcpt"),
    _rule(Reason.NO_SUCH_USER, codes="551", stages="rcpt"),
    _rule(Reason.PROTOCOL, codes="500 501 502 503 504 555"),
    _rule(Reason.PROTOCOL, status="5."),
)
