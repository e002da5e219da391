"""The designer: a scenario's month table, edited in place. Every change answers with the page.

Its views stand in the blueprint of the scenarios. `?edit=KEY` opens a row's form, `?at=KEY` is the row that
hands were on: the page puts the focus there, with and without a script.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypedDict

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules import designing, starters
from campaigns.rules import scenarios as rule
from campaigns.rules.explaining import Held
from campaigns.rules.scenarios import Scenario, Step
from campaigns.rules.tones import Tone
from campaigns.services import author, design, hold
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.services.design import Design, Row
from campaigns.storage import audience, step_people
from campaigns.storage.step_counts import RowCount
from campaigns.web import delivery_words, design_view, flow_svg, step_forms
from campaigns.web import scenario_words as words
from campaigns.web import step_words as say
from campaigns.web.scenarios import pages
from campaigns.web.session import needs
from campaigns.web.words import language

__all__ = ["pages"]
PAGE = 50


@pages.errorhandler(design.Full)
def full(_error: design.Full) -> ResponseReturnValue:
    """No further row goes in: the table as it stands, with the reason."""
    flash(
        _("表が大きすぎます（%(most)s行まで）。不要な行を削除してから足してください。", most=design.ROWS_MAX),
        "error",
    )
    return _back(int((request.view_args or {})["scenario_id"]))


@pages.get("/<int:scenario_id>")
@needs("marketer")
def design_GET(scenario_id: int) -> ResponseReturnValue:
    """event: one that was just made for the row that is being edited; it stands chosen in the row's form."""
    args = request.args
    return _page(
        scenario_id, editing=args.get("edit", ""), at=args.get("at", ""), event=args.get("event", "")
    )


@pages.post("/<int:scenario_id>/rows")
@needs("marketer")
def row_add_POST(scenario_id: int) -> ResponseReturnValue:
    """A new row: `after` or `before` a row, in an arm (`into`, `arm`), else the last. `kind`: mail when not said."""
    form = request.form
    kind = form.get("kind", "mail")
    arm = (form.get("into", ""), form.get("arm", "")) if form.get("into") else None
    key = design.add_row(
        _parts(),
        scenario_id,
        kind=kind if kind in say.KINDS else "mail",
        after="" if form.get("before") else form.get("after", ""),
        before=form.get("before", ""),
        into=arm,
        **_by(),
    )
    return _back(scenario_id, edit=key)


@pages.post("/<int:scenario_id>/rows/<key>")
@needs("marketer")
def row_POST(scenario_id: int, key: str) -> ResponseReturnValue:
    row, errors = step_forms.row(request.form)
    if errors:
        return _page(scenario_id, editing=key, form=request.form, errors=errors), 422
    starter = request.form.get("starter", "") if request.form.get("write") else ""
    if starter:
        row = _with_new_mail(row, starter, design.load(_parts(), scenario_id, now=_now()).scenario)
    try:
        design.save_row(_parts(), scenario_id, key, row, was=request.form.get("was", ""), **_by())
    except Stale:
        return _page(scenario_id, editing=key, form=request.form, is_stale=True), 409
    except Invalid as wrong:
        errors = dict.fromkeys(wrong.errors, _("一覧から選んでください。"))
        return _page(scenario_id, editing=key, form=request.form, errors=errors), 422
    if request.form.get("new_event"):
        back = url_for(".design_GET", scenario_id=scenario_id, edit=key, _anchor=f"row-{key}")
        return _leave(url_for("events.new_GET", back=back))
    if starter and row.content_id is not None:
        back = url_for(".design_GET", scenario_id=scenario_id, at=key)
        return _leave(url_for("mails.edit_GET", content_id=row.content_id, back=back))
    return _back(scenario_id, at=key)


@pages.post("/<int:scenario_id>/rows/<key>/form")
@needs("marketer")
def row_form_POST(scenario_id: int, key: str) -> ResponseReturnValue:
    """The row's form with the fields of the chosen kind and condition; nothing is saved."""
    focus = request.headers.get("HX-Trigger-Name", "kind")
    return _page(scenario_id, editing=key, form=_with_defaults(request.form), focus=focus)


@pages.post("/<int:scenario_id>/rows/<key>/sentence")
@needs("marketer")
def sentence_POST(scenario_id: int, key: str) -> ResponseReturnValue:
    """The sentence of a row as its form stands now, for the line under it."""
    found = design.load(_parts(), scenario_id, now=_now())
    step = next((s for s in found.steps if s.key == key), None)
    row, errors = step_forms.row(request.form)
    if step is None or errors:
        return "".join(errors.values())
    shown = _as_step(found, step, row)
    rows = [shown if s.key == key else s for s in found.steps]
    return say.sentence(shown, say.course(rows))


@pages.post("/<int:scenario_id>/rows/<key>/<any(up, down, delete, duplicate):action>")
@needs("marketer")
def row_act_POST(scenario_id: int, key: str, action: str) -> ResponseReturnValue:
    if action == "delete":
        return _back(scenario_id, at=design.delete_row(_parts(), scenario_id, key, **_by()))
    if action == "duplicate":
        return _back(scenario_id, edit=design.duplicate_row(_parts(), scenario_id, key, **_by()))
    design.move_row(_parts(), scenario_id, key, up=action == "up", **_by())
    return _back(scenario_id, at=key)


@pages.post("/<int:scenario_id>/undo")
@needs("marketer")
def undo_POST(scenario_id: int) -> ResponseReturnValue:
    at = design.undo(_parts(), scenario_id, change=request.form.get("change", type=int))
    if at is None:
        flash(_("すでに元に戻したか、ほかの変更が先に入りました。いまの表を確かめてください。"), "info")
    return _back(scenario_id, at=at or "")


@pages.post("/<int:scenario_id>/discard")
@needs("marketer")
def discard_POST(scenario_id: int) -> ResponseReturnValue:
    if design.discard(_parts(), scenario_id, **_by()):
        flash(
            _("下書きを取り消し、公開中の版に戻しました。「元に戻す」で下書きを取り戻せます。"), "at-designer"
        )
    return _back(scenario_id)


@pages.get("/<int:scenario_id>/rows/<key>/people")
@needs("marketer")
def people_GET(scenario_id: int, key: str) -> ResponseReturnValue:
    """Who stands behind a figure of a row."""
    found = design.load(_parts(), scenario_id, now=_now())
    show = request.args.get("show", "waiting")
    if show not in step_people.SHOWN:
        show = "waiting"
    after = request.args.get("after", 0, type=int)
    counted = getattr(found.figures.rows.get(key, RowCount()), show)
    lines: Sequence[step_people.Line] = ()
    # Nobody is looked for where a big scenario's count found nobody: that takes a pass over all of its people.
    if counted or found.figures.at is None:
        with _parts().engine.connect() as tx:
            lines = step_people.page(tx, scenario_id, key, show=show, after=after, limit=PAGE + 1)
    return render_template(
        "web/scenarios/people.html",
        found=found,
        key=key,
        show=show,
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        course=say.course(found.steps),
        words=say,
        why=_why,
    )


def _why(line: step_people.Line) -> str:
    """Why a mail waits or did not go, in a sentence; '' where the state says it all."""
    if line.state == "expired":
        return str(_("期限が過ぎました"))
    if line.state in ("active", "carried_over"):
        return delivery_words.held(Held(line.reason)) if line.reason else ""
    return delivery_words.plain(line.reason)


def _page(
    scenario_id: int,
    *,
    editing: str = "",
    at: str = "",
    event: str = "",
    form: MultiDict[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    focus: str = "",
    is_stale: bool = False,
) -> str:
    """The designer. form: a row's fields as they were typed, which stay in its form."""
    found = design.load(_parts(), scenario_id, now=_now())
    step = next((s for s in found.steps if s.key == editing), None)
    shown = form if form is not None else step_forms.as_form(step) if step else MultiDict()
    if event:
        shown["event_id"] = event
    industries: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    if step is not None and shown.get("on") in ("industry", "size"):
        with _parts().engine.connect() as tx:
            industries, bands = audience.seen(tx)
    by_line: dict[int, list[rule.Problem]] = {}
    for problem in found.problems:
        by_line.setdefault(problem.line or 0, []).append(problem)
    course = say.course(found.steps)
    typed = step_forms.row(shown)[0] if step else None
    picture, printed = design_view.pictures(found, course, editing=editing)
    return render_template(
        "web/scenarios/design.html",
        found=found,
        course=course,
        lines=designing.spots(found.steps),
        depth=design_view.depths(found.steps),
        picture=picture,
        printed=printed,
        printed_pages=flow_svg.pages(printed),
        printed_scale=flow_svg.PRINTED_SCALE,
        roles=design_view.role_gaps(found),
        by_line=by_line,
        bad=[problem for problem in found.problems if problem.is_error],
        held=hold.held(_parts()),
        editing=editing,
        edited=step,
        preview=_as_step(found, step, typed) if step and typed else None,
        at=at,
        form=shown,
        errors=errors or {},
        focus=focus or (next(iter(errors), "kind") if errors else "kind"),
        is_stale=is_stale,
        mark=design.mark,
        words=words,
        say=say,
        tones=list(Tone),
        starters=starters.in_order(author.starters(), [s.key for s in found.steps]),
        seen={"industry": industries, "size": bands},
    )


def _as_step(found: Design, step: Step, row: Row) -> Step:
    content = next((c for c in found.contents if c.id == row.content_id), None)
    event = next((e for e in found.events if e.id == row.event_id), None)
    return design.as_step(step, row, content, event)


def _with_defaults(form: MultiDict[str, str]) -> MultiDict[str, str]:
    """The typed fields, and what a new row of the kind starts with where nothing was typed."""
    kind = form.get("kind", "mail")
    made = step_forms.as_form(design.first_row(kind))
    for name in list(form):
        if any(form.getlist(name)) and (name, form[name]) not in (("wait_days", "0"), ("who", "")):
            made.setlist(name, form.getlist(name))
    return made


def _with_new_mail(row: Row, starter: str, scenario: Scenario) -> Row:
    """The row with a new mail of its own, from a starter or empty."""
    if starter == "blank":
        content_id = author.create(
            _parts(),
            title=_("新しいメール"),
            kind=rule.ContentKind.GENERAL,
            tone=row.tone,
            product_id=scenario.product_id,
            **_by(),
        )
        return replace(row, content_id=content_id)
    content_id = author.from_starter(
        _parts(), starter, product_id=scenario.product_id, lang=language(), **_by()
    )
    return replace(row, content_id=content_id, tone=author.read_starter(starter)[0]["tone"])


def _leave(address: str) -> ResponseReturnValue:
    """Go to another page: a part of this one would be left of it, were it fetched by a script."""
    if request.headers.get("HX-Request"):
        return "", 204, {"HX-Redirect": address}
    return redirect(address, code=303)


def _back(scenario_id: int, *, edit: str = "", at: str = "") -> ResponseReturnValue:
    anchor = f"row-{edit or at}" if edit or at else None
    address = url_for(
        ".design_GET", scenario_id=scenario_id, edit=edit or None, at=at or None, _anchor=anchor
    )
    return redirect(address, code=303)


class By(TypedDict):
    """Who changes something, and when."""

    user_id: int | None
    now: datetime


def _by() -> By:
    return {"user_id": current_user.id, "now": _now()}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
