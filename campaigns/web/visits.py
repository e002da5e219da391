"""Site measurement: the snippet, whether it works, what visitors are told, and what the pages are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import contents
from campaigns.rules.page_rules import PATTERN_MAX, SITE_MAX, STARS_MAX, PageRule, split
from campaigns.services import count_pages, privacy_sample, rule_pages, tell_visitors
from campaigns.services.author import Gone
from campaigns.services.rule_pages import RuleError
from campaigns.services.tell_visitors import TEXT_MAX, TellError
from campaigns.storage import products, set_aside, sites
from campaigns.storage.contents import known_tags
from campaigns.storage.sites import Told
from campaigns.web import site_script, words
from campaigns.web.session import me, needs

pages = Blueprint("visits", __name__, url_prefix="/visits")
SHOWN = 20


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


@pages.get("")
@needs("marketer")
def index_GET() -> ResponseReturnValue:
    parts = _parts()
    now = parts.clock.now()
    viewed, rules = count_pages.read(parts, now=now), rule_pages.every(parts)
    modes, unknown = tell_visitors.modes(parts), rule_pages.without(viewed.pages, rules)
    with parts.engine.connect() as tx:
        since = (now - timedelta(days=7)).astimezone(parts.settings.tz).date()
        flooded, aside = sites.flooded(tx, since=since), set_aside.count(tx)
        names = dict(products.names(tx, only_active=False))
    seen = {one.site: one for one in viewed.sites}
    chosen = request.args.get("site", "")
    chosen = chosen if chosen in modes else next(iter(modes), "")
    return render_template(
        "web/visits/index.html",
        sites=[(origin, mode, seen.get(origin)) for origin, mode in modes.items()],
        chosen=chosen,
        modes=modes,
        snippet=_snippet(modes.get(chosen, "")),
        refuse=_refuse(),
        viewed=viewed,
        rules=rules,
        counts=rule_pages.counts(viewed.pages, rules),
        unknown=unknown[:SHOWN],
        unknown_n=len(unknown),
        products=names,
        flooded=flooded,
        aside=aside,
        told=_said(tell_visitors.texts(parts).now, modes.get(chosen, "")),
        path_of=_path,
    )


def _snippet(mode: str) -> str:
    """What stands on the pages of a site that measures like this."""
    asks = ' data-consent="ask"' if mode == "ask" else ""
    return f'<script src="{_parts().settings.base_url}/t.js" defer{asks} data-banner></script>'


def _said(told: Told, mode: str) -> str:
    """What a site that measures like this says, in the reader's language."""
    return str(getattr(told, ("ask_" if mode == "ask" else "") + words.language()))


def _refuse() -> str:
    """The button with which visitors refuse, in the words of the reader's language."""
    again, before = _("断っています（押すと再開）"), _("閲覧の記録を断る")
    return f'<button type="button" data-ikusei-refuse="{again}">{before}</button>'


@pages.post("/mode")
@needs("marketer")
def mode_POST() -> ResponseReturnValue:
    parts, origin = _parts(), request.form.get("site", "")
    mode = request.form.get("mode", "")
    try:
        tell_visitors.choose(parts, origin, mode, user_id=me().id, now=parts.clock.now())
    except TellError as error:
        flash(_text_errors(error)[""], "error")
    else:
        flash(_("保存しました。サイトのタグも、下のものに貼り替えてください。"), "ok")
    return redirect(url_for(".index_GET", site=origin) + "#snippet")


# --- what visitors are told --------------------------------------------------------------------------------------


@pages.get("/text")
@needs("marketer")
def text_GET() -> ResponseReturnValue:
    return _text_page({}, {})


@pages.post("/text")
@needs("marketer")
def text_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    try:
        tell_visitors.save(
            parts,
            form,
            seen_id=form.get("seen_id", -1, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except TellError as error:
        return _text_page(form, _text_errors(error)), 409 if error.code == "stale" else 422
    flash(_("保存しました。これから開くページには、この文を示します。"), "ok")
    return redirect(url_for(".text_GET"))


def _text_page(form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    parts = _parts()
    texts = tell_visitors.texts(parts)
    return render_template(
        "web/visits/text.html",
        told=texts.now,
        before=texts.before,
        form=form,
        errors=errors,
        most=TEXT_MAX,
        shown={mode: _said(texts.now, mode) for mode in tell_visitors.MODES},
        samples=privacy_sample.both(parts),
        words=site_script.WORDS,
    )


def _text_errors(error: TellError) -> dict[str, str]:
    """What is wrong, by the field it stands at."""
    match error.code:
        case "missing" if error.field.endswith("ja"):
            return {error.field: _("日本語の文を入力してください。")}
        case "missing":
            return {error.field: _("英語の文を入力してください。")}
        case "long":
            return {error.field: _("%(n)s字までにしてください。", n=TEXT_MAX)}
        case "stale":
            return {"": _("ほかの人が先に変更しました。もう一度確かめてください。")}
        case "site_unknown":
            return {"": _("このサイトは、設定（IKUSEI_SITES）にありません。")}
        case _:
            return {"": _("選び直してください。")}


# --- what pages are about ----------------------------------------------------------------------------------------


@pages.get("/rules/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _rule_page(_drafted(request.args), {})


@pages.get("/rules/<int:id>")
@needs("marketer")
def rule_GET(id: int) -> ResponseReturnValue:
    try:
        return _rule_page(rule_pages.one(_parts(), id), {})
    except Gone:
        return _gone()


@pages.get("/rules/effect")
@needs("marketer")
def effect_GET() -> ResponseReturnValue:
    """The pages that the rule in the form would take, for the card beside it."""
    draft = _drafted(request.args)
    return render_template("web/visits/_effect.html", **_effect(draft, rule_pages.problem(_parts(), draft)))


@pages.post("/rules/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    return _save(_drafted(request.form))


@pages.post("/rules/<int:id>")
@needs("marketer")
def rule_POST(id: int) -> ResponseReturnValue:
    return _save(replace(_drafted(request.form), id=id))


@pages.post("/rules/<int:id>/delete")
@needs("marketer")
def delete_POST(id: int) -> ResponseReturnValue:
    parts = _parts()
    try:
        rule = rule_pages.delete(parts, id, user_id=me().id, now=parts.clock.now())
    except Gone:
        return _gone()
    flash(
        _("「%(pattern)s」の決まりを削除しました。記録済みの接点は変わりません。", pattern=rule.pattern), "ok"
    )
    return redirect(url_for(".index_GET") + "#rules")


def _gone() -> ResponseReturnValue:
    flash(_("この決まりは、すでに削除されています。"), "warn")
    return redirect(url_for(".index_GET") + "#rules")


def _save(draft: PageRule) -> ResponseReturnValue:
    parts = _parts()
    # Looking first: the effect is shown again, and nothing is written.
    if request.form.get("press") == "look":
        code = rule_pages.problem(parts, draft)
        return _rule_page(draft, _rule_errors(code) if code else {})
    try:
        rule_pages.save(parts, draft, user_id=me().id, now=parts.clock.now())
    except RuleError as error:
        return _rule_page(draft, _rule_errors(error.code)), 409 if error.code == "stale" else 422
    flash(_("保存しました。これから見られるページに使います。"), "ok")
    return redirect(url_for(".index_GET") + "#rules")


def _drafted(form: Mapping[str, str]) -> PageRule:
    """The rule in the form. A product that is no number is none."""
    product = form.get("product", "")
    version = form.get("version", "")
    id = form.get("id", "")
    return rule_pages.tidy(
        PageRule(
            id=int(id) if id.isdecimal() and len(id) < 19 else 0,
            site=form.get("site", "")[:300].replace("\x00", ""),
            # One letter more than allowed, so that too much is told, not cut.
            pattern=form.get("pattern", "")[: 4 * PATTERN_MAX].replace("\x00", ""),
            product_id=int(product) if product.isdecimal() and len(product) < 19 else None,
            tags=contents.tags(form.get("tags", "").replace("\x00", "")),
            is_key=form.get("is_key") == "1",
            version=int(version) if version.isdecimal() and len(version) < 10 else 0,
        )
    )


def _rule_page(rule: PageRule, errors: Mapping[str, str]) -> str:
    parts = _parts()
    with parts.engine.connect() as tx:
        names, tags = products.names(tx, only_active=False), known_tags(tx)
    return render_template(
        "web/visits/rule.html",
        rule=rule,
        errors=errors,
        products=names,
        tags=tags,
        sites=parts.settings.origins(),
        **_effect(rule, rule_pages.problem(parts, rule)),
    )


def _effect(rule: PageRule, code: str) -> dict[str, object]:
    parts = _parts()
    viewed, rules = count_pages.read(parts, now=parts.clock.now()), rule_pages.every(parts)
    effect = None if code else rule_pages.effect(rule, others=rules, seen=viewed.pages)
    return {"effect": effect, "viewed": viewed, "shown": SHOWN, "code": code, "path_of": _path}


def _path(url: str) -> str:
    return split(url)[1]


def _rule_errors(code: str) -> dict[str, str]:
    """What is wrong, by the field it stands at."""
    match code:
        case "empty":
            return {"pattern": _("アドレスのパスを入力してください。例：/price/")}
        case "start":
            return {"pattern": _("「/」か「*」で始めてください。例：/price/ または *.pdf")}
        case "too_long":
            return {"pattern": _("%(n)s字までにしてください。", n=PATTERN_MAX)}
        case "stars":
            return {"pattern": _("「*」は%(n)sつまでです。", n=STARS_MAX)}
        case "twin":
            return {"pattern": _("同じパスの決まりがもうあります。そちらを直してください。")}
        case "full":
            return {
                "pattern": _(
                    "決まりは1つのサイトに%(n)s件までです。使っていない決まりを削除するか、「*」や上の階層のパスでまとめてください。",
                    n=SITE_MAX,
                )
            }
        case "site_unknown":
            return {"site": _("このサイトは、設定（IKUSEI_SITES）にありません。")}
        case _:
            return {"": _("ほかの人が先に変更したか、削除しました。もう一度確かめてください。")}
