"""Words for scenarios and mails: codes in, sentences in the reader's language out."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.scenarios import PatternStep, Problem, Step
from campaigns.web.mail_words import FORMATS as FORMATS
from campaigns.web.mail_words import KINDS_OF_FILE as KINDS_OF_FILE
from campaigns.web.mail_words import mail_problem as mail_problem
from campaigns.web.mail_words import softer as softer
from campaigns.web.words import day, language

STATUS = {
    "draft": _l("下書き"),
    "active": _l("配信中"),
    "paused": _l("一時停止中"),
    "ended": _l("終了"),
}
CONTENT_KINDS = {
    "thanks": _l("お礼"),
    "industry": _l("業界情報"),
    "cost_saving": _l("コスト削減のヒント"),
    "case_study": _l("他社事例"),
    "general": _l("一般情報"),
    "product": _l("製品情報"),
}
TONES = {
    "info": _l("情報メール"),
    "sales_light": _l("セールス色（控えめ）"),
    "sales_hard": _l("セールス色（強い）"),
}
GOALS = {
    "visit": _l("訪問・商談"),
    "booth_talk": _l("展示会・個展への来場"),
    "seminar_attend": _l("セミナーへの参加"),
    "call_interest": _l("電話での具体的な相談"),
    "quote_request": _l("見積依頼"),
    "inquiry": _l("問い合わせ"),
    "doc_request": _l("資料請求"),
    "seminar_apply": _l("セミナーの申し込み"),
}
CLASSES = {
    "A": _l("管理区分 A"),
    "B": _l("管理区分 B"),
    "C1": _l("管理区分 C1"),
    "C2": _l("管理区分 C2"),
    "D": _l("管理区分 D"),
    "E": _l("管理区分 E"),
    "-": _l("区分なし"),
}
PATTERNS = {
    "exhibition_hot": (
        _l("展示会・セミナーの参加者から有望な見込み客を絞り込む"),
        _l("お礼、他社事例、お役立ち情報、控えめな製品案内の4行から始めます。"),
    ),
    "keep_in_mind": (
        _l("うるさがられずに、忘れられない"),
        _l("他社事例とお役立ち情報を、2か月に1度お届けします。"),
    ),
    "blank": (_l("白紙から書く"), _l("目的を自分で書き、行を1つずつ足します。")),
}
STARTERS = {
    "thanks": _l("お礼"),
    "case_study": _l("他社事例"),
    "useful": _l("お役立ち情報"),
    "product_soft": _l("製品のご案内（控えめ）"),
    "newsletter": _l("季節のお便り（MJML）"),
}
DISCLOSURE = {
    "profile": _l("送信者情報そのもの"),
    "legal_name": _l("氏名・名称"),
    "postal_address": _l("住所"),
    "inquiry": _l("お問い合わせ先"),
    "from_name": _l("差出人の名前"),
    "from_address": _l("差出人のメールアドレス"),
}
PARTS = {
    "subject": _l("件名"),
    "preheader": _l("プリヘッダー"),
    "html": _l("本文"),
    "text": _l("テキスト版"),
    "body": _l("本文"),
    "variant": _l("言語と相手"),
}
ROLES = {
    "": _l("全員"),
    "窓口": _l("窓口"),
    "利用": _l("利用者"),
    "技術": _l("技術"),
    "購買": _l("購買"),
    "経理": _l("経理"),
    "決裁": _l("決裁者"),
    "影響者": _l("影響者"),
}
LANGS = {"ja": _l("日本語"), "en": _l("英語")}
REACH = {
    "no_address": _l("メールアドレスがない"),
    "address_hard": _l("届かないアドレス"),
    "address_complaint": _l("迷惑メールとして報告された"),
    "refused_global": _l("すべての案内を停止"),
    "refused_all": _l("すべての案内を停止"),
    "refused_product": _l("この商材の案内を停止"),
    "refused_new_products": _l("新しい商材の案内を停止"),
    "refused_new": _l("新しい商材の案内を停止"),
    "no_consent": _l("同意の記録がない"),
    "person_excluded": _l("対象外（退職など）"),
    "lead_closed": _l("受注・失注などで終わった"),
    "lead_hot": _l("営業への引き渡しを待っている"),
    "lead_offered": _l("営業に引き渡しを提案している"),
    "lead_with_sales": _l("営業が対応している"),
    "lead_opportunity": _l("案件になっている"),
    "lead_paused": _l("本人か営業の希望で止めている"),
}


def month(offset: int) -> str:
    """0 -> 当月, 1 -> 1か月後."""
    if offset <= 1:
        return str(_("1か月後") if offset else _("当月"))
    return str(_("%(n)sか月後", n=offset))


def sentence(step: Step) -> str:
    """What this row will do, in a sentence or two."""
    if step.content_id is None:
        return str(_("送る内容がまだ選ばれていません。"))
    said = [_when(step)]
    if step.valid_until is not None:
        said.append(_("%(day)sを過ぎたら送らず、次の行へ進みます。", day=day(step.valid_until)))
    if step.content_kind == "thanks":
        said.append(_("月間枠が使われていても、お礼は1度だけ例外として送ります。"))
    else:
        said.append(_("他商材が枠を使った月は、翌月へ繰り越します。"))
    return ("" if language() == "ja" else " ").join(said)


def _when(step: Step) -> str:
    if step.offset_months == 0:
        return str(
            _(
                "登録した月の%(day)s日（休業日なら翌営業日）に送ります。過ぎているときは、次の営業日に送ります。",
                day=step.want_day,
            )
        )
    if step.offset_months == 1:
        return str(_("1か月後の%(day)s日（休業日なら翌営業日）に送ります。", day=step.want_day))
    return str(
        _(
            "%(n)sか月後の%(day)s日（休業日なら翌営業日）に送ります。",
            n=step.offset_months,
            day=step.want_day,
        )
    )


def problem(found: Problem) -> str:
    """What is wrong with a scenario and what to do about it."""
    args = dict(found.args)
    words = {
        "purpose_missing": lambda: _("シナリオの目的を書いてください。"),
        "goal_missing": lambda: _("ゴールとする接点を選んでください。"),
        "goal_online": lambda: _(
            "ゴールがオンラインの接点だけです。来場や訪問など、会って話す接点をゴールにすると案件につながりやすくなります。"
        ),
        "classes_missing": lambda: _("配信対象の管理区分を1つ以上選んでください。"),
        "classes_of_field": lambda: _(
            "管理区分 %(classes)s は担当営業の了承を得てから送ります。送る前に担当営業へ知らせてください。",
            **args,
        ),
        "product_ended": lambda: _("商材「%(product)s」は終了しています。", **args),
        "sender_incomplete": lambda: _(
            "送信者情報に足りない項目があります：%(items)s。法律で表示が必要なため、公開できません。",
            items=missing(str(args.get("missing", ""))),
        ),
        "no_steps": lambda: _("行がありません。1行以上追加してください。"),
        "too_many_steps": lambda: _("行は%(most)s行までです。", **args),
        "same_month": lambda: _(
            "%(other)s行目と同じ月です。1名に送れるのは1か月に1通までなので、月をずらしてください。", **args
        ),
        "month_goes_back": lambda: _(
            "%(other)s行目より前の月です。月は上の行から順に進めてください。", **args
        ),
        "long_silence": lambda: _(
            "%(other)s行目から%(months)sか月あきます。2か月を超えると忘れられやすくなります。", **args
        ),
        "month_out_of_range": lambda: _("月は0から%(most)sまでで入力してください。", **args),
        "day_out_of_range": lambda: _("希望日は1から31までで入力してください。"),
        "content_missing": lambda: _("送る内容を選んでください。"),
        "content_twice": lambda: _(
            "%(other)s行目と同じ内容です。同じ人に同じ内容は2度送らないので、別の内容を選んでください。",
            **args,
        ),
        "content_without_mail": lambda: _("「%(title)s」には件名か本文がまだありません。", **args),
        "already_expired": lambda: _("期限 %(day)s がもう過ぎています。", **args),
        "tone_hidden": lambda: _(
            "内容のセールス色より弱く指定されています。内容は「%(tone)s」です。",
            tone=TONES.get(str(args.get("content_tone")), ""),
        ),
        "sales_hard_for_class": lambda: _(
            "強いセールスのメールは、管理区分 %(classes)s には送れません。控えめな書き方に変えてください。",
            **args,
        ),
        "sales_too_often": lambda: _(
            "セールス色のあるメールは%(every)s通に1通までです。直前に情報メールを%(info)s通はさんでください。",
            **args,
        ),
    }
    return str(words[found.code]()) if found.code in words else found.code


def missing(codes: str) -> str:
    """Names of missing legal items, one after the other."""
    return str(_("、")).join(str(DISCLOSURE.get(code, code)) for code in codes.split(",") if code)


def pattern_row(row: PatternStep) -> str:
    """A row of a shipped pattern, for its description."""
    return f"{month(row.offset_months)} {STARTERS.get(row.starter, row.starter)}"
