"""Formats, kinds and traps of returned mails, on invented ones: what the samples do not hold."""

from __future__ import annotations

import json

import pytest

from mailer.bounces import Returned, ReturnedKind, Side, read

OWN = """Received: from mail.minori.example by mx.buyer.example for <taro@buyer.example>; Wed, 4 Nov 2026 09:30:00 +0900
From: Saeki <saeki@minori.example>
To: Taro <taro@buyer.example>
Subject: x
Message-ID: <d77.1@mail.minori.example>

hello
"""
DAEMON = "From: MAILER-DAEMON@mx.buyer.example\nTo: b+v1.TOKEN@mail.minori.example\n"


def notice(
    text: str, *, subject: str = "Undelivered mail", head: str = DAEMON, charset: str = "utf-8"
) -> Returned:
    top = f"{head}Subject: {subject}\nContent-Type: text/plain; charset={charset}\n\n"
    return read(top.encode() + text.encode(charset))


def report(fields: str, text: str = "I am sorry.", own: str = OWN) -> Returned:
    return read(
        f"""{DAEMON}Subject: Returned mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

{text}
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.buyer.example

{fields}
--B
Content-Type: message/rfc822

{own}
--B--
""".encode()
    )


# What mail systems write for people to read, each as its makers lay it out.
NOTICES = {
    "qmail": """Hi. This is the qmail-send program at mx.buyer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<taro@buyer.example>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

""",
    "postfix": """This is the mail system at host mx.buyer.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

<taro@buyer.example>: host mail.buyer.example[192.0.2.1] said: 550 5.1.1
    <taro@buyer.example>: Recipient address rejected: User unknown
    (in reply to RCPT TO command)
""",
    "courier": """This is a delivery status notification from mx.buyer.example,
running the Courier mail server, version 0.65.

The original message was received on Wed, 4 Nov 2026 09:30:00 +0900
from mail.minori.example

---------------------------------------------------------------------------

                           UNDELIVERABLE MAIL

Your message to the following recipients cannot be delivered:

<taro@buyer.example>:
    mail.buyer.example [192.0.2.1]:
>>> RCPT TO:<taro@buyer.example>
<<< 550 5.1.1 <taro@buyer.example>... User Unknown

---------------------------------------------------------------------------

""",
    "old sendmail": """   ----- Transcript of session follows -----
While talking to mail.buyer.example:
>>> RCPT To:<taro@buyer.example>
<<< 550 <taro@buyer.example>... User unknown
550 <taro@buyer.example>... User unknown

   ----- Unsent message follows -----
""",
    "sendmail behind pipelining": """   ----- The following addresses had permanent fatal errors -----
<taro@buyer.example>
    (reason: 550 <taro@buyer.example>... User unknown)

   ----- Transcript of session follows -----
... while talking to mail.buyer.example.:
>>> DATA
<<< 550 <taro@buyer.example>... User unknown
550 5.0.0 <taro@buyer.example>... User unknown
<<< 503 5.0.0 Need RCPT (recipient)
""",
    "james": """Hi. This is the James mail server at mx.buyer.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.  Below
I include the list of recipients and the reason why I was unable to deliver
your message.

Failed recipient(s):
taro@buyer.example

Error message:
550 - Requested action not taken: no such user here

Message details:
  Subject: x
  MAIL FROM: saeki@minori.example
  RCPT TO: taro@buyer.example
  From: saeki@minori.example
""",
    "exchange 2003": """Your message did not reach some or all of the intended recipients.

      Subject:\tx
      Sent:\t11/4/2026 9:30 AM

The following recipient(s) could not be reached:

      taro@buyer.example on 11/4/2026 9:31 AM
            The e-mail account does not exist at the organization this message was sent to.  Check the
e-mail address, or contact the recipient directly to find out the correct address.
            <mx.buyer.example #5.1.1>
""",
    "exchange 5.5": """Your message

  To:      saeki@minori.example
  Subject: x
  Sent:    Wed, 4 Nov 2026 09:30:00 +0900

did not reach the following recipient(s):

taro@buyer.example on Wed, 4 Nov 2026 09:31:00 +0900
    The recipient name is not recognized
\tThe MTS-ID of the original message is: c=jp;a= ;p=buyer;l=MX-041104
    MSEXCH:IMS:Buyer:MX 3550 (000B09B6) 550 5.1.1 <taro@buyer.example>... User unknown
""",
    "gmx": """This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of
its recipients. This is a permanent error. The following address
failed:

"taro@buyer.example":
SMTP error from remote server after RCPT command:
host: mail.buyer.example
5.1.1 <taro@buyer.example>... User Unknown


--- The header of the original message is following. ---

""",
    "zoho": """This message was created automatically by mail delivery software.
 A message that you sent could not be delivered to one or more of its recipients. This is a permanent error.

taro@buyer.example Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <taro@buyer.example>... User Unknown
""",
    "active hunter": """This message was created automatically by Active!hunter.

Your e-mail was not delivered to one or more recipients due to the following error.

 >>> taro@buyer.example <<<

550 sorry, no mailbox here by that name (#5.1.1 - chkuser)

----- Original message follows. -----
""",
    "gateway with responses": """We had trouble delivering your message. Full details follow:

Subject: 'x'
Date: 'Wed, 4 Nov 2026 09:30:00 +0900'

1 error(s):

SMTP Server <mail.buyer.example> rejected recipient <taro@buyer.example>
  (Error following RCPT command). It responded as follows: [550 5.1.1 <taro@buyer.example>... User Unknown]
""",
    "scanner": """Sent <<< RCPT TO:<taro@buyer.example>
Received >>> 550 5.1.1 <taro@buyer.example>... user unknown

Unable to deliver message to <taro@buyer.example> (and other recipients in the same domain).
""",
    "groupwise": """The message that you sent was undeliverable to the following:
    taro@buyer.example (user not found)

Possibly truncated original message follows:

""",
    "carrier": """Each of the following recipients was rejected by a remote mail server.

    Recipient: <taro@buyer.example>
    >>> RCPT TO:<taro@buyer.example>
    <<< 550 <taro@buyer.example>: User unknown

""",
    "japanese": """メールサーバーとの通信中、下記の理由によりこのメールは送信できませんでした。

以下のメールアドレスへの送信に失敗しました。

taro@buyer.example

宛先のメールアドレスが存在しません。
""",
    "german": """Ihre Nachricht konnte nicht zugestellt werden an:

taro@buyer.example

Der Empfänger ist unbekannt.
""",
}


@pytest.mark.parametrize("system", NOTICES)
@pytest.mark.parametrize("returns_mail", [True, False])
def test_a_notice_for_people_names_the_dead_address(system: str, returns_mail: bool) -> None:
    got = notice(NOTICES[system] + (OWN if returns_mail else ""))
    assert got.kind is ReturnedKind.BOUNCE
    (one,) = got.recipients
    assert (one.address, one.hard, one.reason) == ("taro@buyer.example", True, "user_unknown")
    if returns_mail and "message" in NOTICES[system].splitlines()[-1:]:
        assert got.original_message_id == "d77.1@mail.minori.example"


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"])
def test_a_japanese_notice_is_read_in_its_charset(charset: str) -> None:
    got = notice(
        "下記のメールは配信できませんでした。\n\n<taro@buyer.example>\n\nメールボックスの容量がいっぱいです。\n",
        subject="=?iso-2022-jp?B?GyRCJWEhPCVrJSglaSE8GyhC?=",
        charset=charset,
    )
    (one,) = got.recipients
    assert (got.kind, one.address, one.side, one.reason) == (
        ReturnedKind.BOUNCE,
        "taro@buyer.example",
        Side.SOFT,
        "mailbox_full",
    )


def test_the_mail_inside_tells_its_id_and_its_recipient() -> None:
    got = notice(NOTICES["qmail"] + OWN)
    assert got.original_message_id == "d77.1@mail.minori.example"
    assert got.original_recipients == ("taro@buyer.example",)
    assert got.original_to == "Taro <taro@buyer.example>"


def test_each_recipient_has_his_own_reason() -> None:
    got = notice(
        """The following address(es) failed:

  taro@buyer.example
    host mx.buyer.example [192.0.2.1]: 550 5.1.1 <taro@buyer.example>... User Unknown
  hana@buyer.example
    host mx.buyer.example [192.0.2.1]: 552 5.2.2 <hana@buyer.example>... Mailbox Full
  jiro@other.example
    retry timeout exceeded
"""
    )
    assert [(one.address, one.side, one.reason) for one in got.recipients] == [
        ("taro@buyer.example", Side.HARD, "user_unknown"),
        ("hana@buyer.example", Side.SOFT, "mailbox_full"),
        ("jiro@other.example", Side.SOFT, "expired"),
    ]


@pytest.mark.parametrize(
    ("fields", "side", "reason"),
    [
        ("Action: failed\nStatus: 5.1.1", Side.HARD, "user_unknown"),
        ("Action: failed\nStatus: 5.1.2", Side.HARD, "host_unknown"),
        ("Action: failed\nStatus: 5.1.6", Side.HARD, "moved"),
        ("Action: failed\nStatus: 5.1.10", Side.HARD, "user_unknown"),
        ("Action: failed\nStatus: 5.2.2", Side.SOFT, "mailbox_full"),
        ("Action: failed\nStatus: 4.4.7", Side.SOFT, "expired"),
        ("Action: failed\nStatus: 4.4.1\nDiagnostic-Code: smtp; Connection timed out", Side.SOFT, "network"),
        ("Action: failed\nStatus: 5.7.1", Side.SENDER, "policy"),
        ("Action: failed\nStatus: 5.7.515", Side.SENDER, "auth_failure"),
        ("Action: failed\nStatus: 5.7.606", Side.SENDER, "blocked"),
        (
            "Action: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 No such user",
            Side.HARD,
            "user_unknown",
        ),
        (
            "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 mailbox full",
            Side.SOFT,
            "mailbox_full",
        ),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 : User unknown", Side.SOFT, "filtered"),
        (
            "Action: failed\nStatus: 5.2.0\nDiagnostic-Code: smtp; 550 Unknown user (in reply to end of"
            " DATA command)",
            Side.SOFT,
            "filtered",
        ),
        ("Action: failed\nStatus: 5.0.0", Side.SOFT, "unclear"),
        ("Status: 5.1.1", Side.HARD, "user_unknown"),
    ],
)
def test_codes_and_words_tell_whose_fault_it_is(fields: str, side: Side, reason: str) -> None:
    got = report(f"Final-Recipient: rfc822; taro@buyer.example\n{fields}\n")
    assert got.kind is ReturnedKind.BOUNCE
    (one,) = got.recipients
    assert (one.address, one.side, one.reason) == ("taro@buyer.example", side, reason)


def test_a_footer_under_the_notice_is_not_the_reason() -> None:
    got = report(
        "Final-Recipient: rfc822; taro@buyer.example\nAction: failed\nStatus: 5.1.1\n",
        text="Delivery failed.\n\nThis mail has been scanned for all viruses and spam by a scanner.",
    )
    assert got.recipients[0].reason == "user_unknown"


def test_a_delay_is_no_bounce() -> None:
    got = report("Final-Recipient: rfc822; taro@buyer.example\nAction: delayed\nStatus: 4.4.1\n")
    assert got.kind is ReturnedKind.DELAYED
    assert not got.recipients[0].hard
    told = notice(
        "Delivery to taro@buyer.example has been delayed.\nMessage will be retried for 2 more day(s)\n"
    )
    assert told.kind is ReturnedKind.DELAYED


def test_a_mixed_report_is_about_its_failures_alone() -> None:
    got = report(
        "Final-Recipient: rfc822; taro@buyer.example\nAction: failed\nStatus: 5.1.1\n\n"
        "Final-Recipient: rfc822; hana@buyer.example\nAction: delayed\nStatus: 4.4.1\n\n"
        "Final-Recipient: rfc822; jiro@buyer.example\nAction: delivered\nStatus: 2.0.0\n"
    )
    assert [one.address for one in got.recipients] == ["taro@buyer.example"]


def test_a_receipt_is_no_bounce() -> None:
    got = report("Final-Recipient: rfc822; taro@buyer.example\nAction: relayed\nStatus: 2.0.0\n")
    assert got.kind is ReturnedKind.OTHER
    assert got.recipients[0].reason == "delivered"


def test_an_address_rewritten_on_the_way_is_given_as_we_wrote_it_too() -> None:
    got = report(
        "Original-Recipient: rfc822; taro@buyer.example\nFinal-Recipient: rfc822; t.yamada@group.example\n"
        "Action: failed\nStatus: 5.1.1\n"
    )
    (one,) = got.recipients
    assert (one.address, one.original) == ("t.yamada@group.example", "taro@buyer.example")


def test_a_report_without_an_address_takes_it_from_our_mail() -> None:
    got = report("Final-Recipient: x-unix; |/usr/bin/procmail\nAction: failed\nStatus: 5.1.1\n")
    assert [one.address for one in got.recipients] == ["taro@buyer.example"]


def test_a_recipient_hidden_in_the_return_path_is_found_last() -> None:
    head = "From: MAILER-DAEMON@mx.example\nTo: bounce-17-taro=buyer.example@minori.example\n"
    got = notice("Your message could not be delivered.", head=head)
    assert [one.address for one in got.recipients] == ["taro@buyer.example"]


def arf(kind: str, extra: str = "", own: str = OWN) -> Returned:
    return read(
        f"""From: fbl@provider.example
To: abuse@minori.example
Subject: FW: x
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an email abuse report.
--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
Version: 1
{extra}
--B
Content-Type: message/rfc822

{own}
--B--
""".encode()
    )


@pytest.mark.parametrize("kind", ["abuse", "opt-out", "fraud", "virus", "other", "never-heard-of"])
def test_a_feedback_report_is_a_complaint_of_the_recipient_of_our_mail(kind: str) -> None:
    got = arf(kind)
    assert (got.kind, got.feedback_type) == (ReturnedKind.COMPLAINT, kind)
    assert [one.address for one in got.recipients] == ["taro@buyer.example"]
    assert got.original_message_id == "d77.1@mail.minori.example"
    assert not got.recipients[0].hard


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "dmarc"])
def test_a_report_about_our_own_set_up_complains_of_nothing(kind: str) -> None:
    assert arf(kind).kind is ReturnedKind.OTHER


def test_a_named_recipient_of_a_complaint_comes_before_the_header() -> None:
    got = arf("abuse", extra="Original-Rcpt-To: hana@buyer.example\nOriginal-Rcpt-To: <jiro@buyer.example>")
    assert [one.address for one in got.recipients] == ["hana@buyer.example", "jiro@buyer.example"]


def amazon(told: dict[str, object], *, wrapped: bool) -> Returned:
    text = json.dumps({"Type": "Notification", "Message": json.dumps(told)} if wrapped else told, indent=1)
    head = "From: no-reply@sns.example\nTo: b@minori.example\n"
    return notice(f"{text}\n\n--\nIf you wish to stop ...", subject="Notification Message", head=head)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_notification_in_json_is_read_like_a_report(wrapped: bool) -> None:
    person = {
        "emailAddress": "taro@buyer.example",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 gone",
    }
    got = amazon({"notificationType": "Bounce", "bounce": {"bouncedRecipients": [person]}}, wrapped=wrapped)
    assert got.kind is ReturnedKind.BOUNCE
    assert [(one.address, one.hard) for one in got.recipients] == [("taro@buyer.example", True)]
    spoke = {
        "complainedRecipients": [{"emailAddress": "taro@buyer.example"}],
        "complaintFeedbackType": "abuse",
    }
    got = amazon({"notificationType": "Complaint", "complaint": spoke}, wrapped=wrapped)
    assert (got.kind, got.recipients[0].address) == (ReturnedKind.COMPLAINT, "taro@buyer.example")
    got = amazon(
        {"notificationType": "Delivery", "delivery": {"recipients": ["taro@buyer.example"]}}, wrapped=wrapped
    )
    assert got.kind is ReturnedKind.OTHER


@pytest.mark.parametrize(
    "broken",
    [
        '{"notificationType": "Bounce"',
        '{"notificationType": "Bounce", "bounce": 7}',
        '{"Type": "x", "Message": "[]"}',
        '{"Type": ' + "[" * 30_000,
    ],
)
def test_broken_json_is_no_report(broken: str) -> None:
    assert notice(broken, subject="x", head="From: x@sns.example\n").kind is ReturnedKind.OTHER


PERSON = "From: Taro <taro@buyer.example>\nTo: b+v1.TOKEN@mail.minori.example\n"


@pytest.mark.parametrize(
    ("head", "subject", "text"),
    [
        ("Auto-Submitted: auto-replied\n", "Re: x", "I am out of the office until Monday."),
        (
            "Return-Path: <>\nAuto-Submitted: auto-replied\n",
            "Re: x",
            "Your mail has not been delivered to anyone else.",
        ),
        ("", "Out of Office: x", "I cannot be reached. Mail will not be delivered."),
        ("", "Automatic reply: x", "Mailbox full of work."),
        ("", "AUTO: Taro is out of the office", "back soon"),
        ("", "不在のお知らせ", "休暇中です。"),
        ("", "自動返信: お問い合わせ", "受け付けました。"),
        ("", "Abwesenheitsnotiz", "Ich bin nicht im Haus."),
        ("", "Réponse automatique : x", "Je suis absent."),
        ("X-Autoreply: yes\n", "Thank you", "We got your mail."),
        ("Precedence: auto_reply\n", "Thank you", "We got your mail."),
        ("Auto-Submitted: auto-replied\n", "Taro has left", "taro@buyer.example no longer works here."),
    ],
)
def test_a_vacation_note_is_no_bounce(head: str, subject: str, text: str) -> None:
    got = notice(text, subject=subject, head=PERSON + head)
    assert (got.kind, got.recipients) == (ReturnedKind.AUTOREPLY, ())


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (
            "Re: x",
            "The machine you sent could not be delivered, user unknown at our gate. taro@buyer.example",
        ),
        ("Re: delivery failure of the pump", "It was returned to sender: mailbox full."),
        ("Re: Undelivered mail", "Why do I get this?"),
        ("Visit", "Please send it to hana@buyer.example, she has the budget."),
        ("unsubscribe", "please"),
    ],
)
def test_a_persons_mail_is_no_bounce(subject: str, text: str) -> None:
    got = notice(text, subject=subject, head=PERSON + "In-Reply-To: <d77.1@mail.minori.example>\n")
    assert got.kind is ReturnedKind.OTHER


def test_a_bounce_that_calls_itself_an_automatic_reply_is_a_bounce() -> None:
    got = notice(NOTICES["postfix"], head=DAEMON + "Auto-Submitted: auto-replied\nReturn-Path: <>\n")
    assert got.kind is ReturnedKind.BOUNCE


def test_a_report_wrapped_by_a_gateway_is_read() -> None:
    wrapped = b"""From: gateway@buyer.example
Subject: FW: Undeliverable
Content-Type: multipart/mixed; boundary="W"

--W
Content-Type: message/rfc822

From: MAILER-DAEMON@mx.example
Subject: Returned mail
Content-Type: multipart/report; boundary="B"

--B
Content-Type: message/delivery-status

Final-Recipient: rfc822; taro@buyer.example
Action: failed
Status: 5.1.1

--B--
--W
Content-Type: text/plain

This e-mail is confidential.
--W--
"""
    assert [one.address for one in read(wrapped).recipients] == ["taro@buyer.example"]
