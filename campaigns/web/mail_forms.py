"""The mail editor's form: words in and out, and the files that came with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from flask import abort, flash, request
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import contents
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tone_lint import Loud
from campaigns.rules.tones import Tone
from campaigns.services import attach, upload
from campaigns.services.author import Draft
from campaigns.storage.contents import FORMATS, Content, Variant
from campaigns.web import mail_words as words

_TEXTS = ("title", "kind", "tone", "subject", "preheader", "html", "text", "format")
_ONE_LINE = ("title", "subject", "preheader")


def draft() -> Draft:
    """The words as the form brings them, line ends as we keep them."""
    form = request.form
    values = {name: form.get(name, "").replace("\r\n", "\n") for name in _TEXTS}
    for name in _ONE_LINE:
        values[name] = values[name].strip()
    if values["format"] not in FORMATS:
        values["format"] = FORMATS[0]
    return Draft(
        **values,
        tags=contents.tags(form.get("tags", "")),
        is_evergreen="is_evergreen" in form,
    )


def draft_of(content: Content, variant: Variant) -> Draft:
    """What is stored, as the form shows it."""
    return Draft(
        content.title,
        content.kind,
        content.tone,
        variant.subject,
        variant.preheader,
        variant.html,
        variant.text,
        variant.format,
        content.tags,
        content.is_evergreen,
    )


def bad_head(found: Draft) -> str:
    """What is missing in the head, in words; a choice that no form of ours offers is refused at once."""
    if not found.title:
        return str(_("管理用の名前を書いてください。"))
    if found.kind not in set(ContentKind) or found.tone not in set(Tone):
        abort(400)
    return ""


def store_files(parts: Parts, *, user_id: int, now: datetime) -> None:
    """Keep the image and the file that were chosen; what is not kept is said, and the mail is saved anyway."""
    image = request.files.get("image")
    if image is not None and image.filename:
        try:
            data = image.stream.read(upload.MAX_BYTES + 1)
            kept = upload.store(parts, data, name=image.filename, user_id=user_id, now=now)
        except upload.Refused as refused:
            flash(str(words.UPLOAD[refused.code]), "error")
        else:
            flash(_("画像「%(name)s」を登録しました。下の一覧から本文に入れられます。", name=kept.name), "ok")
    file = request.files.get("file")
    if file is not None and file.filename:
        try:
            data = file.stream.read(attach.MAX_BYTES + 1)
            linked = attach.store(parts, data, name=file.filename, user_id=user_id, now=now)
        except attach.Refused as refused:
            flash(str(words.FILES[refused.code]), "error")
        else:
            _say_kept(linked)


def _say_kept(linked: attach.Linked) -> None:
    name = linked.file.name
    if linked.is_known:
        flash(_("同じ内容のファイルが「%(name)s」の名前で登録済みです。それを使えます。", name=name), "info")
    else:
        flash(
            _(
                "ファイル「%(name)s」を登録しました。下の一覧から、リンクとして本文に入れられます。",
                name=name,
            ),
            "ok",
        )


def marks(loud: Sequence[Loud], found: Draft) -> str:
    """Where the editor underlines, as JSON: field, start and end in UTF-16 units (as scripts count), softer."""
    fields = {"subject": found.subject, "preheader": found.preheader, "body": found.html}
    rows = [
        {
            "field": "html" if one.part == "body" else one.part,
            "start": _units(fields[one.part][: one.start]),
            "end": _units(fields[one.part][: one.end]),
            "word": one.word,
            "softer": one.softer,
        }
        for one in loud
    ]
    return json.dumps(rows, ensure_ascii=False)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
