"""Forms for staff: the list, a new one from a kind, what visitors see with its preview, how entries are handled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import form_texts
from campaigns.rules import forms as rule
from campaigns.rules.forms import Design, Field, Kind
from campaigns.services import add_event, design_form, sender_profiles
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage.forms import Form, Handling
from campaigns.web import form_fields, form_words, public_forms, qr, words
from campaigns.web.security import as_preview
from campaigns.web.session import me, needs

pages = Blueprint("forms", __name__, url_prefix="/forms")


@pages.get("")
@needs("marketer")
def index_GET() -> ResponseReturnValue:
    lines = design_form.listing(_parts())
    show = request.args.get("show", "")
    shown = [line for line in lines if show not in form_words.STATES or line.state == show]
    return render_template("web/forms/index.html", lines=lines, shown=shown, show=show, words=form_words)


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _new({"kind": request.args.get("kind", ""), "owner_user_id": me().id})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    kind = next((one for one in Kind if one.value == form.get("kind")), None)
    handling, errors = form_fields.handling(Handling(""))
    if kind is None:
        errors["kind"] = str(_("種類を選んでください。"))
    try:
        if errors or kind is None:
            raise Invalid({})
        form_id = design_form.create(parts, kind, handling, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _new(form, errors=errors | form_fields.worded(error.errors)), 422
    flash(_("「%(name)s」を作りました。内容を確かめて、公開してください。", name=handling.name), "ok")
    return redirect(url_for(".edit_GET", form_id=form_id), code=303)


def _new(values: Mapping[str, object], *, errors: Mapping[str, str] | None = None) -> str:
    return render_template(
        "web/forms/new.html",
        values=values,
        errors=errors or {},
        labels=form_fields.LABELS,
        words=form_words,
        choices=design_form.choices(_parts()),
    )


@pages.get("/<int:form_id>")
@needs("marketer")
def form_GET(form_id: int) -> ResponseReturnValue:
    """How the form fares, where visitors find it, what was published."""
    parts = _parts()
    seen = design_form.overview(parts, form_id, now=parts.clock.now())
    url = design_form.url(parts, seen.form)
    return render_template(
        "web/forms/form.html",
        seen=seen,
        form=seen.form,
        url=url,
        base_url=parts.settings.base_url,
        sites=parts.settings.origins(),
        wrong=form_fields.unready(seen.form.design),
        lacks_material=design_form.lacks_material(seen.form),
        lacks_event=design_form.lacks_event(seen.form),
        code=qr.svg(url, label=_("フォームのQRコード")),
        words=form_words,
        days=design_form.PERIOD_DAYS,
    )


@pages.get("/<int:form_id>/qr.svg")
@needs("marketer")
def qr_GET(form_id: int) -> ResponseReturnValue:
    """The code for a poster or a leaflet."""
    parts = _parts()
    found = design_form.find(parts, form_id)
    answer = Response(qr.file(design_form.url(parts, found)), mimetype="image/svg+xml")
    answer.headers["Content-Disposition"] = f'attachment; filename="form-{form_id}.svg"'
    return answer


@pages.get("/<int:form_id>/edit")
@needs("marketer")
def edit_GET(form_id: int) -> ResponseReturnValue:
    found = design_form.find(_parts(), form_id)
    return _edit(found, found.design, version=found.version)


@pages.post("/<int:form_id>/edit")
@needs("marketer")
def edit_POST(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    found = design_form.find(parts, form_id)
    design, version = form_fields.design(found.design), request.form.get("version", 0, type=int)
    now = parts.clock.now()
    try:
        design_form.save(parts, form_id, design=design, version=version, user_id=me().id, now=now)
    except Stale as error:
        stored = cast(Form, error.now)
        return _edit(stored, design, version=stored.version, is_stale=True), 409
    if request.form.get("then") != "publish":
        flash(_("保存しました。公開中の画面は、公開し直すまで変わりません。") if found.published_no else _("保存しました。"), "ok")  # fmt: skip
        return redirect(url_for(".edit_GET", form_id=form_id), code=303)
    return _publish(form_id)


@pages.post("/<int:form_id>/publish")
@needs("marketer")
def publish_POST(form_id: int) -> ResponseReturnValue:
    return _publish(form_id)


def _publish(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    found = design_form.find(parts, form_id)
    pages_now = {lang: _rendered(found, found.design, lang) for lang in found.design.langs}
    try:
        no = design_form.publish(
            parts, form_id, pages_now, version=found.version, user_id=me().id, now=parts.clock.now()
        )
    except Invalid:
        flash(_("保存しましたが、まだ公開できません。赤い印のところを直してください。"), "warn")
        return redirect(url_for(".edit_GET", form_id=form_id), code=303)
    except Stale:
        flash(_("ほかの人が先に変更しました。内容を確かめて、もう一度公開してください。"), "warn")
        return redirect(url_for(".edit_GET", form_id=form_id), code=303)
    if design_form.lacks_material(found):
        flash(
            _("第%(no)s版を公開しましたが、渡す資料がまだありません。下から資料を選んでください。", no=no),
            "warn",
        )
    else:
        flash(_("第%(no)s版を公開しました。", no=no), "ok")
    return redirect(url_for(".form_GET", form_id=form_id), code=303)


@pages.post("/<int:form_id>/preview")
@needs("marketer")
def preview_POST(form_id: int) -> ResponseReturnValue:
    """The page as visitors would see what stands in the editor."""
    found = design_form.find(_parts(), form_id)
    design = form_fields.design(found.design)
    return as_preview(_rendered(found, design, design.lang([request.form.get("look")])))


@pages.get("/<int:form_id>/preview")
@needs("marketer")
def preview_GET(form_id: int) -> ResponseReturnValue:
    found = design_form.find(_parts(), form_id)
    return as_preview(_rendered(found, found.design, found.design.lang([request.args.get("look")])))


@pages.get("/<int:form_id>/versions/<int:no>")
@needs("marketer")
def version_GET(form_id: int, no: int) -> ResponseReturnValue:
    """What a version showed; entries and consents point here."""
    parts = _parts()
    shown = design_form.published(parts, form_id, no)
    return render_template(
        "web/forms/version.html", form=design_form.find(parts, form_id), shown=shown, words=form_words
    )


@pages.get("/<int:form_id>/versions/<int:no>/<lang>")
@needs("marketer")
def snapshot_GET(form_id: int, no: int, lang: str) -> ResponseReturnValue:
    page = design_form.published(_parts(), form_id, no).snapshot.get(lang)
    return as_preview(page) if page else abort(404)


@pages.get("/<int:form_id>/handling")
@needs("marketer")
def handling_GET(form_id: int) -> ResponseReturnValue:
    found = design_form.find(_parts(), form_id)
    return _handle(found, form_fields.shown(found.handling), version=found.version)


@pages.post("/<int:form_id>/handling")
@needs("marketer")
def handling_POST(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    found = design_form.find(parts, form_id)
    handling, errors = form_fields.handling(found.handling)
    handling, unkept = form_fields.with_upload(handling, user_id=me().id)
    errors |= unkept
    # A browser sends a file once: the one that was kept stays chosen, whatever else must be mended.
    typed = {**request.form.to_dict(), "file_id": handling.file_id or ""}
    version = request.form.get("version", 0, type=int)
    try:
        if errors:
            raise Invalid({})
        design_form.save(
            parts, form_id, handling=handling, version=version, user_id=me().id, now=parts.clock.now()
        )
    except Invalid as error:
        return _handle(found, typed, version=version, errors=errors | form_fields.worded(error.errors)), 422
    except Stale as error:
        stored = cast(Form, error.now)
        return _handle(stored, typed, version=stored.version, theirs=form_fields.shown(stored.handling)), 409
    flash(_("保存しました。これから届くものに、すぐ効きます。"), "ok")
    return redirect(url_for(".form_GET", form_id=form_id), code=303)


@pages.post("/<int:form_id>/state")
@needs("marketer")
def state_POST(form_id: int) -> ResponseReturnValue:
    parts, wanted = _parts(), request.form.get("state", "")
    try:
        design_form.set_state(parts, form_id, wanted, user_id=me().id, now=parts.clock.now())
    except Invalid:
        flash(_("先に公開してください。"), "warn")
    else:
        flash(_("受付を再開しました。") if wanted == "open" else _("受付を終えました。"), "ok")
    return redirect(url_for(".form_GET", form_id=form_id), code=303)


@pages.get("/<int:form_id>/delete")
@needs("marketer")
def delete_GET(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    seen = design_form.overview(parts, form_id, now=parts.clock.now())
    return render_template("web/forms/delete.html", form=seen.form, seen=seen, words=form_words)


@pages.post("/<int:form_id>/delete")
@needs("marketer")
def delete_POST(form_id: int) -> ResponseReturnValue:
    parts = _parts()
    name = design_form.find(parts, form_id).handling.name
    try:
        design_form.delete(parts, form_id, user_id=me().id, now=parts.clock.now())
    except Invalid:
        flash(_("受け付けたものがあるため、削除できません。受付を終えることはできます。"), "warn")
        return redirect(url_for(".form_GET", form_id=form_id), code=303)
    flash(_("「%(name)s」を削除しました。", name=name), "ok")
    return redirect(url_for(".index_GET"), code=303)


# --- what the pages are made of -----------------------------------------------------------------------------------


def _edit(found: Form, design: Design, *, version: int, is_stale: bool = False) -> str:
    used = [one.key for one in design.fields]
    rest = [Field(key) for key in rule.FIELDS if key not in used]
    return render_template(
        "web/forms/edit.html",
        form=found,
        design=design,
        version=version,
        is_stale=is_stale,
        lacks_material=design_form.lacks_material(found),
        lacks_event=design_form.lacks_event(found),
        rows=[*design.fields, *rest],
        used=used,
        langs=rule.LANGS,
        label=lambda key: form_texts.LABELS[key][words.language()] or form_words.OWN_NAMES[key],
        label_in=lambda key, lang: form_texts.LABELS[key][lang],
        choices=rule.CHOICES,
        own=rule.OWN,
        sayings=form_fields.SAYINGS,
        wrong=(wrong := form_fields.unready(design)),
        wrong_langs={place.rpartition("-")[2] for place in wrong},
        words=form_words,
    )


def _handle(
    found: Form,
    values: Mapping[str, object],
    *,
    version: int,
    errors: Mapping[str, str] | None = None,
    theirs: Mapping[str, object] | None = None,
) -> str:
    return render_template(
        "web/forms/handling.html",
        form=found,
        values=values,
        version=version,
        errors=errors or {},
        theirs=theirs or {},
        labels={**form_fields.LABELS, "file": _("新しい資料を登録")},
        choices=design_form.choices(_parts()),
        waited_for=rule.WAITED_FOR,
        words=form_words,
    )


def _rendered(found: Form, design: Design, lang: str) -> str:
    parts = _parts()
    event = add_event.find(parts, found.handling.event_id).plan if found.handling.event_id else None
    return public_forms.render(
        design, lang=lang, sender=sender_profiles.of_product(parts, found.handling.product_id), event=event
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
