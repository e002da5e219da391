"""Whether ranks still tell people apart: how they spread and move, and what the rates rest on."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.ranks import Rank
from campaigns.rules.schedule import month_label
from campaigns.rules.sheets import csv_of
from campaigns.services import calibrate, show_rank_health
from campaigns.services.show_rank_health import Health
from campaigns.storage.leads import RANKS
from campaigns.web import lead_words, rank_health_words
from campaigns.web.session import needs

pages = Blueprint("rank_health", __name__, url_prefix="/leads/health")
PAGE = 50


@pages.get("")
@needs()
def show_GET() -> ResponseReturnValue:
    products, health = _asked()
    return render_template(
        "web/leads/health.html",
        products=products,
        h=health,
        ranks=RANKS,
        words=rank_health_words,
        charts=rank_health_words.charts(health) if health else {},
    )


@pages.get("/months.csv")
@needs()
def csv_GET() -> ResponseReturnValue:
    _products, health = _asked()
    if health is None:
        abort(404)
    rows: list[list[object]] = [[_("月末"), *(rank_health_words.rank(rank) for rank in RANKS), _("合計")]]
    for day, spread in health.ends:
        counts: list[object] = [""] * (len(RANKS) + 1)
        if spread:
            counts = [*(spread.counts.get(rank, 0) for rank in RANKS), spread.total]
        rows.append([month_label(day.year * 12 + day.month - 1), *counts])
    show_rank_health.note_export(
        _parts(), health.product_id, rows=len(health.ends), user_id=current_user.id, now=_now()
    )
    answer = Response(csv_of(rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="ranks-{health.product_id}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/moves")
@needs()
def moves_GET() -> ResponseReturnValue:
    """The people behind a flow."""
    _products, health = _asked()
    args = request.args
    old, new = args.get("old", ""), args.get("new", "")
    if health is None or old not in RANKS or new not in RANKS:
        abort(404)
    try:
        at = datetime.fromisoformat(args["at"]) if "at" in args else None
    except ValueError:
        abort(404)
    if at is not None and at.tzinfo is None:
        abort(404)
    lines = show_rank_health.movers(
        _parts(),
        health.product_id,
        old=Rank(old),
        new=Rank(new),
        now=_now(),
        before=(at, args.get("id", 0, type=int)) if at else None,
        limit=PAGE + 1,
    )
    return render_template(
        "web/leads/moves.html",
        h=health,
        old=old,
        new=new,
        lines=lines[:PAGE],
        has_more=len(lines) > PAGE,
        seen=max(0, args.get("seen", 0, type=int)),
        total=health.flows.get((old, new), 0),
        words=lead_words,
    )


@pages.post("/calibrations/<int:calibration_id>")
@needs("marketer")
def calibration_POST(calibration_id: int) -> ResponseReturnValue:
    """The answer to a recalibration that would move the gate further than the rule allows by itself."""
    answer, product_id = request.form.get("answer"), request.form.get("product", type=int)
    answers = {"accept": calibrate.accept, "dismiss": calibrate.dismiss}
    if answer not in answers:
        abort(400)
    if not answers[answer](_parts(), calibration_id, user_id=current_user.id, now=_now()):
        flash(_("この提案には、ほかの人がすでに答えています。"), "info")
    elif answer == "accept":
        flash(_("新しい受注率を使います。見込度は次の計算から変わります。"), "ok")
    else:
        flash(_("提案を見送りました。いまの受注率を使いつづけます。"), "ok")
    return redirect(url_for(".show_GET", product=product_id), code=303)


def _asked() -> tuple[list[tuple[int, str]], Health | None]:
    """The products, and the page of the one that is asked for, else of the first; None without any."""
    parts, wanted = _parts(), request.args.get("product", type=int)
    products = show_rank_health.products(parts)
    if not products:
        return [], None
    known = [id for id, _name in products]
    if wanted is not None and wanted not in known:
        abort(404)
    return products, show_rank_health.run(parts, wanted or known[0], now=_now())


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
