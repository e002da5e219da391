"""10,000 rows of a list. Limits of the issue: previewed in 5 s, imported in 20 s."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from campaigns.services import import_list
from tests import world
from tests.bench.installation import installation

ROWS = 10_000
HEAD = "会社名,部署名,役職,氏名,e-mail,TEL会社,名刺交換日"
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def main() -> None:
    body = "\n".join(
        f"㈱会社{n // 8},品質保証部,課長,山田 太郎{n},p{n}@c{n // 8}.example,053-000-{n % 10000:04d},2026/11/12"
        for n in range(ROWS)
    )
    data = f"{HEAD}\n{body}\n".encode("cp932")
    with installation() as parts:
        with parts.engine.begin() as tx:
            product = world.product(tx)
        start = time.perf_counter()
        batch = import_list.read(parts, data=data, file_name="big.csv", user_id=None, now=NOW)
        _, settings, _ = import_list.sample(parts, batch)
        settings = replace(
            settings,
            product_id=product,
            kind="card_exchange",
            basis="card_written",
            purpose_published=True,
        )
        preview = import_list.preview(parts, batch, settings=settings, now=NOW)
        middle = time.perf_counter()
        done = import_list.confirm(parts, batch, now=NOW, user_id=None)
        end = time.perf_counter()
    if not preview.counts["new"] == len(done.person_ids) == ROWS:
        raise SystemExit(f"imports: {preview.counts} is not what the list holds")
    print(
        f"imports: {ROWS} rows previewed in {middle - start:.1f} s ({(middle - start) / 5:.2f} of the limit),"
        f" imported in {end - middle:.1f} s ({(end - middle) / 20:.2f} of the limit)"
    )
