"""If this were published today: a simulation asked for, its progress, its pictures and the numbers behind them."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.chances import REACTIONS, Rates
from campaigns.rules.schedule import month_label
from campaigns.rules.sheets import csv_of
from campaigns.services import export_simulation, run_simulations, simulate
from campaigns.storage import scenarios as stored
from campaigns.storage import simulations
from campaigns.storage.simulations import Simulation
from campaigns.web import simulation_words as words
from campaigns.web.session import needs

pages = Blueprint("simulation", __name__, url_prefix="/scenarios")
SEED_MAX = 2**31 - 1
FOUND_MAX = 8


@pages.get("/<int:scenario_id>/simulation")
@needs("marketer")
def start_GET(scenario_id: int) -> ResponseReturnValue:
    with _parts().engine.connect() as tx:
        latest = simulations.latest(tx, scenario_id)
        scenario = stored.get(tx, scenario_id)
    if scenario is None:
        abort(404)
    if latest is not None and "new" not in request.args:
        return redirect(url_for(".show_GET", scenario_id=scenario_id, id=latest.id))
    return render_template(
        "web/simulation/start.html", s=scenario, last=latest, words=words, reactions=REACTIONS, errors={}
    )


@pages.post("/<int:scenario_id>/simulation")
@needs("marketer")
def start_POST(scenario_id: int) -> ResponseReturnValue:
    parts = _parts()
    with parts.engine.connect() as tx:
        latest = simulations.latest(tx, scenario_id)
        scenario = stored.get(tx, scenario_id)
    if scenario is None:
        abort(404)
    seed, rates, errors = _asked(latest)
    if errors:
        page = render_template(
            "web/simulation/start.html",
            s=scenario,
            last=latest,
            words=words,
            reactions=REACTIONS,
            errors=errors,
        )
        return page, 422
    id = run_simulations.ask(parts, scenario_id, seed=seed, rates=rates, user_id=current_user.id, now=_now())
    if id is None:
        flash(_("このシナリオにはまだ表がありません。"), "error")
        return redirect(f"/scenarios/{scenario_id}")
    return redirect(url_for(".show_GET", scenario_id=scenario_id, id=id))


def _asked(latest: Simulation | None) -> tuple[int, dict[int, Rates] | None, dict[str, str]]:
    """Seed and rates from the form; rates: those of the last simulation, changed for its product."""
    errors: dict[str, str] = {}
    typed = request.form.get("seed", "").strip()
    seed = secrets.randbelow(10**8) + 1
    if typed:
        if len(typed) <= 10 and typed.isdecimal() and 0 < int(typed) <= SEED_MAX:
            seed = int(typed)
        else:
            errors["seed"] = _("1から2147483647までの整数で入力してください。")
    if latest is None or request.form.get("rates") != "own":
        return seed, None, errors
    changed: dict[str, float] = {}
    for name in REACTIONS:
        try:
            value = float(request.form.get(name, "").strip())
        except ValueError:
            value = -1.0
        if not 0 <= value <= 100:
            errors[name] = _("0から100までの数で入力してください。")
        changed[name] = value / 100
    base = latest.rates[latest.product_id]
    return seed, {**latest.rates, latest.product_id: Rates(**changed, mails=base.mails)}, errors


@pages.get("/<int:scenario_id>/simulation/<int:id>")
@needs("marketer")
def show_GET(scenario_id: int, id: int) -> ResponseReturnValue:
    one = _one(scenario_id, id)
    if one.state != "done":
        return render_template("web/simulation/progress.html", one=one, left=_left(one), now=_now())
    with _parts().engine.connect() as tx:
        products = simulations.products(tx)
    shown = words.shown(one, products)
    return render_template(
        "web/simulation/show.html",
        one=one,
        r=one.result,
        shown=shown,
        words=words,
        reactions=REACTIONS,
        **_person(one, products),
    )


@pages.post("/<int:scenario_id>/simulation/<int:id>/cancel")
@needs("marketer")
def cancel_POST(scenario_id: int, id: int) -> ResponseReturnValue:
    one = _one(scenario_id, id)
    if not run_simulations.cancel(_parts(), one.id, now=_now()):
        flash(_("計算はすでに終わっています。"), "info")
        return redirect(url_for(".show_GET", scenario_id=scenario_id, id=id))
    flash(_("シミュレーションを取り消しました。何も書き込まれていません。"), "ok")
    return redirect(url_for(".start_GET", scenario_id=scenario_id, new=1))


@pages.get("/<int:scenario_id>/simulation/<int:id>.csv")
@needs("marketer")
def csv_GET(scenario_id: int, id: int) -> ResponseReturnValue:
    one = _one(scenario_id, id)
    if one.state != "done":
        abort(404)
    with _parts().engine.connect() as tx:
        products = simulations.products(tx)
    shown = words.shown(one, products)
    rows: list[list[object]] = [[_("月"), *(name for name, _n in shown["rows"])]]
    for place, month in enumerate(one.result["months"]):
        rows.append([month_label(month), *(row[place] for _name, row in shown["rows"])])
    export_simulation.note(
        _parts(), one.id, rows=len(one.result["months"]), user_id=current_user.id, now=_now()
    )
    answer = Response(csv_of(rows), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="simulation-{one.id}.csv"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _person(one: Simulation, products: Any) -> dict[str, Any]:
    """One person's year, or those found by the search for somebody."""
    query, chosen = request.args.get("q", "").strip(), request.args.get("person", type=int)
    found = run_simulations.find(_parts(), one, query, limit=FOUND_MAX) if query else []
    person = run_simulations.who(_parts(), one, chosen)
    year = simulate.year(_parts(), one, person.id, now=_now()) if person else None
    with _parts().engine.connect() as tx:
        mailed = {event.content for events in (year or {}).values() for event in events if event.content}
        titles = simulations.contents(tx, sorted(mailed))
    return {
        "query": query,
        "found": found,
        "person": person,
        "year": words.year(year, one, products, titles) if year else None,
    }


def _left(one: Simulation) -> int | None:
    """Seconds that are probably left, once something is done."""
    if one.began_at is None or not one.done:
        return None
    took = (_now() - one.began_at).total_seconds()
    return max(1, round(took / one.done * (one.total - one.done)))


def _one(scenario_id: int, id: int) -> Simulation:
    with _parts().engine.connect() as tx:
        one = simulations.get(tx, id)
    if one is None or one.scenario_id != scenario_id:
        abort(404)
    return one


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
