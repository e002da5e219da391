"""Events that come every month: the rule, what the next one is made from, stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import recurring
from campaigns.rules.audience import Audience
from campaigns.rules.events import NAME_MAX
from campaigns.rules.ranks import ORDER
from campaigns.rules.recurring import Recurrence, Rule
from campaigns.rules.scenarios import CLASSES
from campaigns.services import add_event, repeat_event
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage import broadcasts, event_series, scenarios
from campaigns.storage.event_series import Series, Template
from campaigns.web import event_words, scenario_words
from campaigns.web.session import me, needs
from campaigns.web.words import full_day

pages = Blueprint("event_series", __name__, url_prefix="/events")
RULES = (Rule.WEEKDAY.value, Rule.DAY.value)


@pages.get("/<int:event_id>/repeat")
@needs("marketer")
def repeat_GET(event_id: int) -> ResponseReturnValue:
    """Begin a series with this event; where it has one, change that."""
    event = add_event.find(_parts(), event_id)
    if event.series_id is not None:
        series = repeat_event.find(_parts(), event.series_id)
        return _form(event_id, series.template, series)
    return _form(event_id, repeat_event.from_event(event), None)


@pages.post("/<int:event_id>/repeat")
@needs("marketer")
def repeat_POST(event_id: int) -> ResponseReturnValue:
    parts = _parts()
    event, now = add_event.find(parts, event_id), parts.clock.now()
    series = repeat_event.find(parts, event.series_id) if event.series_id is not None else None
    old = series.template if series else repeat_event.from_event(event)
    template = _typed(old)
    try:
        if series is None:
            repeat_event.start(parts, event_id, template, user_id=me().id, now=now)
        else:
            version = request.form.get("version", 0, type=int)
            repeat_event.change(parts, series.id, template, version=version, user_id=me().id, now=now)
    except Invalid as error:
        return _form(event_id, template, series, errors=error.errors), 422
    except Stale as error:
        return _form(event_id, template, cast(Series, error.now), is_stale=True), 409
    day = repeat_event.day_ahead(parts, template, now=now)
    flash(
        _("毎月の施策として保存しました。次は%(day)sです。", day=full_day(day))
        if series is None
        else _("保存しました。次に作る施策から変わります。"),
        "ok",
    )
    return redirect(url_for("event_page.show_GET", event_id=event_id), code=303)


@pages.post("/<int:event_id>/repeat/<any(stop, go_on):word>")
@needs("marketer")
def stop_POST(event_id: int, word: str) -> ResponseReturnValue:
    parts = _parts()
    event = add_event.find(parts, event_id)
    if event.series_id is not None:
        repeat_event.stop(
            parts, event.series_id, is_stopped=word == "stop", user_id=me().id, now=parts.clock.now()
        )
        flash(
            _("来月からは作りません。いまある施策はそのままです。")
            if word == "stop"
            else _("毎月の施策を再開しました。"),
            "ok",
        )
    return redirect(url_for("event_page.show_GET", event_id=event_id), code=303)


def _typed(old: Template) -> Template:
    """The form as a template; what it does not ask for is as it was."""
    form = request.form
    content = form.get("content_id", type=int)
    with _parts().engine.connect() as tx:
        products, events = scenarios.choices(tx)
        mails = {row.id for row in broadcasts.mails(tx, chosen=old.content_id)}
    owners = {user.id for user in add_event.owners(_parts())}
    product, met = form.get("product_id", type=int), form.get("met_event_id", type=int)
    owner = form.get("owner_user_id", type=int)
    return Template(
        name=" ".join(form.get("name", "").split())[:NAME_MAX],
        recurrence=Recurrence(
            form.get("rule", ""),
            form.get("nth", 0, type=int),
            form.get("weekday", -1, type=int),
            form.get("day", 0, type=int),
        ),
        kind=old.kind,
        venue=" ".join(form.get("venue", "").split())[:NAME_MAX],
        owner_user_id=owner if owner in owners else None,
        costs=old.costs,
        capacity=old.capacity,
        has_waiting_list=old.has_waiting_list,
        apply_days=_days(form.get("apply_days", "")),
        product_id=product if product in dict(products) else None,
        content_id=content if content in mails else None,
        classes=tuple(one for one in CLASSES if one in form.getlist("classes")),
        audience=Audience(ranks=tuple(one for one in ORDER if one in form.getlist("ranks"))),
        met_event_id=met if met in dict(events) else None,
        invite_days=_days(form.get("invite_days", "")) or 0,
    )


def _days(typed: str) -> int | None:
    """Days as typed; None for blank, -1, which is refused, for what is no number."""
    bare = typed.strip()
    if not bare:
        return None
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 5 else -1


def _form(
    event_id: int,
    template: Template,
    series: Series | None,
    *,
    errors: Mapping[str, str] | None = None,
    is_stale: bool = False,
) -> str:
    parts = _parts()
    with parts.engine.connect() as tx:
        products, events = scenarios.choices(tx)
        mails = broadcasts.mails(tx, chosen=template.content_id)
        made = event_series.events_of(tx, series.id) if series else []
    wrong = {
        field: str(event_words.WRONG[field if field.endswith("_days") else code])
        for field, code in (errors or {}).items()
    }
    return render_template(
        "web/events/repeat.html",
        event_id=event_id,
        series=series,
        made=made,
        template=template,
        errors=wrong,
        is_stale=is_stale,
        next_day=None
        if recurring.check(template.recurrence)
        else repeat_event.day_ahead(parts, template, now=parts.clock.now()),
        products=products,
        events=events,
        mails=[("", _("用意された文面")), *((mail.id, mail.title) for mail in mails)],
        owners=[("", _("担当者未定")), *((user.id, user.name) for user in add_event.owners(parts))],
        classes=CLASSES,
        ranks=list(ORDER),
        words=event_words,
        scenario_words=scenario_words,
        labels=event_words.LABELS,
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
