"""The Flask application: staff's pages and recipients' pages.

`create(parts)` puts it together; nothing is opened by importing this. A module of pages exports `pages`,
a Blueprint, and stands in PAGES.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, current_app, request
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect
from markupsafe import Markup
from werkzeug.middleware.proxy_fix import ProxyFix

from campaigns.parts import Parts
from campaigns.services import overview
from campaigns.web import (
    api,
    api_tokens,
    approvals,
    asica,
    asked,
    badges,
    broadcasts,
    calendar,
    call_files,
    calls,
    catalogues,
    catcher,
    classes,
    comments,
    companies,
    contents,
    deletion,
    deliveries,
    designer,
    diary,
    event_page,
    event_series,
    events,
    fax_settings,
    files,
    form_entries,
    forms,
    hand_offs,
    home,
    house,
    i18n,
    ideas,
    images,
    imports,
    leads,
    mails,
    menu,
    metrics,
    new_leads,
    offers,
    opportunities,
    people,
    practice,
    public,
    public_forms,
    publishing,
    rank_health,
    refusals,
    report_forgotten,
    returned,
    returned_words,
    rsvp,
    sample_site,
    scenario_files,
    security,
    senders,
    session,
    simulation,
    site_script,
    staff,
    tasks,
    team,
    touch_lists,
    touches,
    visit_calendars,
    visits,
    words,
    year_plan,
)

ROOT = Path(__file__).resolve().parents[2]
STATIC = Path(__file__).resolve().parent / "static"
# A list of 30 MB and its form around it.
MAX_BODY = 40 * 1024 * 1024

PAGES: tuple[Blueprint, ...] = (
    home.pages,
    session.pages,
    events.pages,
    event_page.pages,
    event_series.pages,
    year_plan.pages,
    rsvp.pages,
    forms.pages,
    form_entries.pages,
    badges.pages,
    imports.pages,
    people.pages,
    touches.pages,
    touch_lists.pages,
    companies.pages,
    catalogues.pages,
    asica.pages,
    diary.pages,
    comments.pages,
    refusals.pages,
    designer.pages,
    publishing.pages,
    simulation.pages,
    scenario_files.pages,
    contents.pages,
    mails.pages,
    ideas.pages,
    images.pages,
    files.pages,
    deletion.pages,
    deliveries.pages,
    calendar.pages,
    broadcasts.pages,
    approvals.pages,
    metrics.pages,
    leads.pages,
    rank_health.pages,
    classes.pages,
    hand_offs.pages,
    offers.pages,
    opportunities.pages,
    call_files.pages,
    calls.pages,
    fax_settings.pages,
    visit_calendars.pages,
    tasks.pages,
    staff.pages,
    new_leads.pages,
    senders.pages,
    team.pages,
    api_tokens.pages,
    api.pages,
    house.pages,
    report_forgotten.pages,
    visits.pages,
    site_script.pages,
    public.pages,
    public_forms.pages,
    returned.pages,
)
PRACTICE_PAGES: tuple[Blueprint, ...] = (practice.pages, sample_site.pages, catcher.pages)
# No cookie says who presses there: a signed token does, or the page is a machine's.
TOKEN_PAGES: tuple[Blueprint, ...] = (api.pages, public.pages, public_forms.pages, returned.pages, rsvp.pages)


def create(parts: Parts) -> Flask:
    """The application for these parts."""
    app = Flask("ikusei", static_folder=str(STATIC), template_folder=str(ROOT / "templates"))
    app.config.update(
        SECRET_KEY=hashlib.blake2b(b"ikusei session", key=parts.secret, digest_size=32).digest(),
        SESSION_COOKIE_NAME="ikusei",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=parts.settings.is_https,
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=MAX_BODY,
        # The 200,000 rows of a wizard's form are never one field; pasted cells are.
        MAX_FORM_MEMORY_SIZE=MAX_BODY,
        SEND_FILE_MAX_AGE_DEFAULT=86_400,
    )
    app.extensions["ikusei"] = parts
    asked.register(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if parts.settings.trusted_hops:
        # Only the client's address is believed; links are built from base_url, never from a Host header.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=parts.settings.trusted_hops, x_proto=0)  # type: ignore[method-assign]
    csrf = CSRFProtect(app)
    words.register(app)
    returned_words.register(app)
    i18n.register(app, parts)
    security.register(app, parts)
    for pages in PAGES + (PRACTICE_PAGES if parts.settings.practice else ()):
        app.register_blueprint(pages)
    for pages in TOKEN_PAGES:
        csrf.exempt(pages)
    session.register(app, parts)
    app.jinja_env.globals.update(svg=svg, asset=asset)
    app.context_processor(_frame)
    return app


def parts_here() -> Parts:
    """The parts of the application that is answering."""
    parts: Parts = current_app.extensions["ikusei"]
    return parts


@lru_cache(maxsize=1)
def _icons() -> dict[str, str]:
    paths: dict[str, str] = json.loads((STATIC / "vendor" / "icons.json").read_text(encoding="utf-8"))
    return paths


def svg(name: str, kind: str = "") -> Markup:
    """One of the vendored icons, inline; hidden from screen readers, since a word stands beside it."""
    paths = _icons()[name]
    return Markup(  # noqa: S704
        f'<svg class="icon {kind}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round"'
        f' stroke-linejoin="round" aria-hidden="true">{paths}</svg>'
    )


@lru_cache(maxsize=64)
def _mark(path: Path, mtime: float) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def asset(name: str) -> str:
    """The address of a static file, with a mark of its content: a browser may keep it for long."""
    path = STATIC / name
    return f"/static/{name}?v={_mark(path, path.stat().st_mtime)}"


def _frame() -> dict[str, object]:
    """What the frame around every staff page shows."""
    parts = parts_here()
    frame: dict[str, object] = {"practice": parts.settings.practice, "here": "", "place": request.path}
    if (
        not request.endpoint
        or request.blueprint
        in ("public", "public_forms", "rsvp", "practice", "sample_site", "images", "files")
        or not current_user
    ):
        return frame
    if not current_user.is_authenticated:
        return frame
    now = parts.clock.now()
    frame.update(
        here=menu.current(current_app),
        menu_groups=menu.shown(current_app, current_user.role),
        menu_settings=menu.settings(current_app, current_user.role),
        menu_path=lambda item: menu.path(current_app, item),
        menu_badge=menu.badge,
        waiting=overview.waiting(parts, user_id=current_user.id, owner_id=session.owner_id(), now=now),
        health=overview.health(parts, now=now),
        now=now,
        may_market=current_user.role in menu.MARKETING,
        may_lead=current_user.role in menu.LEADING,
        has_page=lambda name: name in current_app.blueprints,
    )
    return frame
