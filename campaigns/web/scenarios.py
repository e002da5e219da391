"""Scenarios: the list, a new one, its head. The designer's views stand in web/designer.py."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from campaigns.parts import Parts
from campaigns.rules import scenarios as rule
from campaigns.rules import starters
from campaigns.rules.scenarios import Scenario
from campaigns.services import design
from campaigns.services.author import Gone, Stale
from campaigns.storage import audience, reach
from campaigns.storage import scenarios as stored
from campaigns.web import scenario_forms as forms
from campaigns.web import scenario_words as words
from campaigns.web.session import needs
from campaigns.web.words import language

pages = Blueprint("scenarios", __name__, url_prefix="/scenarios")


@pages.app_errorhandler(Gone)
def gone(_error: Gone) -> ResponseReturnValue:
    """What was named is no longer there: the page that says so."""
    return current_app.handle_http_exception(NotFound())


@pages.before_app_request
def broadcasts_elsewhere() -> ResponseReturnValue | None:
    """A broadcast is stored as a scenario, but its rows are not to be edited here: its own page answers."""
    id = (request.view_args or {}).get("scenario_id")
    if id is None or not current_user.is_authenticated:
        return None
    with _parts().engine.connect() as tx:
        if not stored.is_broadcast(tx, id):
            return None
    if request.method in ("GET", "HEAD"):
        return redirect(url_for("broadcasts.show_GET", id=id))
    raise Gone


@pages.get("")
@needs("marketer")
def list_GET() -> ResponseReturnValue:
    with _parts().engine.connect() as tx:
        lines = stored.listing(tx)
    return render_template("web/scenarios/list.html", lines=lines, words=words)


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    # A product's page brings its target profile along.
    return _new_page(request.args, {})


@pages.post("/new")
@needs("marketer")
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
        _parts(),
        product_id=product_id,
        head=head,
        pattern=pattern,
        user_id=current_user.id,
        now=_now(),
        lang=language(),
    )
    return redirect(url_for(".design_GET", scenario_id=scenario_id))


@pages.post("/new/pattern")
@needs("marketer")
def pattern_POST() -> ResponseReturnValue:
    """The form as it was typed, with goal and classes of the pattern that was chosen; nothing is written."""
    chosen = starters.pattern(request.form.get("pattern", ""))
    form = MultiDict(request.form)
    form["goal_kind"] = chosen.goal_kind
    form.setlist("classes", list(chosen.classes))
    return _new_page(form, {})


@pages.post("/fitting")
@needs("marketer")
def fitting_POST() -> ResponseReturnValue:
    """How many people the typed conditions find, for the line below them; nothing is written."""
    product_id, scenario_id = (request.form.get(name, 0, type=int) for name in ("product_id", "scenario_id"))
    with _parts().engine.connect() as tx:
        found = reach.fitting(
            tx,
            product_id=product_id,
            classes=forms.classes(request.form),
            event_id=request.form.get("event_id", type=int),
            wanted=forms.audience(request.form),
            told=reach.contents(tx, scenario_id) if scenario_id else reach.NOTHING,
            scenario_id=scenario_id or None,
        )
    return render_template(
        "web/scenarios/_fitting.html",
        found=found,
        product_id=product_id,
        event_id=request.form.get("event_id", type=int),
    )


@pages.get("/<int:scenario_id>/head")
@needs("marketer")
def head_GET(scenario_id: int) -> ResponseReturnValue:
    scenario = _scenario(scenario_id)
    return _head_page(scenario, forms.as_form(scenario), {})


@pages.post("/<int:scenario_id>/head")
@needs("marketer")
def head_POST(scenario_id: int) -> ResponseReturnValue:
    scenario = _scenario(scenario_id)
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


def _scenario(scenario_id: int) -> Scenario:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, scenario_id)
    if found is None:
        raise Gone
    return found


def _new_page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    with _parts().engine.connect() as tx:
        products, events = stored.choices(tx)
        seen = audience.seen(tx)
    return render_template(
        "web/scenarios/new.html",
        form=form,
        wanted=forms.audience(form),
        seen=seen,
        chosen=forms.classes(form) if form else rule.DEFAULT_CLASSES,
        errors=errors,
        products=products,
        events=events,
        patterns=starters.PATTERNS,
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
        seen = audience.seen(tx)
    return render_template(
        "web/scenarios/head.html",
        scenario=scenario,
        form=form,
        wanted=forms.audience(form),
        seen=seen,
        chosen=forms.classes(form),
        errors=errors,
        events=events,
        goals=rule.GOALS,
        words=words,
        stale=stale,
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
