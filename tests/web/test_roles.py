"""Who may open what: every address of the application, for a stranger and for each role.

A new address fails here until it stands in a list: what is open to all, and what a role may not open.
"""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.web import app as web
from tests.web import routes
from tests.web.conftest import SignIn

# Open without a login, by intention: each says nothing about anybody, or asks for a signed token.
OPEN = frozenset(
    {
        "api.touches_GET",  # a token in the header
        "api.touches_POST",
        "appointments.calendar_GET",  # the address is the secret
        "static",
        "badges.pass_GET",  # the address is a signed token; a stranger sees no name
        "files.file_GET",  # the address is a signed token
        "home.badge_GET",  # an empty 204
        "images.image_GET",
        "metrics.metrics_GET",  # for this host alone, or with a token
        "practice.clock_GET",
        "public.privacy_GET",
        "public_forms.confirm_GET",
        "public_forms.confirm_POST",
        "public_forms.done_GET",
        "public_forms.embed_GET",
        "public_forms.form_GET",
        "public_forms.form_POST",
        "public_forms.started_POST",
        "public.stay_GET",
        "rsvp.answer_GET",  # the address is a signed token; the page names no person
        "rsvp.answer_POST",
        "public.stop_GET",
        "public.stop_POST",
        "sample_site.english_GET",
        "sample_site.site_GET",
        "site_script.consent_GET",
        "returned.event_POST",  # for mail providers that prove themselves; off until set up
        "session.first_GET",
        "session.first_POST",
        "session.language_POST",
        "session.login_GET",
        "session.login_POST",
        "session.logout_POST",
    }
)
# Whole groups of pages that are not for inside sales, and single pages within the others.
MARKETING = (
    "broadcasts",
    "contents",
    "deletion",
    "event_series",
    "events",
    "forms",
    "imports",
    "mails",
    "products",
    "publishing",
    "scenario_files",
    "scenarios",
    "senders",
    "simulation",
    "touch_lists",
    "visits",
)
NOT_FOR_SALES = frozenset(
    {
        "badges.sheet_GET",
        "calendar.move_POST",
        "calendar.own_POST",
        "calendar.own_remove_POST",
        "classes.figures_POST",
        "classes.owner_POST",
        "classes.review_POST",
        "classes.rules_POST",
        "companies.classify_POST",
        "event_page.close_POST",
        "event_page.csv_GET",
        "event_page.invite_POST",
        "event_page.late_POST",
        "event_page.thank_POST",
        "year_plan.target_POST",
        "deliveries.csv_GET",
        "deliveries.doubt_POST",
        "deliveries.pause_POST",
        "deliveries.resume_POST",
        "deliveries.stop_GET",
        "deliveries.stop_POST",
        "form_entries.csv_GET",
        "form_entries.drop_POST",
        "form_entries.release_POST",
        "form_entries.seat_POST",
        "ideas.draft_POST",
        "ideas.retire_POST",
        "rank_health.calibration_POST",
    }
)
# Pages of those groups that inside sales may read.
READABLE = frozenset(
    {
        "events.index_GET",
        "products.fitting_GET",
        "products.index_GET",
        "products.product_GET",
        "products.shared_GET",
    }
)
# What sales managers do as well as marketing, and what they alone do.
FOR_MANAGERS = frozenset(
    {
        "classes.figures_POST",
        "classes.owner_POST",
        "classes.review_POST",
        "classes.rules_POST",
        "event_page.close_POST",
        "event_page.csv_GET",
        "year_plan.target_POST",
    }
)
NOT_FOR_REPS = frozenset({"offers.offer_GET", "offers.offer_POST"})
MANAGERS_ONLY = frozenset({"hand_offs.rep_POST", "hand_offs.trust_POST", "staff.late_POST"})
# What only those who sell may answer, and of that what inside sales may do as well.
FOR_SELLERS = frozenset(
    {
        "hand_offs.accept_POST",
        "hand_offs.answered_POST",
        "hand_offs.end_POST",
        "hand_offs.return_POST",
        "hand_offs.wait_POST",
        "opportunities.close_POST",
        "opportunities.new_GET",
        "opportunities.new_POST",
        "opportunities.opportunity_POST",
        "opportunities.reopen_POST",
    }
)
SALES = frozenset({"inside_sales", "field_sales", "sales_manager"})
ADMIN_ONLY = frozenset(
    {
        "api_tokens.index_GET",
        "api_tokens.index_POST",
        "api_tokens.revoke_POST",
        "faxes.lift_POST",
        "faxes.settings_GET",
        "faxes.settings_POST",
        "house.index_GET",
        "house.index_POST",
        "refusals.lift_POST",
        "team.edit_POST",
        "team.index_GET",
        "team.index_POST",
    }
)


def closed(route: routes.Route, role: str) -> bool:
    """Whether this role must be refused."""
    if role == "admin" or route.endpoint in OPEN:
        return False
    if route.endpoint in ADMIN_ONLY:
        return True
    if role == "sales_manager" and route.endpoint in FOR_MANAGERS | MANAGERS_ONLY:
        return False
    if route.endpoint in MANAGERS_ONLY or (role == "field_sales" and route.endpoint in NOT_FOR_REPS):
        return True
    if route.endpoint in READABLE:
        return False
    group = route.endpoint.partition(".")[0]
    if route.endpoint in FOR_SELLERS:
        return role == "marketer" or (group == "hand_offs" and role == "inside_sales")
    return role in SALES and (group in MARKETING or route.endpoint in NOT_FOR_SALES)


def ask(client: FlaskClient, route: routes.Route) -> tuple[int, str]:
    answer = client.open(route.path, method=route.method)
    found = answer.status_code, answer.headers.get("Location", "")
    answer.close()
    return found


def test_a_stranger_is_led_to_the_login_from_every_page_that_is_not_named_open(
    app: Flask, client: FlaskClient
) -> None:
    stranger = app.test_client()
    found = {
        (route.rule, route.method): ask(stranger, route)
        for route in routes.every(app)
        if route.endpoint not in OPEN
    }
    assert len(found) > 60
    assert not {
        key: answer for key, answer in found.items() if answer[0] != 302 or not answer[1].startswith("/login")
    }


@pytest.mark.parametrize("role", ["inside_sales", "field_sales", "sales_manager", "marketer", "admin"])
def test_a_role_is_refused_exactly_what_is_not_its_own(app: Flask, sign_in: SignIn, role: str) -> None:
    client = sign_in(role)
    wrong = {}
    for route in routes.every(app):
        # A press that ends the session or changes it would decide the rest of the walk.
        if route.endpoint in OPEN or route.endpoint.startswith("session."):
            continue
        status, _place = ask(client, route)
        if (status == 403) is not closed(route, role) or status >= 500:
            wrong[route.rule, route.method] = status
    assert not wrong, "\n".join(map(str, wrong.items()))


def test_the_open_pages_tell_a_stranger_nothing_about_people(app: Flask, client: FlaskClient) -> None:
    stranger = app.test_client()
    for route in routes.every(app):
        if route.endpoint in OPEN and route.method == "GET" and route.endpoint != "static":
            answer = stranger.get(route.path)
            assert answer.status_code in (200, 204, 302, 401, 404), route.rule
            assert "佐伯" not in answer.text, route.rule
            assert "@minori.example" not in answer.text, route.rule


def test_a_post_without_the_pages_token_is_refused_everywhere_but_on_the_tokens_own_pages(
    parts: Parts, sign_in: SignIn
) -> None:
    sign_in("admin")
    guarded = web.create(parts)
    guarded.config["PROPAGATE_EXCEPTIONS"] = False
    browser = guarded.test_client()
    with browser.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    taken = {}
    for route in routes.every(guarded):
        if route.method == "POST":
            status, _place = ask(browser, route)
            if status != 400:
                taken[route.endpoint] = status
    # A forged token is no token: 404 there, and nothing else is let through.
    assert taken == {
        "api.touches_POST": 401,
        "public.stop_POST": 404,
        "rsvp.answer_POST": 404,
        "public_forms.confirm_POST": 404,
        "public_forms.form_POST": 404,
        "public_forms.started_POST": 404,
        "returned.event_POST": 404,
    }


def test_a_forged_session_is_nobody(app: Flask, client: FlaskClient) -> None:
    for odd in ("1:2", "2:1", "1", "", "x:y", "²:²", "-1:1", "1:1:1", "9" * 30 + ":1"):
        browser = app.test_client()
        with browser.session_transaction() as session:
            session["_user_id"], session["_fresh"] = odd, True
        assert browser.get("/people").status_code == 302, odd
