"""Opportunities: the list with its sums, one with its history, a new one, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.opportunities import FormError, Result, Stage
from campaigns.services import close_deal, pursue
from campaigns.services.close_deal import CannotReopen
from campaigns.services.hand_over import HandOffMoved, OutOfBounds
from campaigns.services.pursue import About, Stale
from campaigns.storage import companies, hand_offs, timeline
from campaigns.storage import opportunities as stored
from campaigns.storage.opportunities import Filter, Opportunity
from campaigns.web import hand_off_words, lead_words
from campaigns.web.session import me, needs
from campaigns.web.words import month_name, word

pages = Blueprint("opportunities", __name__, url_prefix="/opportunities")
PAGE = 50
SELLERS = ("field_sales", "sales_manager", "inside_sales")
RESULTS = ("open", "closed", *Result)
MONTHS_AHEAD = 12
FIELDS = ("name", "amount_yen", "stage", "forecast", "expected_on", "lost_to")


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    parts, args = _parts(), request.args
    wanted = _wanted()
    page = max(1, args.get("page", 1, type=int))
    with parts.engine.connect() as tx:
        found = stored.page(tx, wanted, zone=parts.settings.zone, limit=PAGE + 1, offset=(page - 1) * PAGE)
        total = stored.total(tx, wanted, zone=parts.settings.zone)
        counts = stored.counts(tx, wanted)
        reps = hand_offs.reps(tx)
        products, _events = timeline.choices(tx)
    return render_template(
        "web/opportunities/list.html",
        found=found[:PAGE],
        has_more=len(found) > PAGE,
        page=page,
        wanted=wanted,
        total=total,
        counts=counts,
        results=RESULTS,
        reps=reps,
        products=products,
        stages=list(Stage),
        months=_months(is_open=wanted.result == "open"),
        today=_today(),
        may_sell=_may_sell(),
        link=_link,
        say=hand_off_words,
    )


def _wanted() -> Filter:
    args = request.args
    result = args.get("result", "open")
    stage = args.get("stage", "")
    try:
        month = date.fromisoformat(f"{args['month']}-01") if args.get("month") else None
    except ValueError:
        month = None
    return Filter(
        result=result if result in RESULTS else "open",
        owner_user_id=args.get("owner", type=int),
        product_id=args.get("product", type=int),
        stage=stage if stage in set(Stage) else "",
        month=month,
        only_at_risk="risk" in args,
    )


def _months(*, is_open: bool) -> list[tuple[str, str]]:
    """The months to choose from: ahead for open ones, behind for ended ones."""
    today = _today()
    number = today.year * 12 + today.month - 1
    places = range(number - 1, number + MONTHS_AHEAD) if is_open else range(number, number - MONTHS_AHEAD, -1)
    return [(f"{place // 12}-{place % 12 + 1:02d}", month_name(place)) for place in places]


def _link(**changed: str | int | None) -> str:
    values: dict[str, str | int | None] = {k: v for k, v in request.args.items() if k != "page"}
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


@pages.get("/new")
@needs(*SELLERS)
def new_GET() -> ResponseReturnValue:
    return _new({}, {})


@pages.post("/new")
@needs(*SELLERS)
def new_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    hand_off_id = form.get("hand_off", type=int)
    now = parts.clock.now()
    try:
        if hand_off_id is not None:
            made = pursue.from_hand_off(parts, hand_off_id, form, user_id=me().id, now=now)
        else:
            about = About(
                form.get("product_id", 0, type=int),
                form.get("company_id", type=int),
                form.get("person_id", type=int),
            )
            owner_id = form.get("owner_user_id", type=int)
            made = pursue.by_hand(parts, about, form, owner_user_id=owner_id, user_id=me().id, now=now)
    except FormError as error:
        return _new(form, hand_off_words.errors(error.errors)), 422
    except OutOfBounds as error:
        flash(str(hand_off_words.OUT_OF_BOUNDS[error.code]) % {"name": error.name}, "error")
        return redirect(url_for("hand_offs.list_GET", show="accepted"), code=303)
    except HandOffMoved:
        flash(_("この引き渡しは、すでに案件になっているか、終わっています。"), "info")
        return redirect(url_for("hand_offs.list_GET", show="accepted"), code=303)
    except LookupError:
        abort(404)
    flash(_("案件を登録しました。"), "ok")
    return redirect(url_for(".opportunity_GET", opportunity_id=made), code=303)


def _new(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    """The form of a new opportunity: from a hand-off, for a person, or for a company."""
    parts, asked = _parts(), request.values
    hand_off_id = asked.get("hand_off", type=int)
    person_id, company_id = asked.get("person_id", type=int), asked.get("company_id", type=int)
    with parts.engine.connect() as tx:
        hand_off = hand_offs.get(tx, hand_off_id) if hand_off_id else None
        if hand_off_id and hand_off is None:
            abort(404)
        person = timeline.person(tx, person_id) if person_id else None
        if person is not None and company_id is None:
            company_id = person.company_id
        company = companies.get(tx, company_id) if company_id else None
        members = companies.members(tx, company.id) if company else []
        products, _events = timeline.choices(tx)
        reps = hand_offs.reps(tx)
    q = asked.get("q", "").strip()[:100]
    if company is None and hand_off is None:
        with parts.engine.connect() as tx:
            candidates = companies.page(tx, q=q, limit=20) if q else []
    else:
        candidates = []
    return render_template(
        "web/opportunities/new.html",
        form=form,
        errors=errors,
        hand_off=hand_off,
        person=person,
        company=company,
        members=members,
        products=products,
        reps=reps,
        q=q,
        candidates=candidates,
        stages=list(Stage),
        say=hand_off_words,
    )


@pages.get("/<int:opportunity_id>")
@needs()
def opportunity_GET(opportunity_id: int) -> ResponseReturnValue:
    return _page(_opportunity(opportunity_id), {}, {})


@pages.post("/<int:opportunity_id>")
@needs(*SELLERS)
def opportunity_POST(opportunity_id: int) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    try:
        pursue.edit(
            parts,
            opportunity_id,
            form,
            version=form.get("version", 0, type=int),
            owner_user_id=form.get("owner_user_id", type=int),
            rival_risk="rival_risk" in form,
            user_id=me().id,
            now=parts.clock.now(),
        )
    except FormError as error:
        return _page(_opportunity(opportunity_id), form, hand_off_words.errors(error.errors)), 422
    except Stale as stale:
        return _page(stale.current, form, {}, is_stale=True), 409
    except LookupError:
        abort(404)
    flash(_("案件を保存しました。"), "ok")
    return redirect(url_for(".opportunity_GET", opportunity_id=opportunity_id), code=303)


@pages.post("/<int:opportunity_id>/close")
@needs(*SELLERS)
def close_POST(opportunity_id: int) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    try:
        close_deal.run(
            parts,
            opportunity_id,
            form,
            version=form.get("version", 0, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except FormError as error:
        errors = {f"end_{name}": text for name, text in hand_off_words.errors(error.errors).items()}
        return _page(_opportunity(opportunity_id), form, errors), 422
    except Stale as stale:
        return _page(stale.current, form, {}, is_stale=True), 409
    except LookupError:
        abort(404)
    flash(_("「%(result)s」として記録しました。", result=word(hand_off_words.RESULTS, form["result"])), "ok")
    return redirect(url_for(".opportunity_GET", opportunity_id=opportunity_id), code=303)


@pages.post("/<int:opportunity_id>/reopen")
@needs(*SELLERS)
def reopen_POST(opportunity_id: int) -> ResponseReturnValue:
    parts = _parts()
    try:
        close_deal.reopen(
            parts,
            opportunity_id,
            version=request.form.get("version", 0, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except CannotReopen:
        flash(_("この方は、すでに次の段階へ進んでいます。結果は取り消せません。"), "error")
    except Stale:
        flash(_("ほかの人が先に保存しました。いまの値を確かめて、もう一度押してください。"), "warn")
    except LookupError:
        abort(404)
    else:
        flash(_("結果を取り消しました。案件は進行中に戻りました。"), "ok")
    return redirect(url_for(".opportunity_GET", opportunity_id=opportunity_id), code=303)


def _page(
    one: Opportunity, form: Mapping[str, str], errors: Mapping[str, str], *, is_stale: bool = False
) -> str:
    with _parts().engine.connect() as tx:
        history = stored.history(tx, one.id)
        reps = hand_offs.reps(tx)
    return render_template(
        "web/opportunities/opportunity.html",
        one=one,
        # A result that was wrong, or a save of somebody else's: what was typed is shown again.
        form=form,
        errors=errors,
        is_stale=is_stale,
        fields=FIELDS,
        history=history,
        reps=reps,
        stages=list(Stage),
        results=list(Result),
        today=_today(),
        may_sell=_may_sell(),
        words=lead_words,
        say=hand_off_words,
    )


def _opportunity(opportunity_id: int) -> Opportunity:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, opportunity_id)
    if found is None:
        abort(404)
    return found


def _may_sell() -> bool:
    return me().role in (*SELLERS, "admin")


def _today() -> date:
    now: datetime = _parts().clock.now()
    return now.astimezone(_parts().settings.tz).date()


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
