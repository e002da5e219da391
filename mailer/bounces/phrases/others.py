"""Reasons in German, French, Spanish, Portuguese, Italian, Dutch, Swedish, Polish, Turkish, Russian, Chinese
and Korean, by reason code."""

PHRASES: dict[str, tuple[str, ...]] = {
    "virus": (r"вирус", r"病毒", r"바이러스"),
    "mailbox_full": (
        r"postfach.{0,40}\bvoll\b|speicherplatz|posteingang.{0,20}voll|überfüllt",
        r"bo[iî]te.{0,40}pleine|quota.{0,20}d[ée]pass",
        r"buz[oó]n.{0,40}llen|casilla.{0,40}llena|cuota",
        r"caixa.{0,40}cheia|cota.{0,20}exced|limite de armazenamento",
        r"casella.{0,40}pien|spazio.{0,20}esaurit",
        r"postvak.{0,20}\bvol\b|brevlåda.{0,20}\bfull|skrzynk.{0,40}(?:pełna|przepełniona)|kutusu.{0,20}dolu",
        r"ящик.{0,40}(?:переполнен|полон)|квот|переполнен",
        r"邮箱.{0,10}满|空间不足|信箱.{0,10}滿|容量.{0,10}(?:超|滿|满)|메일함.{0,20}(?:가득|초과)|용량.{0,10}초과",
    ),
    "spam": (r"спам", r"垃圾邮件|垃圾郵件", r"스팸", r"non sollicit", r"unerw[uü]nscht"),
    "too_big": (
        r"zu gro(?:ß|ss)|trop (?:gros|volumineux|grand)|demasiado grande|troppo grand|muito grande|te groot",
        r"слишком большо|превышает.{0,30}размер|大小.{0,10}超|크기.{0,10}초과",
    ),
    "moved": (
        r"adresse .{0,20}ge(?:ä|ae)ndert|neue e-?mail-?adresse|nouvelle adresse|nueva direcci[oó]n"
        r"|nuovo indirizzo|novo endere[cç]o|nieuw(?:e)? (?:e-?mail)?adres|новый адрес",
    ),
    "suspended": (
        r"(?:konto|postfach|adresse).{0,40}(?:gesperrt|deaktiviert|geschlossen)",
        r"(?:compte|bo[iî]te|adresse).{0,40}(?:d[ée]sactiv|suspendu|bloqu|ferm)",
        r"(?:cuenta|buz[oó]n|conta|caixa|usuario|usuário).{0,40}(?:desactivad|desativad|suspendid|suspens"
        r"|bloquead|inactiv|inativ)",
        r"(?:account|casella|utente).{0,40}(?:disattivat|sospes|disabilitat|bloccat)",
        r"zablokowan|nieaktywn|заблокирован|отключ[её]н|неактив|приостановлен",
        r"停用|冻结|凍結|禁用|휴면|정지",
    ),
    "host_unknown": (
        r"dom[aä]in\w*.{0,40}(?:unbekannt|existiert nicht|nicht gefunden)|domaine.{0,30}(?:inconnu"
        r"|n'existe|introuvable)",
        r"dom[ií]nio.{0,40}(?:no existe|n[aã]o existe|inexistente|non esiste|desconhecid|desconocid"
        r"|n[aã]o encontrad)",
        r"домен.{0,40}не (?:существ|найд)|域名.{0,20}(?:不存在|无效|找不到)|도메인.{0,20}(?:없|찾을)",
    ),
    "filtered": (r"annahme verweigert durch empf", r"拒收", r"수신 ?거부", r"refus[ée] par le destinataire"),
    "user_unknown": (
        r"empf(?:ä|ae)nger.{0,40}(?:unbekannt|existiert nicht|nicht gefunden|ung[uü]ltig)",
        r"(?:benutzer|adresse|postfach|konto|teilnehmer).{0,40}(?:unbekannt|existiert nicht"
        r"|nicht (?:bekannt|gefunden|vorhanden|existent))",
        r"(?:destinataire|adresse|utilisateur|compte|usager|abonn[ée]).{0,40}(?:inconnu|n'existe"
        r"|introuvable|invalide|inexistant)",
        r"(?:usuario|destinatario|direcci[oó]n|cuenta|buz[oó]n|correo).{0,60}(?:desconocid|no (?:existe"
        r"|se encuentra|encontrad|v[aá]lid"
        r"|se encontr)|inexistente|inv[aá]lid|incorrect)",
        r"no se (?:ha )?(?:encontr|pudo encontrar).{0,60}(?:usuario|destinatario|direcci|buz)",
        r"(?:usu[aá]rio|destinat[aá]rio|endere[cç]o|conta|caixa).{0,60}(?:desconhecid|n[aã]o (?:existe"
        r"|encontrad|foi encontrad|cadastrad)"
        r"|inexistente|inv[aá]lid)",
        r"(?:utente|destinatario|casella|indirizzo).{0,40}(?:sconosciut|non (?:esiste|trovat|valid"
        r"|[eè] stato trovato)|inesistente|errat)",
        r"(?:пользовател|получател|адрес|ящик|аккаунт|абонент).{0,60}(?:не (?:существ|найден|зарегистр"
        r"|обнаруж)|неизвест|отсутств|недейств|удал[её]н)",
        r"нет такого|такого (?:пользователя|адреса|ящика)|несуществ|неверн.{0,10}адрес",
        r"(?:użytkownik|adres|odbiorca|konto).{0,40}(?:nieznany|nie istnieje)|(?:gebruiker|ontvanger"
        r"|adres).{0,40}(?:onbekend|bestaat niet)",
        r"(?:användare|mottagare|adress).{0,40}(?:okänd|finns inte|hittades inte)|(?:bruger"
        r"|modtager).{0,40}(?:ukendt|findes ikke)",
        r"(?:收件人|用户|邮箱|邮件地址|账号|地址|使用者|帳號|信箱|收件者).{0,30}(?:不存在|未找到|无效|錯誤|错误|找不到|不正确|無此|未知)|无此用户|查无此人",
        r"(?:사용자|수신자|메일 ?주소|받는|계정).{0,30}(?:없|존재하지|찾을 수)|kullanıcı.{0,30}(?:bulunamadı|yok)",
    ),
    "network": (
        r"verbindung.{0,30}(?:fehlgeschlagen|abgelehnt|nicht m)|connexion.{0,30}(?:refus|impossible)"
        r"|conexi[oó]n.{0,20}rechaz",
    ),
}
