"""Whose task it is: the account's owner, else the territory's people, else whoever has most room, within a team.

Source: issue "inside sales"; spec 2.2, S4-07, S4-08.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

# A team is a role: who calls from the office, and who visits.
TEAMS: Mapping[str, str] = {"inside": "inside_sales", "field": "field_sales"}
PER_DAY_MOST = 1000
PREFECTURES = (
    "北海道", "青森県", "岩手県", "宮城県", "秋田県", "山形県", "福島県", "茨城県", "栃木県", "群馬県", "埼玉県",
    "千葉県", "東京都", "神奈川県", "新潟県", "富山県", "石川県", "福井県", "山梨県", "長野県", "岐阜県", "静岡県",
    "愛知県", "三重県", "滋賀県", "京都府", "大阪府", "兵庫県", "奈良県", "和歌山県", "鳥取県", "島根県", "岡山県",
    "広島県", "山口県", "徳島県", "香川県", "愛媛県", "高知県", "福岡県", "佐賀県", "長崎県", "熊本県", "大分県",
    "宮崎県", "鹿児島県", "沖縄県",
)  # fmt: skip
_ZIP = re.compile(r"^〒?\s*(\d{3}-?\d{4})?\s*")


class By(StrEnum):
    """Why it is theirs."""

    OWNER = "owner"
    TERRITORY = "territory"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is given tasks. territory: prefectures, empty for any. per_day: tasks they can do a day; 0 takes
    none unless by hand. open: tasks they have. away_until: the first day they are back.
    """

    id: int
    role: str
    territory: frozenset[str] = frozenset()
    per_day: int = 20
    open: int = 0
    away_until: date | None = None

    def is_there(self, today: date) -> bool:
        return self.away_until is None or self.away_until <= today


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task without anybody. owner_id: of the company. address: the company's."""

    id: int
    team: str
    owner_id: int | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """Whose a task became, and why."""

    user_id: int
    by: By


def prefecture_of(address: str) -> str:
    """The prefecture that a Japanese address begins with; "" where it names none."""
    plain = _ZIP.sub("", unicodedata.normalize("NFKC", address).strip())
    return next((name for name in PREFECTURES if plain.startswith(name)), "")


def share(tasks: Iterable[Waiting], members: Iterable[Member], *, today: date) -> dict[int, Given]:
    """Whose each task becomes; who finds nobody is left out and stays everybody's.

    The owner takes it unless he is away or works in the other team. Else whoever's territory the company lies in;
    where it is nobody's, all of the team whose territory is open, and where there is none of those, all of the team.
    Of several the one with the fewest open tasks for what they can do a day. The same input, in whatever order,
    gives the same answer.
    """
    there = {one.id: one for one in members if one.is_there(today)}
    load = {one.id: one.open for one in there.values()}
    given: dict[int, Given] = {}
    for task in sorted(tasks, key=lambda one: one.id):
        owner = there.get(task.owner_id or 0)
        if owner is not None and owner.role in _may_own(task.team):
            found = Given(owner.id, By.OWNER)
        else:
            near, by = _near(task, there)
            if not near:
                continue
            found = Given(min(near, key=lambda one: ((load[one.id] + 1) / one.per_day, one.id)).id, by)
        given[task.id] = found
        load[found.user_id] += 1
    return given


def _may_own(team: str) -> frozenset[str]:
    """Roles whose owners take a task of this team: all but the other team's."""
    others = {role for name, role in TEAMS.items() if name != team}
    return frozenset({"admin", "marketer", "sales_manager", *TEAMS.values()} - others)


def _near(task: Waiting, there: Mapping[int, Member]) -> tuple[list[Member], By]:
    team = [one for one in there.values() if one.role == TEAMS.get(task.team) and one.per_day > 0]
    prefecture = prefecture_of(task.address)
    if prefecture and (here := [one for one in team if prefecture in one.territory]):
        return here, By.TERRITORY
    return [one for one in team if not one.territory] or team, By.TURN
