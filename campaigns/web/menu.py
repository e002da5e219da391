"""The menu: the six processes, numbered, with what this installation has of them.

An item shows when its blueprint is registered and the reader's role may open it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, request
from flask_babel import lazy_pgettext

EVERYONE = frozenset({"admin", "marketer", "inside_sales", "field_sales", "sales_manager"})
MARKETING = frozenset({"admin", "marketer"})
LEADING = frozenset({"admin", "sales_manager"})
ADMIN = frozenset({"admin"})


@dataclass(frozen=True, slots=True)
class Item:
    """A link. page: blueprint that must exist; path: where it leads; count: key of the counts beside it."""

    key: str
    name: object
    page: str
    path: str
    roles: frozenset[str] = EVERYONE
    count: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """One of the six processes."""

    no: int
    name: object
    icon: str
    items: tuple[Item, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        1,
        lazy_pgettext("menu", "集客"),
        "speakerphone",
        (
            Item("events", lazy_pgettext("menu", "展示会・施策"), "events", "/events"),
            Item("forms", lazy_pgettext("menu", "フォーム"), "forms", "/forms", MARKETING),
            Item("imports", lazy_pgettext("menu", "取込"), "imports", "/imports", MARKETING),
            Item(
                "touch_lists", lazy_pgettext("menu", "接点の取込"), "touch_lists", "/touches/lists", MARKETING
            ),
        ),
    ),
    Group(
        2,
        lazy_pgettext("menu", "維持・管理"),
        "database",
        (
            Item("companies", lazy_pgettext("menu", "企業"), "companies", "/companies"),
            Item("people", lazy_pgettext("menu", "担当者"), "people", "/people"),
            Item("refusals", lazy_pgettext("menu", "受信拒否者リスト"), "refusals", "/refusals"),
        ),
    ),
    Group(
        3,
        lazy_pgettext("menu", "育成"),
        "plant-2",
        (
            Item("scenarios", lazy_pgettext("menu", "シナリオ"), "scenarios", "/scenarios", MARKETING),
            Item("mails", lazy_pgettext("menu", "コンテンツ"), "mails", "/mails", MARKETING),
            Item("ideas", lazy_pgettext("menu", "ネタ帳"), "ideas", "/ideas"),
            Item(
                "broadcasts",
                lazy_pgettext("menu", "一斉配信"),
                "broadcasts",
                "/broadcasts",
                MARKETING,
                count="broadcasts",
            ),
            Item("deliveries", lazy_pgettext("menu", "配信"), "deliveries", "/deliveries", MARKETING),
            Item("calendar", lazy_pgettext("menu", "配信カレンダー"), "calendar", "/calendar", MARKETING),
            Item(
                "approvals",
                lazy_pgettext("menu", "担当営業の確認"),
                "approvals",
                "/approvals",
                count="people",
            ),
        ),
    ),
    Group(
        4,
        lazy_pgettext("menu", "見つけ出す"),
        "zoom-check",
        (
            Item("leads", lazy_pgettext("menu", "見込度"), "leads", "/leads"),
            Item("calls", lazy_pgettext("menu", "架電リスト"), "calls", "/calls", count="calls"),
            Item("tasks", lazy_pgettext("menu", "アクション"), "tasks", "/tasks"),
            Item("faxes", lazy_pgettext("menu", "FAX"), "faxes", "/faxes"),
        ),
    ),
    Group(
        5,
        lazy_pgettext("menu", "案件化"),
        "arrows-exchange",
        (
            Item(
                "hand_offs", lazy_pgettext("menu", "引き渡し"), "hand_offs", "/hand-offs", count="hand_offs"
            ),
            Item("opportunities", lazy_pgettext("menu", "案件"), "opportunities", "/opportunities"),
            Item("appointments", lazy_pgettext("menu", "訪問"), "appointments", "/appointments"),
            Item("catalogues", lazy_pgettext("menu", "トラッキングカタログ"), "catalogues", "/catalogues"),
            Item("diary", lazy_pgettext("menu", "日報"), "diary", "/diary"),
        ),
    ),
    Group(
        6,
        lazy_pgettext("menu", "取引拡大"),
        "trending-up",
        (
            Item("classes", lazy_pgettext("menu", "管理区分"), "classes", "/classes"),
            Item("reports", lazy_pgettext("menu", "レポート"), "reports", "/reports"),
        ),
    ),
)
SETTINGS: tuple[Item, ...] = (
    Item("products", lazy_pgettext("menu", "商材"), "products", "/products"),
    Item("senders", lazy_pgettext("menu", "送信者情報"), "senders", "/senders", MARKETING),
    Item("team", lazy_pgettext("menu", "利用者"), "team", "/team", ADMIN),
    Item("api_tokens", lazy_pgettext("menu", "API"), "api_tokens", "/api-tokens", ADMIN),
    Item("house", lazy_pgettext("menu", "全社の決まり"), "house", "/house", ADMIN),
    Item("visits", lazy_pgettext("menu", "サイト計測"), "visits", "/visits", MARKETING),
    Item("catcher", lazy_pgettext("menu", "届いたメール（練習）"), "catcher", "/caught"),
)


def shown(app: Flask, role: str) -> tuple[Group, ...]:
    """The processes with the items this reader may open; a process without one is left out."""
    groups = (Group(g.no, g.name, g.icon, _items(app, g.items, role)) for g in GROUPS)
    return tuple(group for group in groups if group.items)


def settings(app: Flask, role: str) -> tuple[Item, ...]:
    return _items(app, SETTINGS, role)


def path(app: Flask, item: Item) -> str:
    """Where an item leads: the blueprint's own prefix, where the item stands for the whole of it."""
    page = app.blueprints[item.page]
    return page.url_prefix if item.key == item.page and page.url_prefix else item.path


def current(app: Flask) -> str:
    """The key of the item for the page being shown: the longest path that the address begins with."""
    items = [item for group in GROUPS for item in group.items] + list(SETTINGS)
    fits = [
        (len(path(app, item)), item.key)
        for item in items
        if item.page in app.blueprints
        and "?" not in item.path
        and (request.path + "/").startswith(path(app, item).rstrip("/") + "/")
    ]
    return max(fits, default=(0, ""))[1]


def _items(app: Flask, items: tuple[Item, ...], role: str) -> tuple[Item, ...]:
    return tuple(item for item in items if item.page in app.blueprints and role in item.roles)


def badge(counts: Mapping[str, int], item: Item) -> int:
    """How much work waits behind an item."""
    return counts.get(item.count, 0) if item.count else 0
