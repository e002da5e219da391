"""What servers say, read one line at a time: is the address dead?"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from mailer.bounces import REASONS, wording
from mailer.bounces.codes import reply_in, status_in
from mailer.bounces.phrases import english, japanese, others
from mailer.bounces.verdict import Evidence, judge

DEAD = """
550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos
550 5.1.1 <taro@buyer.example>: Recipient address rejected: User unknown in virtual alias table
550 5.4.1 Recipient address rejected: Access denied. AS(201806281)
550 #5.1.0 Address rejected.
550 Requested action not taken: mailbox unavailable
550 No Such User Here
550 RCPT TO:<taro@buyer.example> User unknown
553 5.1.2 We weren't able to find the recipient domain. Please check for any spelling errors
550 5.1.2 <taro@buyer.example>: Recipient address rejected: Domain not found
Host or domain name not found. Name service error for name=buyer.example type=A: Host not found
550 Host unknown
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found
DNS domain 'buyer.example' does not exist [Message=InfoDomainNonexistent]
550 5.4.310 DNS domain buyer.example does not exist
550 Invalid recipient: <taro@buyer.example>
550 Address unknown
550 sorry, no mailbox here by that name (#5.1.1 - chkuser)
511 sorry, no mailbox here by that name (#5.1.1 - chkuser)
Sorry, I couldn't find any host named buyer.example. (#5.1.2)
CNAME lookup failed permanently. (#5.1.2) no such domain
550 unrouteable address
550 Unknown recipient
554 5.1.1 Invalid Recipient
550 mail to <taro@buyer.example> not accepted here, user unknown
user unknown. Command output: Recipient not found
unknown user: "a"
mail.local: unknown name: a
550 5.2.1 The email account that you tried to reach does not exist
The e-mail account does not exist at the organization this message was sent to.  Check the e-mail address, or contact the recipient directly
The recipient name is not recognized
No such mailbox
550 taro@buyer.example: no such address here
553 sorry, your mail was administratively denied. no such user
550 5.1.6 Recipient no longer at this domain; mailbox has moved
551 User not local; please try <hana@other.example>
556 5.1.10 Recipient address has null MX
521 5.2.1 buyer.example does not accept mail
Domain of recipient address taro@buyer.example does not accept mail (nullMX)
user taro@buyer.example is not known at this site
Addressee unknown, relay=[192.0.2.1]
550 Account does not exist
550 Mailbox not found
550 Recipient not found
The user you are trying to contact is not registered
550 5.1.1 unknown or illegal alias: taro@buyer.example
550 cuckoo: user a doesn't exist
宛先のメールアドレスが見つかりません
550 ユーザーが存在しません
Der Empfänger ist unbekannt
utente sconosciuto
el usuario no existe
L'utilisateur n'existe pas
Пользователь не найден
收件人不存在
"""
ALIVE = """
552 5.2.2 mailbox full
552 5.2.2 The email account that you tried to reach is over quota and inactive
452 4.2.2 The email account that you tried to reach is over quota
550 5.2.2 Quota exceeded (mailbox for user is full)
554 5.2.2 mailbox full;STOREDRV.Deliver.Exception:QuotaExceededException
552 Mailbox over storage limit
The recipient's mailbox is full and can't accept messages now
550 5.2.1 The email account that you tried to reach is disabled
550 5.2.1 Mailbox unavailable. account disabled
The user(s) account is disabled.
The user(s) account is temporarily limited.
550 Account inactive
550 account suspended
552 5.3.4 Message size exceeds fixed limit
552 message size exceeds maximum message size
552 too much mail data
550 5.7.1 Our system has detected that this message is likely unsolicited mail
550 5.7.26 This mail has been blocked because the sender is unauthenticated
550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using Spamhaus
554 5.7.1 Service unavailable; Sender address [taro@buyer.example] blocked using dbl
550-5.7.25 The IP address sending this message does not have a PTR record setup
421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints
553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list
450 4.2.1 The user you are trying to contact is receiving mail too quickly
550 5.7.1 Recipient address rejected: Please see http://www.openspf.org/
550 5.1.8 <saeki@minori.example>: Sender address rejected: Domain not found
553 5.1.8 Domain of sender address saeki@minori.example does not exist
550 5.1.0 <saeki@minori.example>: Sender unknown
550 Sender verify failed
550 Verification failed for <saeki@minori.example> Unrouteable address Sender verify failed
550 Relay access denied
550 5.7.1 Unable to relay for taro@buyer.example
550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain
550 5.7.1 RESOLVER.RST.AuthRequired; authentication required
550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
550 5.7.124 RESOLVER.RST.SenderNotInAllowedSendersList; not authorized
Connection timed out
connect to mx.buyer.example[192.0.2.1]:25: Connection refused
conversation with mx.buyer.example timed out while sending end of data
retry timeout exceeded
delivery temporarily suspended: connect to buyer.example: Operation timed out
Too many hops 26 (25 max)
mail for buyer.example loops back to myself
5.4.6 Hop count exceeded - possible mail loop
554 5.0.0 Service unavailable
4.4.7 Message expired: unable to deliver in 840 minutes. <421 4.4.0 Unable to lookup DNS for buyer.example>
550 Administrative prohibition
550 5.7.1 Message rejected due to content restrictions
554 rejected due to virus
550 The message contains a virus
550 Blocked by recipient
delivery error: dd Sorry your message to taro@buyer.example cannot be delivered. This account has been disabled or discontinued [#102].
550 5.7.1 Delivery not authorized, message refused
The message reached the recipient's e-mail system, but delivery was refused.
Name service error for name=buyer.example type=MX: Host not found, try again
451 4.3.0 Temporary lookup failure
553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)
550 This message was rejected because of the receiving domain's policy
550 Too many invalid recipients
550 5.7.1 Your mailbox is blacklisted
550 permanent failure for one or more recipients (taro@buyer.example:blocked)
554 Denied (Mode: normal)
552 sorry, that message size exceeds my databytes limit (#5.3.4)
550 5.7.509 Access denied, sending domain minori.example does not pass DMARC verification
550 5.7.515 Access denied, sending domain minori.example doesn't meet the required authentication level.
550 SPF check failed
Mail quota exceeded
421 4.4.2 Connection dropped
450 4.1.1 <taro@buyer.example>: Recipient address rejected: unverified address: Address verification in progress
450 4.7.1 <taro@buyer.example>: Recipient address rejected: Greylisted
The mail could not be delivered for 5 days
554 Message does not conform to standards
550 5.6.0 Lone CR or LF in headers
552 5.7.0 This message was blocked because its content presents a potential security issue
554 5.7.1 The file attachment is not allowed
530 5.7.0 Must issue a STARTTLS command first
535 authentication failed
550 bad HELO
554 Transaction failed. No reverse DNS
550 5.1.1 Recipient's mailbox is full
The number of messages in recipient's mailbox exceeded the local limit.
user has exceeded his/her disk space limit
550 user has Exceeded mailbox size
550 taro@buyer.example is not accepting mail from you
550 5.7.1 This user has blocked you
550 ご指定のアドレスは受信拒否されています
メールボックスの容量がいっぱいです
la casella del destinatario è piena
Почтовый ящик переполнен
"""


def read(words: str) -> tuple[bool, str]:
    got = judge(Evidence("taro@buyer.example", words=[words]))
    return got.hard, got.reason


@pytest.mark.parametrize("words", DEAD.strip().splitlines())
def test_these_words_say_that_the_address_is_dead(words: str) -> None:
    assert read(words)[0], read(words)


@pytest.mark.parametrize("words", ALIVE.strip().splitlines())
def test_these_words_leave_the_address_alive(words: str) -> None:
    assert not read(words)[0], read(words)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("552 5.2.2 mailbox full", "mailbox_full"),
        ("552 5.3.4 Message size exceeds fixed limit", "too_big"),
        ("550 5.7.1 Client host [192.0.2.1] blocked using Spamhaus", "blocked"),
        ("550 5.7.26 This mail is unauthenticated", "auth_failure"),
        ("554 5.7.1 rejected as spam", "spam"),
        ("550 message contains a virus", "virus"),
        ("421 4.7.0 too many connections from your IP", "rate_limited"),
        ("550 account suspended", "suspended"),
        ("550 the user has moved to hana@other.example", "moved"),
        ("550 relaying denied", "rejected"),
        ("550 Host unknown", "host_unknown"),
        ("Connection refused", "network"),
        ("retry timeout exceeded", "expired"),
        ("530 5.7.0 Must issue a STARTTLS command first", "protocol"),
        ("550 blocked by the recipient", "filtered"),
        ("the dog ate it", "unclear"),
    ],
)
def test_words_become_a_reason_of_the_closed_list(words: str, reason: str) -> None:
    assert read(words)[1] == reason


def test_every_table_uses_reasons_of_the_closed_list() -> None:
    for table in (english.PHRASES, japanese.PHRASES, others.PHRASES):
        for name, phrases in table.items():
            reason = wording.WEAK.get(name, name.removeprefix("stock_"))
            assert reason in REASONS, name
            assert name in wording.ORDER, f"{name} is never asked"
            for phrase in phrases:
                re.compile(phrase)


def test_codes_are_read_and_addresses_of_machines_are_not() -> None:
    assert status_in("host 192.5.1.1 said: 550 5.1.1 gone, Postfix 2.11.3") == "5.1.1"
    assert status_in("5.0.0 then 5.2.2") == "5.2.2"
    assert status_in("version 8.15.2") == ""
    assert reply_in("host mx [10.0.0.450] said: 550 no") == "550"
    assert reply_in("id 550123") == ""


@pytest.mark.parametrize(
    "piece",
    [
        "user address account name ",
        "mailbox ",
        "is not ",
        "host domain ",
        "a.b.c.d ",
        "1.1.1.1 ",
        "....",
        "@a",
        "宛先",
    ],
)
def test_no_text_keeps_the_patterns_busy(piece: str) -> None:
    begin = time.process_time()
    wording.reason_of(piece * 100_000)
    assert time.process_time() - begin < 2, "a pattern has become worse than linear"


def test_every_reason_is_documented_with_its_side() -> None:
    told = (Path(__file__).parents[2] / "docs" / "bounces.md").read_text(encoding="utf-8")
    for code, reason in REASONS.items():
        assert f"| `{code}` | {reason.side} | {reason.meaning} |" in told
