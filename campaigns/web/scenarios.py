"""Scenarios: list, new, designer, publish. Every change answers with the designer's page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.exceptions import NotFound

from campaigns.parts import Parts
from campaigns.rules import scenarios as rule
from campaigns.rules.scenarios import Scenario
from campaigns.rules.tones import Tone
from campaigns.services import author, design, enrol, hold, publish
from campaigns.services.author import Gone, Stale
from campaigns.services.design import Row
from campaigns.services.publish import Refused
from campaigns.storage import scenarios as stored
from campaigns.web import scenario_forms as forms
from campaigns.web import scenario_words as words
from campaigns.web.session import needs

pages = Blueprint("scenarios", __name__, url_prefix="/scenarios")


@pages.app_errorhandler(Gone)
def gone(_error: Gone) -> ResponseReturnValue:
    """What was named is no longer there: the page that says so."""
    return current_app.handle_http_exception(NotFound())


@pages.get("")
@needs("marketer", "admin")
def list_GET() -> ResponseReturnValue:
    with _parts().engine.connect() as tx:
        lines = stored.listing(tx)
    return render_template("web/scenarios/list.html", lines=lines, words=words)


@pages.get("/new")
@needs("marketer", "admin")
def new_GET() -> ResponseReturnValue:
    return _new_page({}, {})


@pages.post("/new")
@needs("marketer", "admin")
def new_POST() -> ResponseReturnValue:
    pattern = request.form.get("pattern", "blank")
    head, errors = forms.head(request.form)
    product_id = request.form.get("product_id", type=int)
    with _parts().engine.connect() as tx:
        products, _events = stored.choices(tx)
    if product_id not in {choice[0] for choice in products}:
        errors["product_id"] = _("商材を選んでください。")
    if errors or product_id is None:
        return _new_page(request.form, errors), 422
    scenario_id = design.create(
        _parts(), product_id=product_id, head=head, pattern=pattern, user_id=current_user.id, now=_now()
    )
    return redirect(url_for(".design_GET", scenario_id=scenario_id))


@pages.get("/<int:scenario_id>")
@needs("marketer", "admin")
def design_GET(scenario_id: int) -> ResponseReturnValue:
    return _designer(scenario_id, editing=request.args.get("edit", ""))


@pages.get("/<int:scenario_id>/head")
@needs("marketer", "admin")
def head_GET(scenario_id: int) -> ResponseReturnValue:
    scenario = design.load(_parts(), scenario_id, now=_now()).scenario
    return _head_page(scenario, forms.as_form(scenario), {})


@pages.post("/<int:scenario_id>/head")
@needs("marketer", "admin")
def head_POST(scenario_id: int) -> ResponseReturnValue:
    scenario = design.load(_parts(), scenario_id, now=_now()).scenario
    head, errors = forms.head(request.form)
    if errors:
        return _head_page(scenario, request.form, errors), 422
    try:
        design.save_head(
            _parts(),
            scenario_id,
            version=request.form.get("version", 0, type=int),
            head=head,
            user_id=current_user.id,
            now=_now(),
        )
    except Stale:
        return _head_page(scenario, request.form, {}, stale=scenario), 409
    return redirect(url_for(".design_GET", scenario_id=scenario_id))


@pages.post("/<int:scenario_id>/rows")
@needs("marketer", "admin")
def row_add_POST(scenario_id: int) -> ResponseReturnValue:
    key = design.add_row(_parts(), scenario_id, after=request.form.get("after") or None)
    return _back(scenario_id, edit=key)


@pages.post("/<int:scenario_id>/rows/<key>")
@needs("marketer", "admin")
def row_POST(scenario_id: int, key: str) -> ResponseReturnValue:
    row = forms.row(request.form)
    if row is None:
        flash(_("月は0以上、希望日は1から31までの数字で入力してください。"), "error")
        return _back(scenario_id, edit=key)
    starter = request.form.get("write", "")
    if starter:
        scenario = design.load(_parts(), scenario_id, now=_now()).scenario
        row = _with_new_mail(row, starter, scenario)
    try:
        design.save_row(_parts(), scenario_id, key, row, was=request.form.get("was", ""))
    except Stale:
        return _designer(scenario_id, editing=key, mine=row), 409
    if starter and row.content_id is not None:
        back = url_for(".design_GET", scenario_id=scenario_id)
        return redirect(url_for("mails.edit_GET", content_id=row.content_id, back=back))
    return _back(scenario_id)


@pages.post("/<int:scenario_id>/rows/<key>/<any(up, down, delete, duplicate):action>")
@needs("marketer", "admin")
def row_act_POST(scenario_id: int, key: str, action: str) -> ResponseReturnValue:
    if action == "delete":
        design.delete_row(_parts(), scenario_id, key)
    elif action == "duplicate":
        key = design.duplicate_row(_parts(), scenario_id, key, user_id=current_user.id, now=_now())
        return _back(scenario_id, edit=key)
    else:
        design.move_row(_parts(), scenario_id, key, up=action == "up")
    return _back(scenario_id)


@pages.get("/<int:scenario_id>/rows/<key>/sentence")
@needs("marketer", "admin")
def sentence_GET(scenario_id: int, key: str) -> ResponseReturnValue:
    """The sentence of a row as its form stands now, for the line under it."""
    found = design.load(_parts(), scenario_id, now=_now())
    step = next((s for s in found.steps if s.key == key), None)
    row = forms.row(request.args)
    if step is None or row is None:
        return str(_("月は0以上、希望日は1から31までの数字で入力してください。"))
    content = next((c for c in found.contents if c.id == row.content_id), None)
    return words.sentence(design.as_step(step, row, content))


@pages.post("/<int:scenario_id>/discard")
@needs("marketer", "admin")
def discard_POST(scenario_id: int) -> ResponseReturnValue:
    if design.discard(_parts(), scenario_id, user_id=current_user.id, now=_now()):
        flash(_("下書きを取り消し、公開中の版に戻しました。"), "ok")
    return _back(scenario_id)


@pages.get("/<int:scenario_id>/publish")
@needs("marketer", "admin")
def publish_GET(scenario_id: int) -> ResponseReturnValue:
    try:
        return _publish_page(scenario_id)
    except Gone:
        return _nothing_to_publish(scenario_id)


@pages.post("/<int:scenario_id>/publish")
@needs("marketer", "admin")
def publish_POST(scenario_id: int) -> ResponseReturnValue:
    parts, now = _parts(), _now()
    try:
        done = publish.run(
            parts,
            scenario_id,
            user_id=current_user.id,
            now=now,
            move_waiting=request.form.get("waiting", "move") == "move",
            read=request.form.get("read", ""),
        )
    except Gone:
        return _nothing_to_publish(scenario_id)
    if isinstance(done, Refused):
        if done.unread:
            flash(_("メールの注意を読み、確認の欄に印を付けてから公開してください。"), "error")
        return _publish_page(scenario_id), 422
    # After the commit: whom it is for joins now, the planner decides when each mail goes.
    new = enrol.audience(parts, scenario_id, now=now)
    flash(
        _(
            "第%(no)s版を公開しました。メール%(mails)s通を固定し、%(new)s名を登録しました。",
            no=done.no,
            mails=done.mails,
            new=new,
        ),
        "ok",
    )
    if done.moved:
        flash(_("進行中の%(n)s名は、新しい版の同じ行から続けます。", n=done.moved), "ok")
    return _back(scenario_id)


def _designer(scenario_id: int, *, editing: str, mine: Row | None = None) -> str:
    """mine: a row's words that somebody else's save came before; they stay in its form."""
    found = design.load(_parts(), scenario_id, now=_now())
    by_line: dict[int, list[rule.Problem]] = {}
    for problem in found.problems:
        by_line.setdefault(problem.line or 0, []).append(problem)
    return render_template(
        "web/scenarios/design.html",
        found=found,
        held=hold.held(_parts()),
        by_line=by_line,
        editing=editing,
        mine=mine,
        mark=design.mark,
        words=words,
        tones=list(Tone),
        starters=author.starters(),
        bad=[p for p in found.problems if p.is_error],
    )


def _nothing_to_publish(scenario_id: int) -> ResponseReturnValue:
    """A second press, or a colleague's: the scenario stands as it was published. Raises Gone without one."""
    design.load(_parts(), scenario_id, now=_now())
    flash(_("公開する変更はありません。すでに公開されています。"), "info")
    return _back(scenario_id)


def _publish_page(scenario_id: int) -> str:
    found = design.load(_parts(), scenario_id, now=_now())
    return render_template(
        "web/scenarios/publish.html",
        found=found,
        ahead=publish.ahead(_parts(), scenario_id, now=_now()),
        words=words,
    )


def _new_page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with _parts().engine.connect() as tx:
        products, events = stored.choices(tx)
    return render_template(
        "web/scenarios/new.html",
        form=form,
        chosen=forms.classes(form) if form else rule.DEFAULT_CLASSES,
        errors=errors,
        products=products,
        events=events,
        patterns=rule.PATTERNS,
        goals=rule.GOALS,
        words=words,
    )


def _head_page(
    scenario: Scenario,
    form: Mapping[str, object],
    errors: Mapping[str, str],
    *,
    stale: Scenario | None = None,
) -> str:
    with _parts().engine.connect() as tx:
        _products, events = stored.choices(tx)
    return render_template(
        "web/scenarios/head.html",
        scenario=scenario,
        form=form,
        chosen=forms.classes(form),
        errors=errors,
        events=events,
        goals=rule.GOALS,
        words=words,
        stale=stale,
    )


def _with_new_mail(row: Row, starter: str, scenario: Scenario) -> Row:
    """The row with a new mail of its own, from a starter or empty."""
    if starter == "blank":
        content_id = author.create(
            _parts(),
            title=_("新しいメール"),
            kind=rule.ContentKind.GENERAL,
            tone=row.tone,
            product_id=scenario.product_id,
            user_id=current_user.id,
            now=_now(),
        )
        return Row(row.offset_months, row.want_day, row.tone, content_id, row.valid_until)
    content_id = author.from_starter(
        _parts(), starter, product_id=scenario.product_id, user_id=current_user.id, now=_now()
    )
    tone = author.read_starter(starter)[0]["tone"]
    return Row(row.offset_months, row.want_day, tone, content_id, row.valid_until)


def _back(scenario_id: int, *, edit: str = "") -> ResponseReturnValue:
    anchor = f"row-{edit}" if edit else None
    return redirect(
        url_for(".design_GET", scenario_id=scenario_id, edit=edit or None, _anchor=anchor), code=303
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
