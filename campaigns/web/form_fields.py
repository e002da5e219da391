"""What the editor of a form sends, read into a design and its handling; and what is wrong, in the reader's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from flask import current_app, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules import forms as rule
from campaigns.rules.forms import Consent, Design, Field, Words
from campaigns.services import attach, design_form
from campaigns.storage.forms import Handling
from campaigns.web import form_words, mail_words

LABELS = {
    "name": _l("管理用の名前"),
    "product_id": _l("商材"),
    "event_id": _l("施策"),
    "owner_user_id": _l("担当"),
    "file_id": _l("メールで渡す資料"),
    "tags": _l("テーマ（「、」で区切る）"),
    "tells_owner": _l("担当への知らせ"),
    "closes_on": _l("受付の最終日"),
    "capacity": _l("定員"),
    "has_waiting_list": _l("キャンセル待ち"),
}
# Longer texts get a larger field: name -> (label, most characters, lines)
SAYINGS: Mapping[str, tuple[object, int, int]] = {
    "title": (_l("見出し"), 80, 1),
    "intro": (_l("はじめの説明"), 600, 3),
    "purpose": (_l("利用目的"), 600, 3),
    "consent": (_l("同意の文"), 400, 2),
    "button": (_l("ボタン"), 30, 1),
    "thanks_title": (_l("お礼の見出し"), 80, 1),
    "thanks": (_l("お礼の文"), 600, 3),
    "full": (_l("定員に達したときの文"), 300, 2),
    "closed": (_l("受付を終えたときの文"), 300, 2),
    "redirect": (_l("送信後に開くページ"), rule.URL_MAX, 1),
}


def design(old: Design) -> Design:
    """The design as the editor's form says it; whatever it does not name falls away."""
    form = request.form
    langs = tuple(lang for lang in rule.LANGS if lang in form.getlist("langs"))
    found = [_field(key) for key in rule.FIELDS if f"use-{key}" in form or key == "email"]
    order = {key: form.get(f"place-{key}", 99, type=int) for key in rule.FIELDS}
    consent = form.get("consent", "")
    return replace(
        old,
        langs=langs or old.langs,
        fields=rule.arranged(found, order=order),
        words={lang: _words(old, lang) for lang in rule.LANGS},
        consent=Consent(consent) if consent in list(Consent) else old.consent,
        for_product=form.get("for_product") == "1",
        confirms=form.get("confirms") == "1",
    )


def _words(old: Design, lang: str) -> Words:
    form = request.form
    said = {
        name: form[f"{name}-{lang}"].replace("\r\n", "\n").strip()[:most]
        for name, (_label, most, _rows) in SAYINGS.items()
        if f"{name}-{lang}" in form
    }
    return replace(old.said(lang), **said)


def _field(key: str) -> Field:
    form = request.form
    label = {lang: _line(form.get(f"label-{key}-{lang}", ""), rule.LABEL_MAX) for lang in rule.LANGS}
    help = {lang: _line(form.get(f"help-{key}-{lang}", ""), rule.LINE_MAX) for lang in rule.LANGS}
    options = {lang: _options(form.get(f"options-{key}-{lang}", "")) for lang in rule.LANGS}
    return Field(
        key,
        need=f"need-{key}" in form,
        label={lang: text for lang, text in label.items() if text},
        help={lang: text for lang, text in help.items() if text},
        options={lang: found for lang, found in options.items() if found} if key in rule.CHOICES else {},
    )


def _options(text: str) -> tuple[str, ...]:
    lines = (_line(line, rule.OPTION_MAX) for line in text.splitlines())
    return tuple(line for line in lines if line)[: rule.OPTIONS_MAX]


def _line(text: str, most: int) -> str:
    return " ".join(text.split())[:most]


def handling(old: Handling) -> tuple[Handling, dict[str, str]]:
    """How entries are handled, as typed; what could not be read in the reader's words."""
    form, errors = request.form, dict[str, str]()
    known = design_form.choices(current_app.extensions["ikusei"])
    closes_on: date | None = None
    try:
        closes_on = date.fromisoformat(form["closes_on"]) if form.get("closes_on") else None
    except ValueError:
        errors["closes_on"] = str(form_words.UNREADY["not_a_day"])
    capacity = form.get("capacity", "").strip()
    if capacity and form.get("capacity", type=int) is None:
        errors["capacity"] = str(form_words.UNREADY["not_a_number"])
    name = _line(form.get("name", ""), rule.NAME_MAX)
    if not name:
        errors["name"] = str(form_words.UNREADY["missing"])
    files = [file.id for file in known.files] + ([old.file_id] if old.file_id else [])
    return Handling(
        name=name,
        product_id=_one_of("product_id", [id for id, _name in known.products] + [old.product_id]),
        event_id=_one_of("event_id", [id for id, _name in known.events]),
        owner_user_id=_one_of("owner_user_id", [id for id, _name in known.owners]),
        file_id=_one_of("file_id", files),
        tags=_tags(form.get("tags", "")),
        tells_owner=form.get("tells_owner") == "1",
        closes_on=closes_on,
        capacity=form.get("capacity", type=int) if capacity else None,
        has_waiting_list=form.get("has_waiting_list") == "1",
    ), errors


def with_upload(handling: Handling, *, user_id: int) -> tuple[Handling, dict[str, str]]:
    """The handling with the file that came along, kept; what is wrong with the file in the reader's words."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return handling, {}
    parts: Parts = current_app.extensions["ikusei"]
    try:
        data = file.stream.read(attach.MAX_BYTES + 1)
        linked = attach.store(parts, data, name=file.filename, user_id=user_id, now=parts.clock.now())
    except attach.Refused as refused:
        return handling, {"file": str(mail_words.FILES[refused.code])}
    return replace(handling, file_id=linked.file.id), {}


def _one_of(name: str, ids: list[int | None] | list[int]) -> int | None:
    chosen = request.form.get(name, type=int)
    return chosen if chosen in ids else None


def _tags(text: str) -> tuple[str, ...]:
    found = (_line(word, 40) for word in text.replace(",", "、").replace("，", "、").split("、"))
    return tuple(dict.fromkeys(word for word in found if word))[: rule.TAGS_MAX]


def shown(handling: Handling) -> dict[str, object]:
    values = {name: getattr(handling, name) for name in LABELS}
    shown = {name: "" if value is None else value for name, value in values.items()}
    return {**shown, "tags": "、".join(handling.tags)}


def worded(errors: Mapping[str, str]) -> dict[str, str]:
    return {place: str(form_words.UNREADY[code]) for place, code in errors.items()}


def unready(design: Design) -> dict[str, tuple[str, str]]:
    """What keeps a form from being published: place -> (what it is called, what to do)."""
    found = {}
    for place, code in rule.check(design).items():
        name, _dash, rest = place.partition("-")
        lang = rest.rpartition("-")[2]
        called = str(form_words.PLACES[name])
        if lang in form_words.LANGS:
            called += _("（%(lang)s）", lang=form_words.LANGS[lang])
        found[place] = (called, str(form_words.UNREADY[code]))
    return found
