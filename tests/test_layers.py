"""The arrows of the architecture, read from the imports: every one points down."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
COMPOSITION = {
    "campaigns.commands",
    "campaigns.scheduler",
    "campaigns.supervisor",
    "campaigns.embedded",
    "campaigns.jobs",
    "campaigns.logs",
    "campaigns.parts",
    "campaigns.settings",
    "campaigns.clock",
}
PURE = {"jaconv", "holidays"}

# layer -> what of this project it may import (prefixes)
MAY = {
    "mailer": ("mailer",),
    "tracking_pixel": ("tracking_pixel",),
    "campaigns.rules": ("campaigns.rules",),
    # An event is stored as it came: the library's value types are known here, its code is not called.
    "campaigns.storage": (
        "campaigns.rules",
        "campaigns.storage",
        "tracking_pixel.events",
        "tracking_pixel.bots.Judged",
        "tracking_pixel.networks.Evidence",
        "tracking_pixel.networks.Lesson",
    ),
    "campaigns.services": (
        "campaigns.rules",
        "campaigns.storage",
        "campaigns.services",
        "campaigns.parts",
        "campaigns.rates",
        "campaigns.settings",
        "mailer",
        "tracking_pixel",
    ),
    "campaigns.web": (
        "campaigns.web",
        "campaigns.services",
        "campaigns.storage",
        "campaigns.rules",
        "campaigns.parts",
        "campaigns.settings",
        "mailer.catcher",
        "tracking_pixel",
    ),
    "campaigns.sample": ("campaigns.sample",),
}
# Foreign packages that only some layers may know.
ONLY = {
    "flask": ("campaigns.web",),
    "sqlalchemy": ("campaigns.storage", "campaigns.services", "campaigns.web"),
    "redis": ("tracking_pixel", "campaigns.services", "campaigns.web"),
    "rq": (),
    "premailer": ("mailer",),
    "alembic": ("campaigns.storage",),
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("mailer", "tracking_pixel", "campaigns"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                yield name, ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(name: str) -> str | None:
    return next((layer for layer in MAY if name == layer or name.startswith(layer + ".")), None)


def is_under(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def test_every_arrow_points_down() -> None:
    wrong = []
    for name, tree in modules():
        layer = layer_of(name)
        if layer is None:
            continue
        for target in imports(tree):
            ours = is_under(target, ("campaigns", "mailer", "tracking_pixel")) and target != "campaigns"
            if ours and not is_under(target, MAY[layer]):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_foreign_packages_stay_in_their_layers() -> None:
    wrong = []
    for name, tree in modules():
        layer = layer_of(name)
        for target in imports(tree):
            package = target.partition(".")[0]
            if layer is not None and package in ONLY and layer not in ONLY[package]:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_rules_are_pure() -> None:
    import sys

    wrong = []
    for name, tree in modules():
        if layer_of(name) == "campaigns.rules":
            for target in imports(tree):
                package = target.partition(".")[0]
                if package not in sys.stdlib_module_names and package not in PURE and package != "campaigns":
                    wrong.append(f"{name} imports {target}")
                if package in ("os", "socket", "subprocess", "pathlib", "time"):
                    wrong.append(f"{name} imports {target}: rules do no I/O")
    assert wrong == []


def test_transactions_are_opened_in_services_alone() -> None:
    wrong = []
    for name, tree in modules():
        if (
            not name.startswith("campaigns")
            or layer_of(name) == "campaigns.services"
            or name in COMPOSITION | {"campaigns.storage.schema"}
        ):
            continue
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "begin"
            ):
                wrong.append(f"{name}:{node.lineno}")
    assert wrong == []
