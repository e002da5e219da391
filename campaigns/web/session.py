"""Login, logout, the first account, one's own settings, the language; and who may open a page."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.services import accounts
from campaigns.services.accounts import AccountError
from campaigns.storage.users import User
from campaigns.web import i18n
from campaigns.web.asked import number

P = ParamSpec("P")
pages = Blueprint("session", __name__)

ERRORS = {
    "email_odd": _l("メールアドレスの形になっていません。"),
    "email_taken": _l("このメールアドレスは登録済みです。"),
    "password_short": _l("パスワードは12文字以上、200文字以下にしてください。"),
    "password_wrong": _l("いまのパスワードが違います。"),
    "name_missing": _l("名前を入力してください。"),
    "role_unknown": _l("権限を選んでください。"),
    "last_admin": _l("管理者がいなくなるため、変更できません。先に別の管理者を登録してください。"),
    "calls_odd": _l("1から300までの数を入れるか、空にしてください。"),
    "stale": _l("ほかの人が先に変更しました。いまの値を確かめて、もう一度保存してください。"),
}
FIELDS = {
    "email_odd": "email", "email_taken": "email", "password_short": "password", "password_wrong": "old",
    "name_missing": "name", "role_unknown": "role", "last_admin": "role", "stale": "name",
    "calls_odd": "calls_per_day",
}  # fmt: skip
# Ten tries from one place in five minutes, and ten for one address in a quarter of an hour.
LOGIN_LIMITS = ("10 per 5 minutes", "100 per day")
ADDRESS_LIMIT = "10 per 15 minutes"
OPEN = frozenset(
    {"session.login_GET", "session.login_POST", "session.first_GET", "session.first_POST", "static"}
)


class Reader:
    """The user as Flask-Login wants one: the id carries the session number, which a new password ends."""

    is_authenticated = True
    is_anonymous = False

    def __init__(self, user: User) -> None:
        self.user = user

    def __getattr__(self, name: str) -> Any:
        return getattr(self.user, name)

    def get_id(self) -> str:
        return f"{self.user.id}:{self.user.session_no}"


def register(app: Flask, parts: Parts) -> None:
    """Login for this application, and the limits on trying passwords."""
    manager = LoginManager(app)
    manager.session_protection = None  # phones change their address all the time

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(text: str) -> Reader | None:
        left, _, right = text.partition(":")
        try:
            user_id, session_no = number(left), number(right)
        except ValueError:
            return None
        # The page that says the database is away must not ask it, nor does a recipient's page.
        if g.get("is_failing") or g.get("asks_nobody"):
            return None
        user = accounts.of_session(parts, user_id=user_id, session_no=session_no)
        return Reader(user) if user else None

    manager.unauthorized_handler(_ask_login)
    # Redis away: each process counts for itself, and nobody is locked out by that.
    storage: dict[str, Any] = {"connection_pool": parts.redis.connection_pool}
    limiter = Limiter(
        get_remote_address,
        app=app,
        storage_uri="redis://",
        storage_options=storage,
        in_memory_fallback_enabled=True,
        key_prefix="ikusei",
        headers_enabled=False,
    )
    view: Any = app.view_functions["session.login_POST"]
    for limit in LOGIN_LIMITS:
        view = limiter.limit(limit)(view)
    app.view_functions["session.login_POST"] = limiter.limit(ADDRESS_LIMIT, key_func=_address_tried)(view)


def needs(*roles: str) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Only these roles may open the page; an admin may open every one. Without roles: anybody logged in."""

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return _ask_login()
            if roles and current_user.role not in (*roles, "admin"):
                abort(403)
            return view(*args, **kwargs)

        return guarded

    return decorate


def me() -> User:
    """The reader of this page."""
    user: User = current_user.user
    return user


def owner_id() -> int | None:
    """Whose people the reader may say yes for: marketers for anybody's (None), the others for their own."""
    return None if me().role in ("marketer", "admin") else me().id


def safe_next(wanted: str | None) -> str:
    """Where to go after login: a path of ours, never another host."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(wanted)
    if parts.scheme or parts.netloc or "\\" in wanted or any(ord(c) < 32 for c in wanted):
        return "/"
    return wanted.removesuffix("?")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _address_tried() -> str:
    return "login:" + request.form.get("email", "").strip().lower()[:254]


def _ask_login() -> ResponseReturnValue:
    """To the login, and back afterwards; a part of a page asks the whole page to go there."""
    if not accounts.has_users(_parts()):
        target = url_for("session.first_GET")
    else:
        wanted = request.full_path.removesuffix("?") if request.method == "GET" else "/"
        target = url_for("session.login_GET", next=wanted if wanted != "/" else None)
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": target}
    return redirect(target)


@pages.get("/welcome")
def first_GET() -> ResponseReturnValue:
    """The first visit makes the first account."""
    if accounts.has_users(_parts()):
        return redirect(url_for("session.login_GET"))
    return render_template("web/session/first.html", errors={}, form={})


@pages.post("/welcome")
def first_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    errors = {}
    if form.get("password") != form.get("again"):
        errors["again"] = _("2つのパスワードが違います。")
    try:
        user = None if errors else accounts.create_first(
            parts,
            email=form.get("email", ""),
            name=form.get("name", ""),
            password=form.get("password", ""),
            locale=i18n.choose(),
            now=parts.clock.now(),
        )  # fmt: skip
    except AccountError as error:
        errors[FIELDS[error.code]] = str(ERRORS[error.code])
    if errors:
        return render_template("web/session/first.html", errors=errors, form=form), 422
    if user is None:
        flash(_("最初のアカウントは、すでに作られています。"), "info")
        return redirect(url_for("session.login_GET"))
    login_user(Reader(user))
    return redirect("/")


@pages.get("/login")
def login_GET() -> ResponseReturnValue:
    if not accounts.has_users(_parts()):
        return redirect(url_for("session.first_GET"))
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")))
    return render_template("web/session/login.html", next=safe_next(request.args.get("next")), email="")


@pages.post("/login")
def login_POST() -> ResponseReturnValue:
    parts, email = _parts(), request.form.get("email", "")
    user = accounts.login(
        parts, email=email, password=request.form.get("password", ""), now=parts.clock.now()
    )
    target = safe_next(request.form.get("next"))
    if user is None:
        # One answer for both, so that nobody learns whose address is known here.
        words = _("メールアドレスかパスワードが違います。")
        page = render_template("web/session/login.html", next=target, email=email, error=words)
        return page, 422
    login_user(Reader(user))
    return redirect(target)


@pages.post("/logout")
def logout_POST() -> ResponseReturnValue:
    logout_user()
    return redirect(url_for("session.login_GET"))


@pages.post("/language")
def language_POST() -> ResponseReturnValue:
    """The language, kept by the account and, before login, by a cookie."""
    wanted = request.form.get("lang", "")
    if wanted not in i18n.LANGUAGES:
        abort(400)
    if current_user.is_authenticated:
        accounts.set_language(_parts(), me(), wanted)
    answer: Response = redirect(safe_next(request.form.get("next")))
    answer.set_cookie(
        i18n.COOKIE,
        wanted,
        max_age=31_536_000,
        samesite="Lax",
        httponly=True,
        secure=_parts().settings.is_https,
    )
    return answer


@pages.get("/me")
@needs()
def me_GET() -> ResponseReturnValue:
    return render_template("web/session/me.html", errors={}, form={})


@pages.post("/me")
@needs()
def me_POST() -> ResponseReturnValue:
    try:
        accounts.set_own(
            _parts(),
            me(),
            name=request.form.get("name", ""),
            single_keys="single_keys" in request.form,
            calls_per_day=request.form.get("calls_per_day", ""),
            call_mail="call_mail" in request.form,
        )
    except AccountError as error:
        errors = {FIELDS[error.code]: str(ERRORS[error.code])}
        return render_template("web/session/me.html", errors=errors, form=request.form), 422
    flash(_("保存しました。"), "ok")
    return redirect(url_for("session.me_GET"))


@pages.post("/me/password")
@needs()
def password_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    errors = {}
    if form.get("password") != form.get("again"):
        errors["again"] = _("2つのパスワードが違います。")
    else:
        try:
            user = accounts.change_password(
                parts, me(), old=form.get("old", ""), new=form.get("password", ""), now=parts.clock.now()
            )
            login_user(Reader(user))
        except AccountError as error:
            errors[FIELDS[error.code]] = str(ERRORS[error.code])
    if errors:
        return render_template("web/session/me.html", errors=errors, form={}), 422
    flash(_("パスワードを変えました。ほかの端末では、もう一度ログインが必要です。"), "ok")
    return redirect(url_for("session.me_GET"))
