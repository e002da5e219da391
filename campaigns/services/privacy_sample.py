"""What a privacy page may say about the measuring, in both languages, for the site's owner to copy. Source: LAW-27."""

from __future__ import annotations

from campaigns.parts import Parts
from campaigns.services import sender_profiles, tell_visitors

JA = """\
閲覧の記録について
{name}は、お役に立つご案内をお届けするため、当社サイトでご覧になったページと時間を記録しています。{asks}記録には当社のサイトの中だけで使う識別番号を用い、Cookieは使いません。IPアドレスは下の桁を落として記録します。どなたのものかわからない閲覧の記録は、90日以内に消去します。
当社のメールのリンクを開いたとき、またはフォームをお送りいただいたときは、それまで90日の閲覧の記録を、お預かりしているお名前やメールアドレスと結び付けて利用します。
記録を望まれない場合は、このページの「閲覧の記録を断る」ボタンを押してください。メールの末尾のリンクからも断れます。ブラウザーの「追跡しないで」（DNT、GPC）の設定にも従います。お預かりしている情報の開示・訂正・利用停止・消去は、次の連絡先へお申し付けください。
連絡先：{contact}"""
EN = """\
Recording of visits
To make what we send you more useful, {name} records which pages of our site you read and for how long. {asks}The identifier used for this works on our own site alone; we use no cookies. IP addresses are shortened before they are stored. Visits of people we do not know are deleted within 90 days.
When you follow a link in one of our mails, or send us a form, the visits of the 90 days before are tied to the name and mail address that you have given us.
If you do not want this, press "Do not record my visits" on this page, or use the link at the end of our mails. We also honour the Do Not Track (DNT) and Global Privacy Control (GPC) settings of your browser. To see, correct, stop the use of or erase what we hold about you, please contact us.
Contact: {contact}"""

ASKS = {
    "ja": "記録してよいかを最初に伺うサイトでは、「記録を許可する」を押していただくまで記録しません。",
    "en": "On a site that asks first, we record nothing until you have pressed “Allow recording”. ",
}


def both(parts: Parts) -> dict[str, str]:
    """By language, with the legal sender's name and contact where they have been entered.

    Where some site of ours asks first, it says so.
    """
    found = sender_profiles.disclosed(parts)
    asks = ASKS if "ask" in tell_visitors.modes(parts).values() else dict.fromkeys(ASKS, "")
    name, contact = (found[0].legal_name, found[0].inquiry) if found else ("", "")
    return {
        "ja": JA.format(
            name=name or "当社", contact=contact or "（電話番号またはメールアドレス）", asks=asks["ja"]
        ),
        "en": EN.format(
            name=name or "our company", contact=contact or "(phone number or mail address)", asks=asks["en"]
        ),
    }
