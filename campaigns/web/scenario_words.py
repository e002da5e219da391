"""Words for scenarios and mails: codes in, sentences in the reader's language out."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.scenarios import Problem
from campaigns.web import class_words
from campaigns.web.mail_words import FORMATS as FORMATS
from campaigns.web.mail_words import KINDS_OF_FILE as KINDS_OF_FILE
from campaigns.web.mail_words import mail_problem as mail_problem
from campaigns.web.mail_words import softer as softer
from campaigns.web.words import day, number

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
    "permission": _l("受け取りの確認"),
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
CLASSES = class_words.NAMES
PATTERNS = {
    "exhibition": (
        _l("展示会のあと、相談したい人を見つけて会う"),
        _l(
            "お礼、事例、確認表と続け、読んだ人には電話や次の資料、控えめな製品案内のあとは常備の棚へ。全12行です。"
        ),
    ),
    "document_request": (
        _l("資料請求のあと、社内の検討を手伝って相談につなげる"),
        _l("読む順番のご案内と電話から始め、社内の説明、手元の品での試しへ進みます。全11行です。"),
    ),
    "dormant": (
        _l("しばらく動きのない人と、もう一度つながる"),
        _l(
            "お願いごとのないごあいさつから始め、反応のない人にはFAXを1枚、読む人には質問をひとつだけ。全8行です。"
        ),
    ),
    "seminar": (
        _l("セミナーに来てもらい、その後の相談につなげる"),
        _l("背景の資料、ご案内、質問のまとめの3通と、確認の電話です。全8行です。"),
    ),
    "care": (
        _l("お客様に長く使っていただき、次の相談を最初に受ける"),
        _l(
            "連絡先、手入れ、休みの前後の確認、お客様の工夫。大切なお客様には担当営業が訪問します。全10行です。"
        ),
    ),
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
    "exhibition_thanks": _l("展示会：お礼と質問への回答"),
    "exhibition_case": _l("展示会：他社事例"),
    "exhibition_checklist": _l("展示会：引き継ぎの確認表"),
    "exhibition_cost": _l("展示会：コストの計算表"),
    "exhibition_industry": _l("展示会：業界の話"),
    "exhibition_soft": _l("展示会：製品のご案内（控えめ）"),
    "document_thanks": _l("資料請求：お礼と読む順番"),
    "document_reading": _l("資料請求：社内で話した4つのこと"),
    "document_approval": _l("資料請求：社内の説明でよく聞かれること"),
    "document_soft": _l("資料請求：手元の品で試す（控えめ）"),
    "dormant_hello": _l("休眠：ご無沙汰のごあいさつ"),
    "dormant_industry": _l("休眠：小さな見直しの例"),
    "dormant_question": _l("休眠：ひとつだけ質問"),
    "seminar_theme": _l("セミナー：テーマの背景"),
    "seminar_invite": _l("セミナー：ご案内"),
    "event_invite": _l("施策：ご案内と出欠"),
    "seminar_notes": _l("セミナー：質問と答えのまとめ"),
    "care_contact": _l("お客様：困ったときの連絡先"),
    "care_upkeep": _l("お客様：長く使うための手入れ"),
    "care_season": _l("お客様：長い休みの前後の確認"),
    "care_voice": _l("お客様：使い方の工夫"),
    "permission": _l("受け取りの確認（反応のない方へ）"),
}
FLOW_PROBLEMS = {
    "no_mail": _l("メールの行がありません。メールか案内の行を1行以上追加してください。"),
    "kind_unknown": _l("行の種類「%(kind)s」は使えません。種類を選び直してください。"),
    "who_missing": _l("だれが行うかを選んでください。"),
    "due_out_of_range": _l("期限は1から%(most)sまでの営業日で入力してください。"),
    "wait_out_of_range": _l("待つ日数は1から%(most)sまでで入力してください。"),
    "invite_without_event": _l(
        "案内する施策が選ばれていません。施策を選んでください。施策のない案内には、期限を入力してください。"
    ),
    "invite_without_date": _l(
        "案内する施策の日程が未定です。施策に初日を入れるか、この行に期限を入力してください。"
    ),
    "event_past": _l("案内する施策の開催日 %(day)s がもう過ぎています。これからの施策を選んでください。"),
    "valid_after_event": _l("期限が開催日 %(day)s より後です。期限を開催日までの日にしてください。"),
    "invite_too_late": _l(
        "いま始める人に届くのは早くて %(earliest)s で、%(day)s に間に合いません。月か希望日を早めてください。"
    ),
    "invite_earlier": _l(
        "この行で待っている%(n)s名は、前のメールとの間隔や希望日のため、%(day)s までに受け取れません。希望日を%(want)s日に早めると、%(gain)s名に届きます。"
    ),
    "invite_longer": _l(
        "この行で待っている%(n)s名は、前のメールとの間隔や希望日のため、%(day)s までに受け取れません。期限を %(until)s まで延ばすと、%(gain)s名に届きます。"
    ),
    "invite_missed": _l(
        "この行で待っている%(n)s名は、前のメールとの間隔や希望日のため、%(day)s までに受け取れません。この人たちには電話やFAXでお知らせください。"
    ),
    "day_closed": _l(
        "%(day)s は休みが続くため、%(n)s名には %(moved)s に送ります。別の日に送るときは、希望日を変えてください。"
    ),
    "row_lost": _l("属していた分岐がありません。行を移し直してください。"),
    "row_out_of_place": _l("分岐の行が分岐のすぐ下に並んでいません。行を移してそろえてください。"),
    "jump_without_target": _l("移る先を選んでください。"),
    "target_missing": _l("移る先の行がなくなっています。移る先を選び直してください。"),
    "loop": _l("%(other)s行目へ戻ると、流れが終わらずに回り続けます。先の行を移る先に選んでください。"),
    "unreachable": _l(
        "どの流れからもこの行に来ません。手前の行の移る先を変えるか、この行を削除してください。"
    ),
    "branch_empty": _l("分岐の先に行がありません。「はい」か「それ以外」に行を追加してください。"),
    "condition_missing": _l("分かれる条件を選んでください。"),
    "watch_out_of_range": _l("反応を待つ日数は1から%(most)sまでで入力してください。"),
    "values_missing": _l("条件の値を1つ以上選んでください。"),
    "value_unknown": _l("条件に使えない値があります。値を選び直してください。"),
    "no_mail_before": _l(
        "この分岐の前にメールがないので、反応を待てません。前にメールの行を置いてください。"
    ),
    "watch_over": _l(
        "前のメールから%(waited)s日以上たってからこの行に来るため、「%(n)s日以内」はもう過ぎていて、待ちません。その日数のうちの反応だけで分かれます。待つ日数を%(waited)s日より長くするか、手前の「待つ」を短くしてください。"
    ),
    "watched_missing": _l("反応を見るメールの行がなくなっています。メールを選び直してください。"),
    "watched_not_before": _l(
        "反応を見る%(other)s行目は、この分岐より前に送られません。前に送るメールを選んでください。"
    ),
    "mail_unfinished": _l("このメールには、まだ書き込んでいないところが%(n)sか所あります。"),
    "no_leads": _l("「%(product)s」の見込み客がまだいないため、公開しても、だれにも届きません。"),
    "nobody_fits": _l(
        "配信対象に当てはまる見込み客がいません。公開しても、だれにも届きません。対象を広げるか、見込み客を増やしてください。"
    ),
    "nobody_to_send": _l("対象の%(n)s名のうち、いま送れる人がいません。理由は「送れる人数」に出ています。"),
    "content_read": _l(
        "送れるはずの%(all)s名のうち%(n)s名は、同じ内容をもう読んでいるため、このメールを受け取りません。"
    ),
    "call_unasked": _l(
        "反応も見込度も確かめずに電話・訪問をする行です。まだ関心の浅い人には逆効果なので、お悩み客以上か、担当営業のいる人にだけ行います。前に分岐を置くと、だれに行うかを選べます。"
    ),
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
LEFT_OUT = {
    "classes": _l("ほかの管理区分も含める"),
    "event": _l("施策の条件を外す"),
    "industries": _l("業種の条件を外す"),
    "bands": _l("従業員数の条件を外す"),
    "roles": _l("購買への関与の条件を外す"),
    "ranks": _l("見込度の条件を外す"),
    "moves": _l("見込度の動きの条件を外す"),
}
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
    "had_all": _l("同じ内容を受け取り済み"),
    "scenario_done": _l("このシナリオを終えた"),
    "scenario_stopped": _l("このシナリオを途中で止めた"),
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


def problem(found: Problem) -> str:
    """What is wrong with a scenario and what to do about it."""
    args = {
        name: day(date.fromisoformat(str(value))) if name in ("day", "earliest", "moved", "until") else value
        for name, value in found.args.items()
    }
    if "classes" in args:
        args["classes"] = _("・").join(str(args["classes"]).split("・"))
    if found.code in FLOW_PROBLEMS:
        return str(FLOW_PROBLEMS[found.code]) % args
    if found.code == "mail_wrong":
        said = mail_problem(str(args["mail_code"]), {name: str(value) for name, value in found.args.items()})
        return str(_("このメールは、このままでは送れません：%(what)s", what=said))
    words = {
        "purpose_missing": lambda: _("シナリオの目的を書いてください。"),
        "goal_missing": lambda: _("ゴールとする接点を選んでください。"),
        "goal_online": lambda: _(
            "ゴールがオンラインの接点だけです。来場や訪問など、会って話す接点をゴールにすると案件につながりやすくなります。"
        ),
        "classes_missing": lambda: _("配信対象の管理区分を1つ以上選んでください。"),
        "classes_of_field": lambda: _(
            "管理区分 %(classes)s は担当営業の了承を得てから送ります。公開すると、担当営業に知らせが届きます。",
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
        "content_not_approved": lambda: _(
            "「%(title)s」はまだ承認されていません。コンテンツの画面で承認するか、別の内容を選んでください。",
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
        "sales_too_early": lambda: _(
            "セールス色のあるメールには早すぎます。ここに来るどの道でも、先に情報メールを%(info)s通送ってください。",
            **args,
        ),
    }
    return str(words[found.code]()) if found.code in words else found.code


def of_field(n: int) -> str:
    """How many need their owner's yes."""
    if n:
        return str(_("いま送れる人のうち%(n)s名が当たります。", n=number(n)))
    return str(_("いま、当たる人はいません。"))


def missing(codes: str) -> str:
    """Names of missing legal items, one after the other."""
    return str(_("、")).join(str(DISCLOSURE.get(code, code)) for code in codes.split(",") if code)
