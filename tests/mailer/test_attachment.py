"""A mail with a file: read again by another's parser."""

from __future__ import annotations

from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest

from mailer import mime
from mailer.errors import HeaderError
from mailer.message import Attachment, Mail, MailKind, Sender

PDF = bytes(range(256)) * 40


def _sent(file: Attachment | None) -> EmailMessage:
    raw = mime.encode(
        Mail(
            message_id="<1.a@maker.example>",
            to="0344772288@fax.example",
            sender=Sender("みのり精機", "fax@maker.example"),
            return_path="fax@maker.example",
            subject="ご案内",
            html="<p>本文</p>",
            text="本文",
            date=datetime(2026, 11, 24, tzinfo=UTC),
            kind=MailKind.TRANSACTIONAL,
            attachment=file,
        )
    )
    assert raw.isascii()
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    found = BytesParser(policy=policy.default).parsebytes(raw)
    assert isinstance(found, EmailMessage)
    return found


def test_a_pdf_hangs_on_the_mail_and_arrives_byte_by_byte() -> None:
    found = _sent(Attachment("fax.pdf", "application/pdf", PDF))
    assert found.get_content_type() == "multipart/mixed"
    (file,) = found.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("fax.pdf", "application/pdf")
    assert file.get_content() == PDF
    body = found.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "本文"


def test_a_calendar_entry_is_one_more_form_of_the_text_with_its_method() -> None:
    entry = "BEGIN:VCALENDAR\r\nSUMMARY:訪問\r\nEND:VCALENDAR\r\n"
    found = _sent(Attachment("invite.ics", "text/calendar; method=REQUEST", entry.encode()))
    assert found.get_content_type() == "multipart/alternative"
    *_, last = found.iter_parts()
    assert (last.get_content_type(), last.get_param("method")) == ("text/calendar", "REQUEST")
    assert last.get_content().replace("\r\n", "\n") == entry.replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.pdf\r\nBcc: x@y.example", "application/pdf"),
        ('a".pdf', "application/pdf"),
        ("御案内.pdf", "application/pdf"),
        ("a.pdf", "application/pdf\r\nX: y"),
        ("", "application/pdf"),
    ],
)
def test_a_name_or_type_that_would_end_the_header_is_refused(name: str, kind: str) -> None:
    with pytest.raises(HeaderError):
        _sent(Attachment(name, kind, PDF))
