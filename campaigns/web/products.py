"""Products: the list, one product in its sections, the values that families and the company hand down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import matrix
from campaigns.rules.inheritance import Level
from campaigns.services import catalogue, foretell, hold, inherit, sales_word
from campaigns.services.catalogue import Invalid, Stale
from campaigns.services.foretell import Effect
from campaigns.services.inherit import Holder
from campaigns.storage.products import Product
from campaigns.web import product_forms as forms
from campaigns.web import product_sections as sections
from campaigns.web import product_words as words
from campaigns.web import trade_words
from campaigns.web.session import me, needs

pages = Blueprint("products", __name__, url_prefix="/products")
SECTION = "/<any(profile, delivery, hot, matrix, cycle, sender):section>"
HOUSE = {"level": "house", "id": 0}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _holder(level: str, id: int) -> Holder:
    return inherit.load(_parts(), Level(level), id) or abort(404)


def _address(holder: Holder, section: str = "") -> str:
    """Where a product, a family or the company stands."""
    anchor = section or None
    if holder.level is Level.PRODUCT:
        return url_for(".product_GET", id=holder.id, _anchor=anchor)
    if holder.level is Level.FAMILY:
        return url_for(".shared_GET", level="family", id=holder.id, _anchor=anchor)
    return url_for(".shared_GET", level="house", id=0, _anchor=anchor)


# --- the list ---------------------------------------------------------------------------------------------


@pages.get("/", strict_slashes=False)
@needs()
def index_GET() -> ResponseReturnValue:
    parts = _parts()
    return render_template(
        "web/products/index.html",
        products=catalogue.listed(parts),
        families=inherit.families(parts),
        gave_way=catalogue.gave_way(parts),
    )


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    values = {"purchase_cycle_days": 365, "gate_percent": 20, "expected_amount_yen": 0, "priority": 5,
              "colour_no": catalogue.free_colour(_parts()), "is_active": True}  # fmt: skip
    return _basics_page(None, values, errors={}, theirs={})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts = _parts()
    try:
        product_id = catalogue.add(parts, request.form, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _basics_page(None, request.form, errors=error.errors, theirs={}), 422
    flash(_("商材を登録しました。"), "ok")
    return redirect(url_for(".product_GET", id=product_id))


# --- one product, a family, the company -------------------------------------------------------------------


@pages.get("/<int:id>")
@needs()
def product_GET(id: int) -> ResponseReturnValue:
    parts = _parts()
    product = catalogue.find(parts, id) or abort(404)
    return _product_page(product, errors={})


def _product_page(product: Product, *, errors: Mapping[str, str]) -> str:
    parts = _parts()
    holder = _holder("product", product.id)
    held = hold.held(parts)
    undoable = inherit.undoable(parts, product.id)
    return render_template(
        "web/products/product.html",
        product=product,
        holder=holder,
        shown=sections.shown(parts, holder),
        undoable=undoable,
        undone=sections.changes(parts, holder, undoable.was, words.FIELDS) if undoable else (),
        around=catalogue.around(parts, product.id),
        gate=sales_word.gate_of(parts, product.id, now=parts.clock.now()),
        held=[one for one in held if one.kind == "all" or (one.kind, one.id) == ("product", product.id)],
        family_id=next((f[0] for f in inherit.families(parts) if f[1] == holder.family), None),
        users={user.id: user.name for user in catalogue.choices(parts).users},
        errors=words.errors(errors),
        words=words,
    )


@pages.get("/<int:id>/fitting")
@needs()
def fitting_GET(id: int) -> ResponseReturnValue:
    """How many people fit the target profile, by class: a part of the page, or a page of its own."""
    holder = _holder("product", id)
    profile = cast(Mapping[str, Any], holder.value("target_profile"))
    found, about = catalogue.fitting(_parts(), id, profile)
    whole = not request.headers.get("HX-Request")
    return render_template(
        "web/products/fitting.html", holder=holder, found=found, about=about, whole=whole, words=words
    )


@pages.get("/defaults", defaults=HOUSE)
@pages.get("/families/<int:id>", defaults={"level": "family"})
@needs()
def shared_GET(level: str, id: int) -> ResponseReturnValue:
    """What the company, or a family, hands down to its products."""
    holder = _holder(level, id)
    return render_template(
        "web/products/shared.html",
        holder=holder,
        shown=sections.shown(_parts(), holder),
        heirs=inherit.heirs(_parts(), holder),
        families=inherit.families(_parts()),
        words=words,
    )


@pages.get(f"/<int:id>{SECTION}", defaults={"level": "product"})
@pages.get(f"/families/<int:id>{SECTION}", defaults={"level": "family"})
@pages.get(f"/defaults{SECTION}", defaults=HOUSE)
@needs("marketer")
def section_GET(level: str, id: int, section: str) -> ResponseReturnValue:
    holder = _holder(level, id)
    return _section_page(holder, section, holder.fields_of(words.FIELDS[section]), errors={})


@pages.post(f"/<int:id>{SECTION}", defaults={"level": "product"})
@pages.post(f"/families/<int:id>{SECTION}", defaults={"level": "family"})
@pages.post(f"/defaults{SECTION}", defaults=HOUSE)
@needs("marketer")
def section_POST(level: str, id: int, section: str) -> ResponseReturnValue:
    """Save a section; what was typed stays on the page when it is wrong or when somebody saved first."""
    parts, holder = _parts(), _holder(level, id)
    typed, errors = forms.section(section, request.form)
    try:
        if errors:
            raise Invalid(errors)
        if section == "matrix" and "effect" in request.form:
            return _effect_page(holder, typed)
        changed = inherit.save(
            parts,
            holder.level,
            id,
            typed,
            version=request.form.get("version", 0, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except Invalid as error:
        if request.headers.get("HX-Request"):
            return _effect_part(holder, None, errors=error.errors)
        return _section_page(holder, section, typed, errors=error.errors), 422
    except inherit.Stale as error:
        return _section_page(error.now, section, typed, errors={}, is_stale=True), 409
    _say(holder, section, changed)
    return redirect(_address(holder, section))


def _effect_page(holder: Holder, typed: Mapping[str, Any]) -> str:
    """What the typed matrix would do to the people of today; nothing is saved."""
    errors = inherit.problems(typed)
    if errors:
        raise Invalid(errors)
    parts = _parts()
    effect = foretell.run(parts, holder, matrix.rows(typed["action_matrix"]), now=parts.clock.now())
    if request.headers.get("HX-Request"):
        return _effect_part(holder, effect, errors={})
    return _section_page(holder, "matrix", typed, errors={}, effect=effect)


def _effect_part(holder: Holder, effect: Effect | None, *, errors: Mapping[str, str]) -> str:
    return render_template(
        "web/products/_effect.html", holder=holder, effect=effect, errors=words.errors(errors), words=words
    )


def _section_page(
    holder: Holder,
    section: str,
    values: Mapping[str, Any],
    *,
    errors: Mapping[str, str],
    is_stale: bool = False,
    effect: Effect | None = None,
) -> str:
    parts = _parts()
    typed = request.form if request.method == "POST" else None
    return render_template(
        f"web/products/edit_{section}.html",
        holder=holder,
        section=section,
        values=values,
        form=sections.form_of(section, values, typed),
        errors=words.errors(errors),
        theirs=sections.plain(parts, holder, section) if is_stale else {},
        mine=sections.plain_values(parts, values) if is_stale else {},
        seen=catalogue.values_seen(parts),
        trades=trade_words,
        senders=catalogue.choices(parts).senders,
        back=_address(holder, section),
        effect=effect,
        words=words,
    )


@pages.post("/<int:id>/own", defaults={"level": "product"})
@pages.post("/families/<int:id>/own", defaults={"level": "family"})
@pages.post("/defaults/own", defaults=HOUSE)
@needs("marketer")
def own_POST(level: str, id: int) -> ResponseReturnValue:
    """One press: keep today's value as one's own, or inherit again."""
    parts, holder = _parts(), _holder(level, id)
    field = request.form.get("field", "")
    try:
        changed = inherit.keep(
            parts,
            holder.level,
            id,
            field,
            as_own=request.form.get("as") == "own",
            version=request.form.get("version", 0, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except Invalid:
        abort(400)
    except inherit.Stale:
        flash(_("ほかの人が先に変更しました。いまの値を確かめて、もう一度押してください。"), "warn")
    else:
        _say(holder, sections.of_field(field), changed)
    return redirect(_address(holder, sections.of_field(field)))


def _say(holder: Holder, section: str, changed: int) -> None:
    """Said at the section, to which the browser goes, past the head of the page."""
    if holder.level is Level.PRODUCT:
        flash(_("保存しました。"), f"at-{section}")
    else:
        flash(_("保存しました。%(n)s件の商材の値が変わりました。", n=changed), f"at-{section}")


# --- basics, copy, sales ----------------------------------------------------------------------------------


@pages.get("/<int:id>/basics")
@needs("marketer")
def basics_GET(id: int) -> ResponseReturnValue:
    product = catalogue.find(_parts(), id) or abort(404)
    return _basics_page(id, _basics(product), errors={}, theirs={})


@pages.post("/<int:id>/basics")
@needs("marketer")
def basics_POST(id: int) -> ResponseReturnValue:
    """Save; when somebody saved first, both values are shown and nothing is lost."""
    parts = _parts()
    if catalogue.find(parts, id) is None:
        abort(404)
    version = request.form.get("version", 0, type=int)
    try:
        catalogue.save(parts, id, request.form, version=version, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _basics_page(id, request.form, errors=error.errors, theirs={}), 422
    except Stale as error:
        theirs = _basics(cast(Product, error.now))
        mine = {**theirs, **request.form, "is_active": "is_active" in request.form,
                "version": error.now.version}  # fmt: skip
        return _basics_page(id, mine, errors={}, theirs=theirs), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".product_GET", id=id))


def _basics(product: Product) -> dict[str, object]:
    fields = ("name", "family", "list_key", "unsubscribe_label", "colour_no", "owner_user_id", "is_active",
              "version")  # fmt: skip
    return {field: getattr(product, field) for field in fields}


def _basics_page(
    id: int | None, values: Mapping[str, object], *, errors: Mapping[str, str], theirs: Mapping[str, object]
) -> str:
    parts = _parts()
    return render_template(
        "web/products/basics.html",
        product_id=id,
        values=values,
        errors=words.errors(errors),
        theirs=theirs,
        labels=words.LABELS,
        choices=catalogue.choices(parts),
        families=inherit.families(parts),
    )


@pages.get("/<int:id>/copy")
@needs("marketer")
def copy_GET(id: int) -> ResponseReturnValue:
    """Choose a product and sections, and see what would be replaced; nothing is written."""
    holder = _holder("product", id)
    source_id = request.args.get("from", 0, type=int)
    source = inherit.load(_parts(), Level.PRODUCT, source_id) if source_id != id else None
    chosen = [name for name in words.FIELDS if name in request.args.getlist("section")]
    return render_template(
        "web/products/copy.html",
        holder=holder,
        source=source,
        chosen=chosen,
        changes=sections.changes(_parts(), holder, source, chosen) if source else (),
        products=[one for one in catalogue.names(_parts(), only_active=False) if one[0] != id],
        words=words,
    )


@pages.post("/<int:id>/copy")
@needs("marketer")
def copy_POST(id: int) -> ResponseReturnValue:
    parts = _parts()
    _holder("product", id)
    source = _holder("product", request.form.get("from", 0, type=int))
    chosen = [name for name in words.FIELDS if name in request.form.getlist("section")]
    try:
        inherit.copy(
            parts,
            id,
            source.id,
            [field for name in chosen for field in words.FIELDS[name]],
            version=request.form.get("version", 0, type=int),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except inherit.Stale:
        flash(_("ほかの人が先に変更しました。いまの値を確かめて、もう一度押してください。"), "warn")
        return redirect(url_for(".copy_GET", id=id))
    flash(_("「%(name)s」から写しました。", name=source.name), "ok")
    return redirect(url_for(".product_GET", id=id))


@pages.post("/<int:id>/undo")
@needs("marketer")
def undo_POST(id: int) -> ResponseReturnValue:
    """The values as they were before the last change."""
    parts = _parts()
    _holder("product", id)
    version = request.form.get("version", 0, type=int)
    try:
        done = inherit.undo(parts, id, version=version, user_id=me().id, now=parts.clock.now())
    except inherit.Stale:
        flash(_("ほかの人が先に変更しました。いまの値を確かめて、もう一度押してください。"), "warn")
    else:
        if done:
            flash(_("直前の変更を元に戻しました。"), "ok")
        else:
            flash(_("元に戻せる変更はありません。"), "warn")
    return redirect(url_for(".product_GET", id=id))


@pages.post("/<int:id>/team")
@needs("marketer")
def team_POST(id: int) -> ResponseReturnValue:
    """What sales say today: appetite and capacity, kept with its date."""
    parts = _parts()
    product = catalogue.find(parts, id) or abort(404)
    try:
        sales_word.set_team(
            parts,
            id,
            appetite=request.form.get("appetite", ""),
            capacity=request.form.get("capacity_per_week", ""),
            user_id=me().id,
            now=parts.clock.now(),
        )
    except Invalid as error:
        return _product_page(product, errors=error.errors), 422
    flash(_("営業の受入状態を記録しました。"), "ok")
    return redirect(url_for(".product_GET", id=id, _anchor="team"))
