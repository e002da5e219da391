"""People: the list with its filters, one person on one timeline, edits, touches recorded by hand."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules import page_rules
from campaigns.rules.schedule import month_of
from campaigns.services import (
    edit_person,
    edit_task,
    explain,
    pause_lead,
    record_touch,
    show_person,
    show_ties,
    start_call,
)
from campaigns.services.edit_person import EditError, Stale
from campaigns.services.explain import Entry
from campaigns.services.show_person import SHOWS, Wanted
from campaigns.services.start_call import MayNotCall
from campaigns.storage import contents, directory, products, timeline
from campaigns.storage.directory import Filter
from campaigns.web import explain_words, lead_words, offers, timeline_view
from campaigns.web.session import needs

pages = Blueprint("people", __name__, url_prefix="/people")
PAGE = 50
TOUCHES = 40
Q_MAX = 100
EDIT_ERRORS = {
    "email_odd": _l("メールアドレスの形になっていません。"),
    "name_missing": _l("姓か名のどちらかを入れてください。"),
    "lang_unknown": _l("言語を選んでください。"),
}


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    args = request.args
    wanted = Filter(
        q=args.get("q", "").strip()[:Q_MAX],
        rank=args.get("rank", ""),
        product_id=args.get("product", type=int),
        reach=args.get("reach", ""),
        company_id=args.get("company", type=int),
        event_id=args.get("event", type=int),
    )
    after, seen = args.get("after", type=int), max(0, args.get("seen", 0, type=int))
    with _parts().engine.connect() as tx:
        lines = directory.page(tx, wanted, after=after, limit=PAGE + 1)
        counts = directory.counts(tx, wanted)
        total = directory.shown(tx, wanted)
        names = products.names(tx)
    return render_template(
        "web/people/list.html",
        wanted=wanted,
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        seen=seen,
        counts=counts,
        total=total,
        products=names,
        words=lead_words,
        link=_link,
    )


@pages.get("/<int:person_id>")
@needs()
def person_GET(person_id: int) -> ResponseReturnValue:
    args = request.args
    wanted = Wanted(args.get("show", "product"), args.get("kind", ""), args.get("actor", type=int))
    if wanted.show not in SHOWS:
        abort(404)
    parts, now = _parts(), _now()
    recorded = args.get("recorded", type=int)
    page = show_person.run(
        parts,
        person_id,
        now=now,
        product_id=args.get("product", type=int),
        wanted=wanted,
        limit=100_000 if args.get("older") else TOUCHES,
    )
    if page is None:
        abort(404)
    if page.person.merged_into is not None:
        return redirect(url_for(".person_GET", person_id=page.person.merged_into))
    lead = page.lead
    may_pause = (
        lead is not None
        and lead.state in pause_lead.PAUSES_FROM
        and not page.person.excluded_reason
        and current_user.role in (*offers.PAUSING, "admin")
    )
    return render_template(
        "web/people/person.html",
        page=page,
        person=page.person,
        wanted=wanted,
        show=wanted.show,
        recorded=record_touch.look(parts, recorded) if recorded else None,
        rows=timeline_view.rows(page.shown, page.changes, zone=parts.settings.tz),
        reasons_of=lambda view: timeline_view.reasons(view, now=now),
        month=month_of(now, parts.settings.tz),
        mails=_this_month(person_id, now=now),
        no_call=start_call.why_not(page.person),
        may_offer=may_pause
        and lead is not None
        and lead.state != "offered"
        and current_user.role in (*offers.OFFERING, "admin"),
        may_pause=may_pause,
        ties=show_ties.run(parts, page.person),
        path_of=lambda url: page_rules.split(url)[1],
        words=lead_words,
    )


def _this_month(person_id: int, *, now: datetime) -> list[tuple[Entry, str]]:
    """What this month brings from each scenario, with the sentence that says why."""
    this = month_of(now, _parts().settings.tz)
    [month] = explain.person(_parts(), person_id, first=this, last=this, now=now).months
    return [(entry, explain_words.sentence(entry)) for entry in month.entries if entry.scenario]


@pages.post("/<int:person_id>/call")
@needs()
def call_POST(person_id: int) -> ResponseReturnValue:
    try:
        task_id = start_call.run(
            _parts(),
            person_id,
            product_id=request.form.get("product", type=int),
            user_id=current_user.id,
            now=_now(),
            despite_pause=bool(request.form.get("despite_pause")),
        )
    except MayNotCall as error:
        if error.code == "paused":
            flash(str(lead_words.CAUTIONS["paused"]), "warn")
            return redirect(
                url_for(".person_GET", person_id=person_id, product=request.form.get("product")), code=303
            )
        flash(_("電話できません：%(why)s", why=lead_words.NO_CALL[error.code]), "warn")
        return redirect(url_for(".person_GET", person_id=person_id), code=303)
    except LookupError:
        abort(404)
    _say_caution(person_id, product_id=request.form.get("product", type=int))
    return redirect(url_for("calls.desk_GET", task_id=task_id), code=303)


def _say_caution(person_id: int, *, product_id: int | None) -> None:
    """A call by hand to somebody who only reads, or who declined, is made; that it may do harm is said (S1-19)."""
    found = edit_task.about(_parts(), person_id)
    if found and (code := edit_task.caution(found[1], kind="call", product_id=product_id)):
        flash(str(lead_words.CAUTIONS[code]), "warn")


@pages.get("/<int:person_id>/edit")
@needs()
def edit_GET(person_id: int) -> ResponseReturnValue:
    return _edit_page(_person(person_id), form=None, errors={})


@pages.post("/<int:person_id>/edit")
@needs()
def edit_POST(person_id: int) -> ResponseReturnValue:
    form = request.form
    texts = (*edit_person.TEXTS, "preferred_lang", "email", *edit_person.PLACE)
    values: dict[str, str | bool] = {name: form.get(name, "").strip() for name in texts if name in form}
    values.update({name: name in form for name in edit_person.FLAGS})
    try:
        edit_person.save(
            _parts(),
            person_id,
            values,
            version=form.get("version", 0, type=int),
            user_id=current_user.id,
            now=_now(),
        )
    except EditError as error:
        return _edit_page(
            _person(person_id), form=form, errors={error.field: str(EDIT_ERRORS[error.code])}
        ), 422
    except Stale as stale:
        return _edit_page(stale.current, form=form, errors={}, is_stale=True), 409
    except LookupError:
        abort(404)
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".person_GET", person_id=person_id), code=303)


def _edit_page(
    person: timeline.Person, *, form: object, errors: dict[str, str], is_stale: bool = False
) -> str:
    return render_template(
        "web/people/edit.html",
        person=person,
        form=form,
        errors=errors,
        is_stale=is_stale,
        roles=contents.ROLES,
        words=lead_words,
    )


def _person(person_id: int) -> timeline.Person:
    with _parts().engine.connect() as tx:
        found = timeline.person(tx, person_id)
    if found is None:
        abort(404)
    return found


def _link(**changed: str | int | None) -> str:
    """The list with some of its choices changed; a change begins at the first row."""
    values: dict[str, str | int | None] = {
        k: v for k, v in request.args.items() if k not in ("after", "seen")
    }
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
