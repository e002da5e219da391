"""Forms for visitors: shown, sent, thanked for, confirmed. Opened by anybody, also inside a page of our own sites.

No login, no cookie, no CSRF token: the page carries a signed token of its own. GET and HEAD change nothing. A form
stands in a frame of the sites in IKUSEI_SITES alone. Source: issue "forms"; design 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

from flask import (
    Blueprint,
    abort,
    current_app,
    g,
    make_response,
    redirect,
    render_template,
    request,
)
from flask.typing import ResponseReturnValue
from flask_babel import force_locale
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules import form_texts
from campaigns.rules import forms as rule
from campaigns.rules.events import Plan
from campaigns.rules.forms import Design
from campaigns.rules.subscriptions import mask
from campaigns.services import confirm_form, count_forms, keep_entries, show_form, submit_form
from campaigns.services.show_form import Filled, Public, Unknown
from campaigns.services.submit_form import Sent
from campaigns.storage.products import Sender
from campaigns.web import form_words
from campaigns.web.public import AWAY
from campaigns.web.security import POLICY, nonce
from tracking_pixel.bots import is_crawler
from tracking_pixel.events import cut, is_visitor, net_of
from tracking_pixel.tokens import TokenKind

pages = Blueprint("public_forms", __name__)

MAX_BODY = 128 * 1024
UA_MAX = 300
SENT = frozenset({"t", "v", "website", "consent", "known", *rule.FIELDS})  # what a page sends
KEPT = ("lang", "embed", "v", "ik", "q")  # what an address of ours takes along


@pages.before_request
def _small() -> None:
    request.max_content_length = MAX_BODY
    g.asks_nobody = True


@pages.get("/form.js")
def embed_GET() -> ResponseReturnValue:
    """The script tag that puts a form into a page of one of our sites."""
    answer = current_app.send_static_file("embed.js")
    answer.headers["Cache-Control"] = "public, max-age=3600"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


@pages.get("/form/<key>")
def form_GET(key: str) -> ResponseReturnValue:
    parts = _parts()
    now = parts.clock.now()
    public = _shown(key, ik=request.args.get("ik", ""), badge=request.args.get("q", ""))
    if request.method == "GET" and not is_crawler(request.user_agent.string):
        count_forms.note(parts, public.form.id, "views", now=now)
    return _page(public, {}, {})


@pages.post("/form/<key>/started")
def started_POST(key: str) -> ResponseReturnValue:
    """Somebody has begun to fill it in; told by the page's script, for the figures alone."""
    parts = _parts()
    count_forms.note(parts, _shown(key).form.id, "starts", now=parts.clock.now())
    return "", 204


@pages.post("/form/<key>")
def form_POST(key: str) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    sent = Sent(
        token=form.get("t", ""),
        fields={name: form.getlist(name) for name in rule.FIELDS if name in form},
        lang=request.args.get("lang", "") or request.accept_languages.best_match(rule.LANGS) or "",
        trap=form.get("website", ""),
        consents=form.get("consent") == "1",
        keeps_address=form.get("known") == "1",
        visitor=_visitor(form.get("v", "")),
        ua=cut(request.user_agent.string, UA_MAX),
        net=net_of(request.remote_addr or ""),
        is_crawler=is_crawler(request.user_agent.string),
    )
    try:
        outcome = submit_form.run(parts, key, sent, now=parts.clock.now())
    except Unknown:
        abort(404)
    except AWAY:
        return _kept(keep_entries.spool(parts, key, sent, now=parts.clock.now()))
    if not outcome.is_done:
        public = _shown(
            key, ik=request.args.get("ik", ""), badge=request.args.get("q", ""), version_id=outcome.shown.id
        )
        wrong = (
            {} if outcome.is_old else {k: str(form_words.WRONG[c]) for k, c in outcome.answers.errors.items()}
        )
        answer = _page(public, sent.fields, wrong, ticked=sent.consents, is_old=outcome.is_old)
        return answer, 422
    said = outcome.shown.design.said(_lang(outcome.shown.design))
    if said.redirect and not _is_embedded() and not outcome.shown.design.confirms:
        return _framed(redirect(said.redirect, code=303), outcome.shown.design)
    token = parts.signer.sign(TokenKind.ENTRY, outcome.entry_id or 0)
    where = f"/form/{key}/done?" + urlencode({"e": token, **_query(ik="", q="", v="")})
    return _framed(redirect(where, code=303), outcome.shown.design)


def _kept(is_kept: bool) -> ResponseReturnValue:
    """The database is away: what was sent is kept on disk, or stays in the page to be sent again."""
    lang = request.args.get("lang") or request.accept_languages.best_match(rule.LANGS)
    g.language = lang if lang in rule.LANGS else "ja"
    answer = make_response(
        render_template(
            "public/form_kept.html",
            is_kept=is_kept,
            action=f"{request.path}?{urlencode(_query(v=''))}",
            typed=[(name, value) for name, value in request.form.items(multi=True) if name in SENT],
            lang=g.language,
            langs=(),
            sender=None,
            embed=_is_embedded(),
            is_live=False,
            noindex=True,
        )
    )
    answer.status_code = 200 if is_kept else 503
    return _framed(answer)


@pages.get("/form/<key>/done")
def done_GET(key: str) -> ResponseReturnValue:
    """Thanks. Loaded again, or come back to, it sends nothing twice."""
    try:
        shown, state, sender = show_form.finished(_parts(), key, request.args.get("e", ""))
    except Unknown:
        abort(404)
    lang = _lang(shown.design)
    return _framed(
        make_response(
            render_template(
                "public/form_done.html",
                said=shown.design.said(lang),
                state=state,
                **_frame(shown.design, sender, lang, noindex=True),
            )
        ),
        shown.design,
    )


@pages.get("/form/confirm/<token>")
def confirm_GET(token: str) -> ResponseReturnValue:
    """What the mail asks to confirm. Scanners open it as well, so it changes nothing."""
    parts = _parts()
    return _confirm(confirm_form.look(parts, token, now=parts.clock.now()))


@pages.post("/form/confirm/<token>")
def confirm_POST(token: str) -> ResponseReturnValue:
    parts = _parts()
    return _confirm(confirm_form.run(parts, token, now=parts.clock.now()))


def _confirm(asked: confirm_form.Asked | None) -> ResponseReturnValue:
    if asked is None:
        g.language = request.accept_languages.best_match(rule.LANGS) or "ja"
        return render_template("public/not_found.html", settings=None, token=""), 404
    design = asked.shown.design
    lang = design.lang([request.args.get("lang"), asked.entry.lang])
    g.language = lang
    return _framed(
        make_response(
            render_template(
                "public/form_confirm.html",
                said=design.said(lang),
                state=asked.state,
                of=asked.of,
                entry_state=asked.entry.state,
                masked=mask(str(asked.entry.answers.get("email", ""))),
                public_key=asked.form.public_key,
                **_frame(design, asked.sender, lang, noindex=True),
            )
        ),
        design,
    )


# --- the page of a form, also as preview and as proof -------------------------------------------------------------


def render(
    design: Design,
    *,
    lang: str,
    sender: Sender | None,
    event: Plan | None,
    door: str = "open",
    token: str = "",
    action: str = "",
    typed: Mapping[str, Sequence[str]] | None = None,
    errors: Mapping[str, str] | None = None,
    ticked: bool = False,
    is_old: bool = False,
    filled: Filled | None = None,
    is_live: bool = False,
) -> str:
    """A form as HTML in one language. is_live False: to be looked at, as preview or as the proof of a version."""
    with force_locale(lang):
        return render_template(
            "public/form.html",
            said=design.said(lang),
            fields=design.fields,
            known_fields=rule.FIELDS,
            label=lambda field: form_texts.label(field, lang),
            consent=design.consent.value,
            event=event,
            door=door,
            token=token,
            action=action,
            typed=typed or {},
            errors=errors or {},
            ticked=ticked,
            is_old=is_old,
            filled=filled,
            visitor=_visitor(request.values.get("v", "")) if is_live else "",
            **_frame(design, sender, lang, is_live=is_live),
        )


def _page(
    public: Public,
    typed: Mapping[str, Sequence[str]],
    errors: Mapping[str, str],
    *,
    ticked: bool = False,
    is_old: bool = False,
) -> Response:
    design = public.shown.design
    if public.filled and public.filled.company:
        typed = {"company": [public.filled.company], **typed}
    body = render(
        design,
        lang=_lang(design),
        sender=public.sender,
        event=public.event,
        door=public.door.value,
        token=public.token,
        action=f"/form/{public.form.public_key}?"
        + urlencode({"lang": _lang(design), **_query(lang="", v="")}),
        typed=typed,
        errors=errors,
        ticked=ticked,
        is_old=is_old,
        filled=public.filled,
        is_live=True,
    )
    return _framed(make_response(body), design)


def _frame(
    design: Design, sender: Sender | None, lang: str, *, is_live: bool = False, noindex: bool = False
) -> dict[str, object]:
    return {
        "lang": lang,
        "langs": design.langs,
        "sender": sender,
        "embed": (is_live or noindex) and _is_embedded(),
        "is_live": is_live or noindex,
        "noindex": noindex or bool(request.args.get("ik") or request.args.get("q")),
        "here": lambda **changed: (
            f"{request.path}?{urlencode(_query(e=request.args.get('e', ''), **changed))}"
        ),
    }


def _framed(answer: Response, design: Design | None = None) -> Response:
    """Who may put this page into a frame, and where its form may lead to."""
    targets = {_origin(design.said(lang).redirect) for lang in design.langs} - {""} if design else set()
    policy = POLICY.format(nonce=f" 'nonce-{nonce()}'")
    policy = policy.replace("form-action 'self'", " ".join(["form-action 'self'", *sorted(targets)]))
    if _is_embedded() and (sites := _parts().settings.origins()):
        policy = policy.replace("frame-ancestors 'none'", " ".join(["frame-ancestors", *sites]))
        g.is_framed_by_policy = True
    answer.headers["Content-Security-Policy"] = policy
    # The address may hold somebody's key: it goes to no other site.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _shown(key: str, *, ik: str = "", badge: str = "", version_id: int | None = None) -> Public:
    parts = _parts()
    try:
        return show_form.show(parts, key, ik=ik, badge=badge, version_id=version_id, now=parts.clock.now())
    except Unknown:
        return abort(404)


def _lang(design: Design) -> str:
    """What the address asks for, else what the browser does, of the languages that the form has."""
    lang = design.lang([request.args.get("lang"), request.accept_languages.best_match(design.langs)])
    g.language = lang
    return lang


def _query(**changed: str) -> dict[str, str]:
    found = {name: request.values.get(name, "") for name in KEPT} | changed
    return {name: value for name, value in found.items() if value}


def _visitor(text: str) -> str:
    return text if is_visitor(text) else ""


def _is_embedded() -> bool:
    return request.args.get("embed") == "1"


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
