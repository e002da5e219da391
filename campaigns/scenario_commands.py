"""`ikusei scenario`: write a scenario to a file, read one from a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import BinaryIO

import click

from campaigns import logs, parts
from campaigns import settings as environment
from campaigns.parts import Parts


@click.group()
def scenario() -> None:
    """Export and import scenarios as YAML."""


@scenario.command(name="export")
@click.argument("scenario_id", type=click.IntRange(1))
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="file; else the terminal"
)
def export(scenario_id: int, output: Path | None) -> None:
    """Write the newest version of a scenario, with its mails, as YAML."""
    from campaigns.services import yaml_scenario
    from campaigns.services.author import Gone

    try:
        _name, text = yaml_scenario.export(_built(), scenario_id)
    except Gone:
        raise click.ClickException(f"there is no scenario {scenario_id}") from None
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")


@scenario.command(name="import")
@click.argument("file", type=click.File("rb"))
@click.option("--product", "product_id", required=True, type=click.IntRange(1), help="the product's number")
@click.option("--check", is_flag=True, help="only look through the file")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True)
def import_(file: BinaryIO, product_id: int, check: bool, lang: str) -> None:
    """Make a scenario of a YAML file, as a draft; `-` is standard input. Every fault is told with its line."""
    from campaigns.services import yaml_scenario
    from campaigns.storage import scenarios
    from campaigns.web import app, explain_text, scenario_file_words

    built = _built()
    name = getattr(file, "name", "<stdin>")
    seen = yaml_scenario.read(file.read(yaml_scenario.MAX_BYTES + 1))
    if seen.file is None:
        with explain_text.speaking(app.create(built), lang):
            for fault in seen.faults:
                click.echo(f"{name}:{fault.line}: {scenario_file_words.fault(fault)}", err=True)
        sys.exit(1)
    with built.engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    if product_id not in {id for id, _name in products}:
        known = ", ".join(f"{id} {name}" for id, name in products)
        raise click.ClickException(f"there is no product {product_id}; there are: {known}")
    if not check:
        new = yaml_scenario.bring_in(
            built, seen.file, product_id=product_id, user_id=None, now=built.clock.now()
        )
        click.echo(new)


def _built() -> Parts:
    chosen = environment.read()
    logs.configure(chosen.log_level)
    return parts.build(chosen)
