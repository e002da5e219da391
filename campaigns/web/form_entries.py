"""Entries of a form: the list, one of them, the file; release or drop what was kept aside, give a seat."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules import form_answers, form_texts
from campaigns.rules import forms as rule
from campaigns.services import confirm_form, design_form, work_entries
from campaigns.storage.form_entries import Line
from campaigns.storage.forms import Figures, Version
from campaigns.web import form_words, words
from campaigns.web.exports import moment
from campaigns.web.session import me, needs

pages = Blueprint("form_entries", __name__, url_prefix="/forms")

SIZE = 50
HEAD = (_l("受付番号"), _l("受付日時"), _l("状態"), _l("言語"), _l("版"))
TAIL = (_l("同意"), _l("確認日時"), _l("人物番号"), _l("登録と違う値"))


@pages.get("/<int:form_id>/entries")
@needs()
def index_GET(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    seen = design_form.overview(parts, form_id, now=parts.clock.now())
    show = _show()
    page = max(1, request.args.get("page", 1, type=int))
    lines = work_entries.lines(parts, form_id, show, page=page, size=SIZE)
    shown = {version.id: version.design for version in seen.versions}
    counts = {name: total(seen.ever, name) for name in work_entries.SHOWN}
    return render_template(
        "web/forms/entries.html",
        form=seen.form,
        seen=seen,
        lines=lines,
        said={line.id: dict(form_answers.shown(shown[line.version_id], line.answers, words.language())) for line in lines},
        show=show,
        total=counts[show],
        counts=counts,
        filters=[
            (form_words.ENTRIES[name], n, url_for(".index_GET", form_id=form_id, show=name), show == name)
            for name, n in counts.items()
            if name != "kept" and (n or name in ("done", "aside", show))
        ],
        page=page,
        size=SIZE,
        kept_days=confirm_form.CALLERS_KEPT.days,
        words=form_words,
    )  # fmt: skip


def total(figures: Figures, show: str) -> int:
    """How many entries a list of this kind has."""
    return int(getattr(figures, "sent" if show == "kept" else show))


@pages.get("/<int:form_id>/entries.csv")
@needs("marketer")
def csv_GET(form_id: int) -> ResponseReturnValue:
    parts, show = _parts(), _show()
    zone, lang = parts.settings.tz, words.language()
    keys = list(rule.FIELDS)

    def cells(line: Line, version: Version) -> Sequence[object]:
        said = dict(form_answers.shown(version.design, line.answers, lang))
        differs = [
            f"{form_texts.LABELS[key][lang]}: {pair[0]} → {pair[1]}" for key, pair in line.differences.items()
        ]
        return [
            line.id,
            moment(line.at, zone),
            str(words.word(form_words.ENTRIES, line.state)),
            line.lang,
            line.version_no,
            *(said.get(key, "") for key in keys),
            _("あり") if line.consents and not line.awaits else "",
            moment(line.confirmed_at, zone),
            line.person_id or "",
            " / ".join(differs),
        ]

    names = [form_texts.LABELS[key][lang] or str(form_words.OWN_NAMES[key]) for key in keys]
    head = [*map(str, HEAD), *names, *map(str, TAIL)]
    data = work_entries.export(
        parts, form_id, show, head=head, cells=cells, user_id=me().id, now=parts.clock.now()
    )
    answer = Response(data, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="form-{form_id}-{show}.csv"'
    return answer


@pages.get("/<int:form_id>/entries/<int:entry_id>")
@needs()
def entry_GET(form_id: int, entry_id: int) -> ResponseReturnValue:
    parts = _parts()
    opened = work_entries.look(parts, form_id, entry_id)
    lang = words.language()
    return render_template(
        "web/forms/entry.html",
        form=opened.form,
        entry=opened.entry,
        shown=opened.shown,
        answers=form_answers.labelled(opened.shown.design, opened.entry.answers, lang),
        label=lambda key: form_texts.LABELS[key][lang],
        words=form_words,
    )


@pages.post("/<int:form_id>/entries/<int:entry_id>/release")
@needs("marketer")
def release_POST(form_id: int, entry_id: int) -> ResponseReturnValue:
    parts = _parts()
    done = work_entries.release(parts, form_id, entry_id, user_id=me().id, now=parts.clock.now())
    flash(_("受け付けました。お礼のメールと記録も、通常どおり行いました。") if done else _("すでに処理されています。"), "ok" if done else "info")  # fmt: skip
    return redirect(url_for(".entry_GET", form_id=form_id, entry_id=entry_id), code=303)


@pages.post("/<int:form_id>/entries/<int:entry_id>/drop")
@needs("marketer")
def drop_POST(form_id: int, entry_id: int) -> ResponseReturnValue:
    parts = _parts()
    done = work_entries.drop(parts, form_id, entry_id, user_id=me().id, now=parts.clock.now())
    flash(_("破棄しました。入力された内容は残していません。") if done else _("すでに処理されています。"), "ok" if done else "info")  # fmt: skip
    return redirect(url_for(".index_GET", form_id=form_id, show="aside"), code=303)


@pages.post("/<int:form_id>/entries/<int:entry_id>/seat")
@needs("marketer")
def seat_POST(form_id: int, entry_id: int) -> ResponseReturnValue:
    parts = _parts()
    done = work_entries.seat(parts, form_id, entry_id, user_id=me().id, now=parts.clock.now())
    flash(_("席を用意し、お申し込みを受け付けたことをメールで送りました。") if done else _("すでに処理されています。"), "ok" if done else "info")  # fmt: skip
    return redirect(url_for(".entry_GET", form_id=form_id, entry_id=entry_id), code=303)


def _show() -> str:
    show = request.args.get("show", "")
    return show if show in work_entries.SHOWN else "kept"


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
