"""Files are linked from mails, not carried: kept by what their bytes are, opened by their token alone."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import attach, author
from campaigns.services.attach import Refused
from tests.services.test_publish import House, house
from tests.web.test_mails import content_id, form_of
from tracking_pixel.tokens import TokenKind

__all__ = ["content_id", "house"]

PDF = b"%PDF-1.7\n" + b"x" * 3000


def office(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as book:
        for name in names:
            book.writestr(name, "x")
    return out.getvalue()


WORD = office("[Content_Types].xml", "word/document.xml")


def test_a_file_is_put_into_the_mail_as_a_link_and_opens_for_anybody(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = {**form_of(parts, content_id), "file": (io.BytesIO(PDF), "検査の記録.pdf")}
    client.post(f"/mails/{content_id}", data=form, content_type="multipart/form-data")
    page = client.get(f"/mails/{content_id}").get_data(as_text=True)
    found = re.search(r'data-insert=\'<a href="(http://[^"]+/f/[^"]+)">検査の記録 \(PDF\)</a>\'', page)
    assert found
    path = found[1].removeprefix(parts.settings.base_url)
    stranger = client.application.test_client()
    answer = stranger.get(path)
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "application/pdf", PDF)
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert "filename*=UTF-8''%E6%A4%9C" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].isascii()
    assert "Set-Cookie" not in answer.headers


def test_a_link_to_a_file_is_tracked_like_any_other(
    client: FlaskClient, parts: Parts, house: House, now: datetime, content_id: int
) -> None:
    url = attach.store(parts, PDF, name="a.pdf", user_id=None, now=now).url
    form = form_of(
        parts, content_id, html=f'<p>{{{{ 宛名 }}}}さま、資料です。<a href="{url}">資料 (PDF)</a></p>'
    )
    page = client.post(f"/mails/{content_id}/preview", data=form).get_data(as_text=True)
    assert "リンク1本を計測します。" in page
    assert "http://" not in re.sub(r'src="[^"]*"', "", re.sub(r"<pre.*?</pre>", "", page, flags=re.S)), (
        "our own address is no insecure link while practising"
    )


def test_a_forged_or_borrowed_token_opens_nothing(client: FlaskClient, parts: Parts, now: datetime) -> None:
    url = attach.store(parts, PDF, name="a.pdf", user_id=None, now=now).url
    token = url.split("/")[-2]
    other = parts.signer.sign(TokenKind.IMAGE, 1)
    missing = parts.signer.sign(TokenKind.FILE, 99)
    twice = parts.signer.sign(TokenKind.FILE, 1, 1)
    for bad in (token[:-1] + ("A" if token[-1] != "A" else "B"), other, missing, twice, "x", "1"):
        assert client.get(f"/f/{bad}/a.pdf").status_code == 404, bad
    assert client.get(f"/f/{token}/a.pdf").status_code == 200
    assert client.get(f"/f/{token}/").status_code == 404
    assert client.post(f"/f/{token}/a.pdf").status_code in (400, 405)


def test_the_name_in_the_address_does_not_rename_the_file(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    token = attach.store(parts, PDF, name="a.pdf", user_id=None, now=now).url.split("/")[-2]
    answer = client.get(f"/f/{token}/invoice.exe")
    assert "a.pdf" in answer.headers["Content-Disposition"]
    assert "exe" not in answer.headers["Content-Disposition"]


def test_a_part_of_a_file_can_be_fetched_and_what_is_known_is_not_sent_again(
    client: FlaskClient, parts: Parts, now: datetime
) -> None:
    path = attach.store(parts, PDF, name="a.pdf", user_id=None, now=now).url.removeprefix(
        parts.settings.base_url
    )
    part = client.get(path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"%PDF")
    etag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304


def test_the_same_bytes_are_one_file_with_its_first_name(parts: Parts, now: datetime) -> None:
    first = attach.store(parts, PDF, name="a.pdf", user_id=None, now=now)
    second = attach.store(parts, PDF, name="b.pdf", user_id=None, now=now)
    assert (first.url, first.is_known, second.is_known) == (second.url, False, True)
    assert [one.file.name for one in attach.recent(parts)] == ["a.pdf"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><script>", "not_a_document"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_document"),
        (b"MZ\x90\x00", "not_a_document"),
        (b"#!/bin/sh", "not_a_document"),
        (b"PK\x03\x04 cut", "damaged"),
        (office("run.exe"), "not_a_document"),
        (office("[Content_Types].xml", "word/a.xml", "xl/b.xml"), "not_a_document"),
        (office("[Content_Types].xml", "word/vbaProject.bin"), "macros"),
        (b"%PDF-" + b"x" * attach.MAX_BYTES, "too_large"),
    ],
    ids=["empty", "html", "svg", "exe", "script", "cut", "zip", "two", "macros", "large"],
)
def test_what_is_no_document_is_refused_whatever_its_name(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as caught:
        attach.look(data)
    assert caught.value.code == code


@pytest.mark.parametrize("cut", range(0, len(WORD), 7))
def test_a_cut_office_file_is_refused_not_a_crash(cut: int) -> None:
    with pytest.raises(Refused):
        attach.look(WORD[:cut])


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("記録.pdf", "記録.pdf"),
        ("記録.PDF", "記録.pdf"),
        ("../../etc/passwd", "passwd.pdf"),
        ("C:\\temp\\a.pdf", "a.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe.pdf"),
        ('a"\r\nSet-Cookie: x.pdf', "aSet-Cookie x.pdf"),
        ("", "file.pdf"),
        ("...", "file.pdf"),
        ("長" * 300 + ".pdf", "長" * 114 + ".pdf"),
    ],
)
def test_names_keep_nothing_that_deceives(name: str, kept: str) -> None:
    assert attach.clean_name(name, "application/pdf") == kept


def test_a_refused_file_is_said_in_words_and_the_mail_is_saved(
    client: FlaskClient, parts: Parts, house: House, content_id: int
) -> None:
    form = {**form_of(parts, content_id, subject="保存される"), "file": (io.BytesIO(b"MZ"), "a.pdf")}
    answer = client.post(
        f"/mails/{content_id}", data=form, content_type="multipart/form-data", follow_redirects=True
    )
    assert (
        "PDF、Word、Excel、PowerPoint（docx・xlsx・pptx）、PNG、JPEG だけ登録できます。"
        in answer.get_data(as_text=True)
    )
    assert author.load(parts, content_id, lang="ja", buying_role="")[2].subject == "保存される"
