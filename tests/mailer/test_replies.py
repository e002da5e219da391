"""What servers say, and what is made of it. Each case names where its words come from.

Sources, by their short names below:
    RFC        5321, 3463, 5248, 6647, 7372, 7504, 7505, and the IANA registry of enhanced status codes
    google     support.google.com "Gmail SMTP errors and codes"; smtp.codes/google
    yahoo      senders.yahooinc.com "SMTP error codes"; help.yahoo.com SLN26151
    microsoft  learn.microsoft.com "Email non-delivery reports"; postmaster.live.com
    apple      smtp.codes/icloud
    carriers   note.com/sendmagic on docomo, au, SoftBank and J:COM
    ses        docs.aws.amazon.com/ses "Errors related to the sending quotas"
    postfix    the Postfix documentation, postgrey
    vectors    diagnostic texts of the shared bounce samples
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer import replies
from mailer.receipts import Outcome, outcome_of
from mailer.replies import GONE, Reason, Scope, Stage
from mailer.reply_rules import RULES

A, T, P, D = Outcome.ACCEPTED, Outcome.TEMPORARY, Outcome.PERMANENT, Outcome.IN_DOUBT
MAIL, DOMAIN, ACCOUNT = Scope.MAIL, Scope.DOMAIN, Scope.ACCOUNT
CONNECT, FROM, RCPT, DATA, BODY = Stage.CONNECT, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY
R = Reason

# fmt: off
CASES = [
    # source, stage, code, text -> outcome, scope, reason
    ("RFC 5321", BODY, 250, "2.0.0 Ok: queued as 4D1F", A, MAIL, R.ACCEPTED),
    ("RFC 5321", DATA, 354, "End data with <CR><LF>.<CR><LF>", A, MAIL, R.ACCEPTED),
    ("RFC 5321", RCPT, 251, "2.1.5 User not local; will forward", A, MAIL, R.ACCEPTED),
    # --- the address ---
    ("google", RCPT, 550, "5.1.1 The email account that you tried to reach does not exist. Please try", P, MAIL, R.NO_SUCH_USER),
    ("postfix", RCPT, 550, "5.1.1 <kijitora@example.jp>: Recipient address rejected: User unknown in virtual mailbox table", P, MAIL, R.NO_SUCH_USER),
    ("microsoft", RCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", P, MAIL, R.NO_SUCH_USER),
    ("microsoft", BODY, 550, "5.1.351 Remote server returned unknown recipient or mailbox unavailable", P, MAIL, R.NO_SUCH_USER),
    ("vectors", RCPT, 550, "5.1.6 recipient no longer on server: kijitora@example.jp", P, MAIL, R.NO_SUCH_USER),
    ("carriers docomo", RCPT, 550, "Unknown user taro@docomo.example.ne.jp", P, MAIL, R.FILTERED),
    ("carriers au", RCPT, 550, "<taro@ezweb.example.ne.jp>: User unknown", P, MAIL, R.FILTERED),
    ("carriers SoftBank", RCPT, 550, "Invalid recipient: <taro@i.softbank.example.jp>", P, MAIL, R.NO_SUCH_USER),
    ("yahoo", BODY, 554, "delivery error: dd This user doesn't have a yahoo.com account (nobody@yahoo.example) [0] - mta1061", P, MAIL, R.NO_SUCH_USER),
    ("apple", RCPT, 550, "5.1.1 <nobody@icloud.example>: user does not exist", P, MAIL, R.NO_SUCH_USER),
    ("vectors", RCPT, 550, "kijitora@example.com... No such user", P, MAIL, R.NO_SUCH_USER),
    ("vectors", RCPT, 550, "5.1.1 RCP-P2 http://postmaster.example/response_codes Refused due to recipient preferences", P, MAIL, R.FILTERED),
    ("vectors", RCPT, 550, "#5.1.0 Address rejected.", P, MAIL, R.NO_SUCH_USER),
    ("microsoft", RCPT, 550, "Requested action not taken: mailbox unavailable (-0000000022:2222:-0000000022)", P, MAIL, R.NO_SUCH_USER),
    ("vectors", RCPT, 550, "5.2.1 <kijitora@example.jp>... User Unknown", P, MAIL, R.MAILBOX_DISABLED),
    ("RFC 3463", RCPT, 550, "5.1.2 Bad destination system address", P, MAIL, R.NO_SUCH_DOMAIN),
    ("RFC 7504, 7505", RCPT, 556, "5.1.10 Domain does not accept mail", P, MAIL, R.NO_SUCH_DOMAIN),
    ("RFC 7504", RCPT, 556, "no mail here", P, MAIL, R.NO_SUCH_DOMAIN),
    ("RFC 3463", RCPT, 553, "5.1.3 Bad recipient address syntax", P, MAIL, R.BAD_ADDRESS),
    ("RFC 5321", RCPT, 501, "Syntax error in parameters", P, MAIL, R.BAD_ADDRESS),
    ("google", RCPT, 452, "4.2.2 The email account that you tried to reach is over quota.", T, MAIL, R.MAILBOX_FULL),
    ("vectors", RCPT, 550, "5.2.2 <kijitora@example.jp>... Mailbox Full", P, MAIL, R.MAILBOX_FULL),
    ("carriers docomo", BODY, 552, "Too much mail data taro@docomo.example.ne.jp", P, MAIL, R.MAILBOX_FULL),
    ("apple", RCPT, 552, "5.2.2 <taro@icloud.example>: user is over quota", P, MAIL, R.MAILBOX_FULL),
    ("google", RCPT, 450, "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages", T, MAIL, R.MAILBOX_BUSY),
    ("google", RCPT, 550, "5.2.1 The email account that you tried to reach is disabled.", P, MAIL, R.MAILBOX_DISABLED),
    ("vectors", RCPT, 550, "Mailbox is frozen. See http://mail.example/err/3/", P, MAIL, R.MAILBOX_DISABLED),
    ("postfix postgrey", RCPT, 450, "4.7.1 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey.example/help", T, MAIL, R.GREYLISTED),
    ("RFC 6647", RCPT, 451, "4.7.1 Greylisting in action, please come back later", T, MAIL, R.GREYLISTED),
    # --- slow down, this domain ---
    ("google", BODY, 421, "4.7.28 [192.0.2.1] Our system has detected an unusual rate of unsolicited mail originating from your IP address.", T, DOMAIN, R.REPUTATION),
    ("google", BODY, 421, "4.7.0 [192.0.2.1] Our system has detected that this message is suspicious due to the very low reputation of the sending domain.", T, DOMAIN, R.REPUTATION),
    ("google", RCPT, 421, "4.4.5 Server busy, try again later.", T, DOMAIN, R.SERVER_BUSY),
    ("google", RCPT, 421, "4.7.0 Try again later, closing connection.", T, DOMAIN, R.SERVER_BUSY),
    ("yahoo", FROM, 421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1", T, DOMAIN, R.REPUTATION),
    ("yahoo", FROM, 421, "4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred", T, DOMAIN, R.REPUTATION),
    ("yahoo", RCPT, 451, "Resources temporarily not available - Please try again later [#4.16.5].", T, DOMAIN, R.SERVER_BUSY),
    ("microsoft", RCPT, 451, "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)", T, DOMAIN, R.REPUTATION),
    ("microsoft", RCPT, 451, "4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", T, DOMAIN, R.THROTTLED),
    ("microsoft", RCPT, 421, "RP-001 (SNT004) Unfortunately, some messages from 192.0.2.1 weren't sent. Exceeded the rate limit.", T, DOMAIN, R.THROTTLED),
    ("apple", RCPT, 421, "4.7.1 Messages to taro@icloud.example deferred due to excessive volume. Try again later", T, MAIL, R.MAILBOX_BUSY),
    ("apple", RCPT, 451, "4.7.1 Service unavailable - try again later", T, DOMAIN, R.SERVER_BUSY),
    ("carriers J:COM", FROM, 421, "#4.x.2 Too many messages for this session", T, ACCOUNT, R.THROTTLED),
    ("carriers J:COM", BODY, 421, "#4.x.2 Too many messages for this session", T, DOMAIN, R.THROTTLED),
    ("postfix", RCPT, 450, "4.7.1 Error: too much mail from 192.0.2.1", T, DOMAIN, R.THROTTLED),
    ("RFC 3463", RCPT, 452, "4.5.3 Too many recipients", T, DOMAIN, R.THROTTLED),
    ("RFC 3463", BODY, 451, "4.3.2 System not accepting network messages", T, DOMAIN, R.SERVER_BUSY),
    ("RFC 3463", RCPT, 451, "4.4.2 Bad connection", T, DOMAIN, R.NETWORK),
    ("RFC 3463", RCPT, 450, "4.7.1 Try again later", T, DOMAIN, R.THROTTLED),
    ("RFC 5321", RCPT, 421, "closing channel", T, DOMAIN, R.CLOSING),
    ("vectors", RCPT, 550, "Connection frequency limited", P, DOMAIN, R.THROTTLED),
    ("vectors", RCPT, 550, "Ip frequency limited", P, DOMAIN, R.THROTTLED),
    # --- the sender's own fault ---
    ("google", BODY, 550, "5.7.26 Your email has been blocked because the sender is unauthenticated.", P, DOMAIN, R.AUTHENTICATION),
    ("microsoft", BODY, 550, "5.7.515 Access denied, sending domain maker.example doesn't meet the required authentication level.", P, DOMAIN, R.AUTHENTICATION),
    ("RFC 7372", RCPT, 550, "5.7.25 Reverse DNS validation failed", P, DOMAIN, R.AUTHENTICATION),
    ("vectors", RCPT, 550, "5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 203.0.113.2", P, DOMAIN, R.AUTHENTICATION),
    ("apple", BODY, 550, "5.7.1 Your message was rejected due to maker.example DMARC policy.", P, DOMAIN, R.AUTHENTICATION),
    ("microsoft", FROM, 550, "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150).", P, ACCOUNT, R.BLOCKLISTED),
    ("microsoft", RCPT, 550, "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150).", P, DOMAIN, R.BLOCKLISTED),
    ("apple", BODY, 550, "5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL", P, DOMAIN, R.BLOCKLISTED),
    ("vectors", BODY, 554, "5.7.0 Reject, id=20025-09 - SPAM", P, MAIL, R.SPAM),
    ("vectors", BODY, 550, "5.7.1 Message content rejected, UBE, id=00000-00-000", P, MAIL, R.SPAM),
    ("vectors", BODY, 554, "5.7.9 Message not accepted for policy reasons. See http://postmaster.example", P, MAIL, R.POLICY),
    ("apple", RCPT, 550, "5.7.1 [CS01] Message rejected due to local policy.", P, MAIL, R.POLICY),
    ("vectors", RCPT, 501, "5.1.8 Sender address rejected", P, MAIL, R.SENDER_REFUSED),
    ("postfix", RCPT, 450, "4.1.8 <bounce@maker.example>: Sender address rejected: Domain not found", T, MAIL, R.SENDER_REFUSED),
    ("carriers SoftBank", FROM, 553, "maker.example does not exist", P, MAIL, R.SENDER_REFUSED),
    # --- the mail ---
    ("google", BODY, 552, "5.2.3 Your message exceeded Google's message size limits.", P, MAIL, R.TOO_LARGE),
    ("RFC 1870", FROM, 552, "5.3.4 Message size exceeds fixed limit", P, MAIL, R.TOO_LARGE),
    ("RFC 5321", BODY, 552, "refused", P, MAIL, R.TOO_LARGE),
    ("carriers docomo", BODY, 500, "Line Too Long", P, MAIL, R.BAD_CONTENT),
    ("RFC 3463", BODY, 554, "5.6.0 Bad message", P, MAIL, R.BAD_CONTENT),
    # --- our account and its server ---
    ("ses", BODY, 454, "Throttling failure: Maximum sending rate exceeded", T, ACCOUNT, R.ACCOUNT_LIMIT),
    ("ses", BODY, 454, "Throttling failure: Daily message quota exceeded", T, ACCOUNT, R.ACCOUNT_LIMIT),
    ("google", BODY, 550, "5.4.5 Daily user sending limit exceeded.", T, ACCOUNT, R.ACCOUNT_LIMIT),
    ("google", RCPT, 550, "5.7.0 Daily SMTP relay limit exceeded for user", T, ACCOUNT, R.ACCOUNT_LIMIT),
    ("google", CONNECT, 535, "5.7.8 Username and Password not accepted.", T, ACCOUNT, R.LOGIN_FAILED),
    ("RFC 4954", CONNECT, 454, "4.7.0 Temporary authentication failure", T, ACCOUNT, R.LOGIN_AWAY),
    ("RFC 4954", FROM, 530, "5.7.0 Authentication required", T, ACCOUNT, R.LOGIN_FAILED),
    ("google", CONNECT, 530, "5.7.0 Must issue a STARTTLS command first", T, ACCOUNT, R.TLS),
    ("postfix", FROM, 452, "4.3.1 Insufficient system storage", T, ACCOUNT, R.SERVER_STORAGE),
    ("postfix", RCPT, 554, "5.7.1 <a@b.example>: Relay access denied", T, DOMAIN, R.RELAY_DENIED),
    ("google", RCPT, 421, "4.7.0 TLS required for RCPT domain, closing connection.", T, DOMAIN, R.TLS),
    ("RFC 5321", CONNECT, 421, "Service not available, closing transmission channel", T, ACCOUNT, R.SERVER_BUSY),
    ("RFC 5321", CONNECT, 554, "No SMTP service here", T, ACCOUNT, R.BLOCKLISTED),
    ("RFC 5321", CONNECT, 0, "no connection: Connection refused", T, ACCOUNT, R.AWAY),
    ("RFC 5321", FROM, 421, "Service not available", T, ACCOUNT, R.SERVER_BUSY),
    # --- nothing more is known ---
    ("RFC 5321", RCPT, 451, "local error in processing", T, MAIL, R.LATER),
    ("RFC 3463", RCPT, 451, "4.3.0 Other or undefined mail system status", T, MAIL, R.LATER),
    ("RFC 5321", RCPT, 450, "", T, MAIL, R.LATER),
    ("RFC 5321", RCPT, 550, "", P, MAIL, R.REFUSED),
    ("vectors", RCPT, 542, "kijitora@example.com Rejected", P, MAIL, R.REFUSED),
    ("vectors", FROM, 503, "Improper sequence of commands", P, MAIL, R.PROTOCOL),
    ("RFC 1047", BODY, 0, "connection closed", D, MAIL, R.NO_ANSWER),
    ("RFC 1047", BODY, 0, "", D, MAIL, R.NO_ANSWER),
    ("RFC 5321", RCPT, 0, "timeout", T, MAIL, R.NO_ANSWER),
    ("RFC 5321", BODY, 354, "go on", D, MAIL, R.ODD_ANSWER),
    ("RFC 5321", DATA, 250, "ok", T, MAIL, R.ODD_ANSWER),
    ("RFC 5321", RCPT, 354, "go on", T, MAIL, R.ODD_ANSWER),
    ("RFC 5321", BODY, 120, "what", D, MAIL, R.ODD_ANSWER),
    ("RFC 5321", BODY, 999, "what", D, MAIL, R.ODD_ANSWER),
]
# fmt: on


@pytest.mark.parametrize(("source", "stage", "code", "text", "outcome", "scope", "reason"), CASES)
def test_a_reply_is_understood(
    source: str, stage: Stage, code: int, text: str, outcome: Outcome, scope: Scope, reason: Reason
) -> None:
    seen = replies.read(code, text, stage=stage)
    assert (seen.outcome, seen.scope, seen.reason) == (outcome, scope, reason), source


@given(st.integers(-1000, 100_000), st.text(max_size=300), st.sampled_from(Stage))
def test_every_reply_has_a_verdict_and_a_body_in_doubt_is_the_only_doubt(
    code: int, text: str, stage: Stage
) -> None:
    seen = replies.read(code, text, stage=stage)
    assert seen.reason in Reason
    assert (seen.outcome is D) == (stage is BODY and not 200 <= code <= 299 and not 400 <= code <= 599)
    assert seen.outcome is not Outcome.WITHHELD
    if seen.outcome is A:
        assert 200 <= code <= 299 or (code == 354 and stage is DATA)
    assert seen.wait_s is None or 1 <= seen.wait_s <= 86_400


@given(st.integers(200, 599), st.sampled_from(list(CASES)))
def test_the_words_of_a_reply_never_turn_a_no_after_the_body_into_a_yes(code: int, case: tuple) -> None:  # type: ignore[type-arg]
    seen = replies.read(code, case[3], stage=BODY)
    assert (seen.outcome is A) == (outcome_of(code) is A)
    assert (seen.outcome is D) == (outcome_of(code) is D)


@pytest.mark.parametrize("code", [421, 450, 451, 452, 454])
@pytest.mark.parametrize("stage", [RCPT, DATA, BODY])
def test_a_temporary_answer_never_marks_an_address_as_gone(code: int, stage: Stage) -> None:
    for text in ("5.1.1 User unknown", "4.1.1 no such user", "User unknown, greylisted"):
        assert not replies.read(code, text, stage=stage).is_gone


def test_policy_and_reputation_never_mark_an_address_as_gone() -> None:
    for source, stage, code, text, *_, reason in CASES:
        seen = replies.read(code, text, stage=stage)
        assert seen.is_gone == (reason in GONE), (source, text)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 no", "5.1.1"),
        ("#5.1.0 Address rejected.", "5.1.0"),
        ("sorry (#5.7.1)", "5.7.1"),
        ("05.01.01", ""),
        ("version 5.4.3.2 here", ""),
        ("[192.4.7.1] said no", ""),
        ("5.1.1.", ""),
        ("4.07.028 x", "4.7.28"),
        ("", ""),
    ],
)
def test_enhanced_status_codes_are_found_where_servers_put_them(text: str, status: str) -> None:
    assert replies.enhanced(text) == status


@pytest.mark.parametrize(
    ("text", "wait_s"),
    [
        ("Greylisted, please try again in 300 seconds", 300.0),
        ("greylisted, retry after 10 minutes", 600.0),
        ("greylisted, come back in 2 hours", 7200.0),
        ("greylisted, try again in 0 s", 1.0),
        ("greylisted, wait 99999 hours", 86_400.0),
        ("greylisted", 300.0),
    ],
)
def test_the_wait_a_server_asks_for_is_kept_within_a_day(text: str, wait_s: float) -> None:
    assert replies.read(451, text, stage=RCPT).wait_s == wait_s


def test_hostile_words_cost_no_time() -> None:
    started = time.perf_counter()
    for text in ("user " * 5000, "a@" * 5000, "exceed" * 5000, "messages to " + "x@" * 5000, "(" * 10_000):
        for stage in Stage:
            replies.read(450, text, stage=stage)
    assert time.perf_counter() - started < 5.0


def test_every_rule_of_the_table_is_reached_by_a_reason_that_has_a_case() -> None:
    shown = {case[-1] for case in CASES}
    assert {rule.reason for rule in RULES} <= shown
