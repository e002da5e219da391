"""What a guest of a meeting is told by mail: to whom it is, who we are, when, where and who comes.

It goes to a customer, so it is a letter of its own and no list of fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from campaigns.storage.appointments import Appointment
from campaigns.storage.participants import Guest

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "new": "お打ち合わせのご案内: {when}",
        "moved": "お打ち合わせ日時変更のお知らせ: {when}",
        "off": "お打ち合わせ取りやめのお知らせ: {when}",
        "to": "{company}\n{name} {honorific}",
        "hello": "いつもお世話になっております。\n{us}の{owner}です。",
        "hello_us": "いつもお世話になっております。\n{us}です。",
        "told_new": "下記のとおりお打ち合わせの予定をお送りします。\n添付のファイルから、カレンダーに登録していただけます。",
        "told_moved": "お打ち合わせの予定を、下記のとおり変更いたしました。\nお手数ですが、添付のファイルでカレンダーを更新してください。",
        "told_off": "下記のお打ち合わせは、取りやめとさせていただきます。\n添付のファイルで、カレンダーの予定を削除していただけます。",
        "when": "日時: {when}〜{until}",
        "place": "場所: {place}",
        "staff": "弊社の出席者: {names}",
        "comma": "、",
        "end": "当日はどうぞよろしくお願いいたします。",
        "end_off": "ご迷惑をおかけいたしますが、どうぞよろしくお願いいたします。",
    },
    "en": {
        "new": "Our meeting: {when}",
        "moved": "Our meeting has been moved: {when}",
        "off": "Our meeting has been cancelled: {when}",
        "to": "Dear {name},",
        "hello": "this is {owner} of {us}.",
        "hello_us": "this is a message from {us}.",
        "told_new": "Here is our meeting for your calendar; the attached file adds it.",
        "told_moved": "Our meeting has been moved. The attached file updates your calendar.",
        "told_off": "We are sorry to say that our meeting below has been cancelled. The attached file removes it from your calendar.",
        "when": "When: {when} to {until}",
        "place": "Where: {place}",
        "staff": "From our side: {names}",
        "comma": ", ",
        "end": "We look forward to seeing you.",
        "end_off": "We apologise for the inconvenience.",
    },
}  # fmt: skip


def mail(
    found: Appointment,
    guest: Guest,
    what: str,
    *,
    when: str,
    until: str,
    staff: Sequence[str],
    us: str,
    locale: str,
) -> tuple[str, str]:
    """Subject and text. what: new, moved, off. staff: the names of ours who come, the owner among them."""
    words = WORDS.get(locale, WORDS["ja"])
    head = words["to"].format(company=found.company, name=guest.name, honorific=guest.honorific or "様")
    hello = words["hello" if found.owner else "hello_us"].format(us=us, owner=found.owner)
    facts = [words["when"].format(when=when, until=until)]
    if found.place:
        facts.append(words["place"].format(place=found.place))
    if staff and what != "off":
        facts.append(words["staff"].format(names=words["comma"].join(staff)))
    parts = [
        head.strip(),
        hello,
        words[f"told_{what}"],
        "\n".join(facts),
        words["end_off" if what == "off" else "end"],
        "\n".join(part for part in (us, found.owner) if part),
    ]
    return words[what].format(when=when), "\n\n".join(parts) + "\n"
