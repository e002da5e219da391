"""Reasons in English, by reason code: what SMTP servers, gateways and providers say.

Text is lower case, on one line, without addresses and URLs. Gaps are bounded, so every pattern is linear.
"""

_BOX = (
    r"(?:mail ?box|mail ?drop|mail ?folder|in-?box|mail ?file|mail ?space|mail ?directory|account|user"
    r"|recipient"
    r"|message store|customer)"
)
_WHO = (
    r"(?:user|recipient|mail ?box|addressee|account|address|mail ?drop|alias|person|subscriber|customer|inbox"
    r"|member|login|rcpt|local ?part|number|mail ?user|user ?name|user ?id|name|destination|forwarder"
    r"|employee)"
)
_OUR = (
    r"(?:your|client|sending|sender|sender's|source|originating|this|connecting)"
    r" (?:ip|host|server|network|mta|mail ?server|address|client|system|domain|connection|provider|isp"
    r"|email server)s?\b"
)

PHRASES: dict[str, tuple[str, ...]] = {
    "auth_failure": (
        r"\bdmarc\b|\bdkim\b|\bspf\b|sender policy framework|sender ?id\b.{0,30}fail",
        r"unauthenticated (?:e-?mail|sender|message|mail)|(?:message|mail|sender) (?:is|was"
        r"|are)? ?not authenticated",
        r"(?:did|does|do) not (?:pass|meet) .{0,30}authentication|domain authentication"
        r"|authentication (?:level|checks?|requirements?|results?)",
    ),
    "rejected": (
        r"sender(?: e-?mail)?(?: address)?(?:'s domain| domain)?,? ?(?:was |is |has been "
        r"|does )?(?:rejected|refused"
        r"|denied|blocked|unknown|invalid|not (?:allowed|permitted|accepted|authori[sz]ed|found|exist"
        r"|valid))",
        r"(?:invalid|unknown|bad|forged|unverified|unresolvable|illegal|no such) (?:envelope )?sender",
        r"unrout\w{1,9} sender|valid from:|from: domain|(?:domain of|domain in|envelope) sender"
        r"|domain of (?:the )?return|(?:return|reverse)[- ]path",
        r"verif(?:y|ication|ied) .{0,30}\bsender\b|\bsender\b.{0,20} verif"
        r"|from address .{0,40}(?:rejected|denied"
        r"|invalid|not allowed)|'?mail from'? .{0,60}(?:rejected|denied|not allowed|invalid)",
        r"not (?:be )?(?:allowed|permitted|authori[sz]ed|eligible|able) to (?:send|post|e-?mail|submit"
        r"|write|mail)",
        r"(?:n't|not) have permission to|permission to (?:send|post)|not (?:a |on )?(?:member|subscri)"
        r"|non-?members?\b"
        r"|only .{0,30}(?:members|subscribers)",
        r"relay(?:ing)?(?: access)?(?: is| was)? ?(?:denied|not (?:permitted|allowed|supported)"
        r"|prohibited|rejected)"
        r"|(?:permitted|allowed|unable|authori[sz]ed) to relay|(?:cannot|can't|won't|don't|not) relay"
        r"|relaying (?:mail|to)"
        r"|not a (?:open )?relay|\bno relay|rcpthosts",
        r"sender .{0,60}(?:not authori[sz]ed|badmailfrom|on the .{0,20}list)|resolver\.rst\.(?:not)?auth",
    ),
    "virus": (r"\bvirus(?:es)?\b", r"\bmalware\b|\binfected\b|\btrojan\b"),
    "mailbox_full": (
        r"quota|over ?drawn|mail ?box size|no room in mail|mail ?box has no",
        _BOX + r"(?:'s)?(?: \S{1,20}){0,4} (?:is|are|was|has been|currently)(?: currently| too| now)? full\b",
        _BOX + r"[- ]?full\b|\bfull (?:mail|in-?)box|mailfolder is full",
        _BOX
        + r".{0,60}(?:exceed|over (?:its|the|their|his)|reached|out of (?:space|storage)|too large|too big)",
        r"(?:exceed|over|reached|out of|insufficient|not enough|lack of) .{0,40}(?:storage|disk space"
        r"|mail ?box)",
        r"too many (?:messages|mails) (?:in|on) |number of messages in|not enough (?:storage|space|room)",
        r"\b(?:storage|space) (?:limit|allocation|allotment|exceeded|is full)|exceeded storage",
    ),
    "rate_limited": (
        r"too many (?:simultaneous |concurrent |recent |smtp |invalid )?(?:connections?|sessions?"
        r"|e-?mails|messages|mails"
        r"|recipients|requests|errors|hits|attempts|bad commands|commands)",
        r"rate[- ]?limit|limit(?:ed)? .{0,20}\brate\b|(?:unusual|sending|message|high) rate"
        r"|\brate\b.{0,30}exceed|throttl",
        r"(?:exceed|maximum|limit).{0,40}(?:number of )?(?:connections|recipients|messages per"
        r"|per (?:hour|day|minute))",
        r"(?:hourly|daily|sending|message) (?:sending )?limit|exceeded the max|gr[ae]y-?list"
        r"|receiving mail .{0,20}rate",
    ),
    "blocked": (
        r"block(?:ed)? (?:list|using)|black ?list|block ?list|dnsbl|\brbl\b|spamhaus|spamcop"
        r"|barracudacentral|\bsorbs\b",
        r"(?<!not )\blisted (?:at|in|on|by|as)\b|is on .{0,40}\blist\b|reputation\b|senderscore|senderbase",
        r"reverse[- ]dns|reverse (?:host|lookup|map|resol)|\bptr\b|\brdns\b|no reverse|reverse record"
        r"|(?:find|resolve) (?:your|a valid) .{0,20}(?:host ?name|ip|address|reverse)",
        _OUR + r".{0,80}(?:block|\bban(?:ned)?\b|listed|not allowed|denied|reject|refus|not accepted|dynamic"
        r"|suspicious"
        r"|prohibited|unauthori[sz]ed)",
        r"(?:e-?mail|mail|messages?|connections?|smtp) (?:from|by) (?:your|this) (?:ip|host|server"
        r"|network|domain|address)",
        r"\bbanned\b|client host|(?:invalid|bad|fake) (?:helo|ehlo)|(?:helo"
        r"|ehlo)(?: command)?.{0,40}(?:rejected|invalid"
        r"|denied|access)|dynamic (?:ip|dns)|dial-?up|(?:smtp|mail) server of|your isp|user complaints"
        r"|my name was rejected|\bts[s0][0-9]{2}\b",
        r"blocked (?:by(?! (?:the )?(?:recipient|user|customer))|due|for|-|from)|not accepting mail from"
        r"|refus.{0,20}connections? from|access (?:from|by) .{0,60}"
        r"(?:denied|blocked|not allowed)|connect(?:ion|ing)? .{0,30}(?:not allowed|rejected|blocked|denied)",
        r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}[\])]?.{0,40}(?:is|are|was|has been|on"
        r"|in) (?:\w+ ){0,3}(?:block|list|banned"
        r"|denied|rejected|not allowed)",
    ),
    "spam": (
        r"\bspam\b|spam(?:my|ming|ware|bot|like)|anti-?spam|\bjunk\b|unsolicited|\bube\b|\buce\b|phish"
        r"|\bfraud\b|\bscam\b",
        r"bulk (?:e-?mail|mail)|(?:considered|classified|identified).{0,20}bulk|suspicious"
        r"|high probability of|spamdetected",
    ),
    "too_big": (
        r"(?:message|mail|e-?mail|data|letter|attachment|body|content|file)s?(?: header| file)?(?: size"
        r"| length)?"
        r"(?: is| was|,)?(?: \w+){0,3} (?:too (?:large|big|long)|exceed)",
        r"size .{0,60}(?:exceed|limit|too (?:big|large)|larger|over the)|too (?:large|big)\b"
        r"|too much (?:mail )?data|larger than|line too long",
        r"exceed.{0,60}(?:size|limit of \d+|maximum.{0,20}length)|max(?:imum)? (?:message |mail |file "
        r"|allowed |e-?mail )?size",
    ),
    "moved": (
        r"(?:user|recipient|mail ?box|address|person|employee|he|she|addressee)(?: has"
        r"| have)?(?: been)? moved",
        r"(?:has|have|had)(?: been)? moved (?:to|from)|changed (?:his|her|their|its|my"
        r"|our) (?:e-?mail )?address|replaced by",
        r"(?:e-?mail )?address (?:has been |has |was |is )?(?:changed|replaced)"
        r"|(?:e-?mail )?address change\b",
        r"no longer (?:works|employed|with (?:us|the)|at this company)|(?:has"
        r"|have) left (?:the )?(?:company|organi)",
        r"(?:my|new|his|her|their) new (?:e-?mail )?address|new (?:e-?mail )?address (?:is|:)|moved to",
    ),
    "suspended": (
        r"(?:account|mail ?box|user|recipient|address|domain|e-?mail|maildrop|login|customer|service"
        r"|it)(?:'s)?(?: \S{1,20}){0,4}?"
        r",? (?:is|has been|was|are|currently|been|temporarily)(?: \w{1,12}){0,3} (?:disabled|suspended"
        r"|inactive|deactivated"
        r"|locked|closed|frozen|blocked|terminated|cancell?ed|dormant|on hold|expired|discontinued"
        r"|restricted|inactivated)",
        r"(?:disabled|suspended|inactive|deactivated|locked|closed|frozen|dormant|expired|blocked"
        r"|inactivated)(?: \w{1,12})?"
        r" (?:account|mail ?box|user|recipient|address|e-?mail|maildrop)",
        r"not active|(?:account|mail ?box|user|mail receiving)[,:]? (?:not active|inactiv|expired"
        r"|disabled|closed|locked"
        r"|blocked|suspended)|out of service|suspension|suspended|not been activated|hasn't logged|inactivity"
        r"|disabled, not accepting|temporarily disabled|account has been|(?:is|been) (?:currently "
        r"|temporarily )?disabled",
    ),
    "host_unknown": (
        r"(?:host|domain|server|site|node|machine|system)(?: name| or domain(?: name)?| part)?(?: is| was"
        r"| does)?,? ?"
        r"(?:not (?:found|exist|known|valid|resolv|registered|recogni)|unknown|invalid|non-?exist|unresol"
        r"|illegal"
        r"|(?:cannot|could not) be (?:found|resolved)|doesn't exist|un(?:routable|routeable)"
        r"|lookup failed|not reachable)",
        r"(?:host|domain|server) [\w-]{1,63}(?:\.[\w-]{1,63}){1,6} (?:not found|unknown|does not exist)"
        r"|\b[\w-]{1,63}(?:\.[\w-]{1,63}){1,6} (?:does not|doesn't) exist",
        r"(?:unknown|no such|non-?existent|bad|invalid|unresolv\w{1,9}|unrout\w{1,9}|illegal|undefined)"
        r"(?: (?:destination|mail|remote|e-?mail|recipient|recipient's|dns|relay|target|top[- ]level"
        r"|local)){0,3}"
        r" (?:host|domain|system|site|node|fqdn)",
        r"unroute?able|nxdomain|\bno mx\b|mx (?:record|lookup)|can(?:not|'t) resolve|unable to resolve"
        r"|unresolvable"
        r"|(?:host|domain) lookup|name or service not known|no dns (?:record|entr)"
        r"|no valid (?:mail )?(?:host|mx|mail exchanger)",
        r"(?:couldn't|can't|cannot|could not) find (?:any |the |a )?(?:host|domain|mail exchanger|server)"
        r"|host not found",
        r"domain .{0,60}(?:does not exist|doesn't exist|(?:could ?n[o']t|cannot) be found|not found"
        r"|isn't valid"
        r"|is (?:invalid|not valid|unknown)|doesn't seem)|look ?up .{0,40}(?:host|domain) .{0,20}fail",
        r"mail server for .{0,60}not found|no (?:dns|mail) (?:servers?|hosts?"
        r"|exchangers?) .{0,40}(?:found|for|could)",
        r"can't find any.{0,20}(?:mx|mail)|no such host|illegal host/domain|dns domain .{0,40}does not exist",
    ),
    "not_accepting": (
        r"null ?mx|no smtp service|smtp (?:service )?(?:is )?(?:not available|disabled) for|we do(?:n't"
        r"| not) (?:accept|receive) mail",
        r"(?:domain|host|server|site|system|machine)(?: \S{1,40}){0,4}? (?:not|n't|never) (?:accept|receive)"
        r" (?:any |e-?|incoming |internet ){0,2}(?:mail|messages?)\b(?! from)"
        r"|does not accept (?:any )?mail\b(?! from)",
        r"not accepting (?:network messages|e-?mail|messages|any mail|mail at this)",
    ),
    "user_unknown": (
        _WHO + r"s?(?: (?:name|id|address(?:es)?|account|mail ?box|is|was|does|do|did|has|are|were|the|you"
        r"|entered|specified"
        r"|given|part|listed)){0,4}(?:'s)?[,:]?(?: [\"'\[(<]?\S{1,60}?[\"'\])>]?)??[,:.]? ?"
        r"(?:\bunknown|not? (?:be )?(?:found|known|exist|valid|recogni\w{1,6}|listed|registered|available"
        r"|here|local|present"
        r"|defined|match|located|a (?:valid|known|local|registered)|in (?:the |our |my )?(?:directory"
        r"|database|list|system)"
        r"|on (?:this|file)|one of|our customer|handled)|\binvalid|non-?exist|incorrect|undeliverable"
        r"|unrecogni[sz]ed"
        r"|unregistered|(?:could ?n[o']t|cannot|can't) be (?:found|resolved)|doesn't (?:exist|have)"
        r"|wasn't found"
        r"|isn't (?:valid|a valid|found|known)|lookup failed|does ?n[o']t exist|doesnt exist"
        r"|never existed|ambiguous"
        r"|(?:has been |was |is )?(?:deleted|removed)\b)",
        r"\b(?:unknown|no such|invalid|non-?existent|bad|illegal|incorrect|wrong|unrecogni[sz]ed"
        r"|undefined|unregistered"
        r"|undeliverable|unroutable|non-?local|(?:not|no|isn't|is not) (?:a |an |our |any "
        r"|one of )?(?:valid|known|local"
        r"|existing|our|such|registered))(?: [^\s.]{1,20}){0,2}? (?:" + _WHO[3:-1] + r")s?\b",
        r"no(?: ?one|body)(?: \S{1,20})? (?:by|with|here|named)|there is no one"
        r"|no mail ?box(?:es)?\b(?! size)|not listed in"
        r"|(?:doesn't|does not) have (?:an?|any) .{0,60}mailbox|has no mail ?box"
        r"|can ?not find (?:the )?(?:user|name)",
        r"recipnotfound|nosuchuser|unknownuser|(?:this|the|that) (?:e-?mail )?address (?:no longer"
        r"|is no longer)"
        r"|no longer (?:a )?(?:valid|available|exist|in (?:use|service)|active|accept|used|monitored|on"
        r"|receiv|have)",
        r"could(?:n't| not) (?:find|locate) .{0,20}(?:user|recipient|address|mail|name)|couldn't be found"
        r"|wasn't found|unable to (?:find|locate|verify)"
        r" .{0,20}(?:user|recipient|address|mail)|unknown (?:local|virtual|or illegal|or invalid|name)"
        r"|recipient .{0,20}mistyped",
        r"(?:trying|tried) to (?:contact|reach) is not|not an active address|no such (?:e-?mail|person"
        r"|name|id|number|recipient|mailbox|user)|(?:doesn't|does not|doesnt|don't|did not) exist"
        r"|no valid recipients?|invalid or unknown|all recipients .{0,20}(?:invalid|unknown)",
        r"bad (?:destination )?(?:mailbox )?address syntax|there (?:is|was) no (?:such )?(?:user"
        r"|account|mail ?box|recipient|record)|rejected by recipient table|addressing error|is unknown\b",
        r"not in (?:our |the |my )?(?:recipient|user|address|relay) (?:list|table|map)"
        r"|not know (?:the )?(?:user|recipient)",
    ),
    "filtered": (
        r"(?:recipient|user|addressee|customer) (?:has |is )?(?:refus(?:es|ed|ing)|declin|(?:does not"
        r"|doesn't) (?:want|wish)|filter|reject(?:s|ed) (?:your|this|the|mail))",
        r"refused by (?:the )?(?:recipient|user|addressee)|(?:blocked|rejected) by (?:the )?(?:recipient"
        r"|user|customer)",
        r"(?:recipient|recipient's|user's|your|own) (?:preferences|filter|rules)|filtered\b"
        r"|content filter|message filter",
        r"(?:recipient|mail ?box) .{0,30}(?:restricted|only accepts)|restricted (?:delivery|recipient)"
        r"|due to extended inactivity",
    ),
    "content": (
        r"\battachments?\b|message (?:content|body|format)|content (?:rejected|not|type|of)"
        r"|header (?:error|line|field|missing)"
        r"|(?:bad|invalid|missing|malformed|duplicate|illegal) (?:header|message|mime|content|date"
        r"|subject|from|to)\b"
        r"|not rfc|rfc ?[0-9]{3,4}|(?:bare|naked) (?:lf|cr|line)|non-?compliant|malformed address|8-?bit"
        r"|eightbit|conversion|charset|forbidden file",
    ),
    "expired": (
        r"retry time|timeout exceeded|delivery (?:time|period|attempt)s? (?:has |have )?(?:expired"
        r"|exceeded|been)|expired",
        r"(?:in|on) (?:the )?(?:mail )?queue (?:for )?(?:too long|\d|longer|more)|(?:been in|too long in"
        r"|stayed in) (?:the |my )?queue",
        r"(?:undeliver|not (?:been )?(?:deliver|sent)|failing|could not be (?:delivered|sent)"
        r"|unable to deliver).{0,60}(?:for|within|after|in)"
        r" .{0,20}(?:days?|hours?|minutes|long time)|for a long time|(?:too many|maximum|max"
        r"|number of) (?:delivery )?(?:retries|attempts"
        r"|tries)|time (?:limit|out) .{0,20}(?:exceed|expire)|gave up|giving up after"
        r"|no longer .{0,10}(?:try|attempt|retr)|has timed out",
        r"delay(?:ed)?\b.{0,80}(?:day|hour)|still undelivered|will (?:be )?(?:continue to try|retr(?:y|ied))",
    ),
    "network": (
        r"connect(?:ion|ing|ed)?\b.{0,60}(?:refused|timed? ?out|reset|lost|closed|dropped|fail|error"
        r"|broken|abort|unsuccessful)",
        r"(?:lost|no|establish|unable to|could(?:n't| not)|can(?:not|'t)|failed to"
        r"|failure) .{0,30}connect|no route|unreachable"
        r"|not reachable|network|socket error|timed? ?out|too many hops|hop count|hops exceeded"
        r"|mail ?loop|\bloop(?:s|ing)?\b|loops back",
        r"(?:dns|name ?(?:server|service)|lookup|resolver).{0,40}(?:fail|error|problem|temporar|time"
        r"|malformed)|temporary (?:lookup|dns|name)|host .{0,40}down\b",
        r"(?:not|did not|n't) respond|no answer from|no response|find a gateway|not? accept our requests"
        r"|deferred|too many received",
    ),
    "system": (
        r"disk (?:is )?full|no space left|insufficient (?:system )?(?:resources|storage|memory)|(?:system"
        r"|internal|local|server|configuration"
        r"|temporary|unexpected|i/o|data ?base|fatal|critical) (?:local |server |system |processing "
        r"|storage )?(?:error|fail|problem|config)",
        r"temporarily (?:unavailable|unable|reject|defer|fail)"
        r"|try (?:again|later)|resources? (?:temporarily|unavail)|can(?:'t|not) (?:create|open|write|read"
        r"|chdir|exec|lock|access)|pipe\b"
        r"|mail ?directory|out of memory|cannot append|not (?:currently )?operational|maintenance"
        r"|overload|error (?:writing|reading|in)",
    ),
    "protocol": (
        r"starttls|\btls\b|\bssl\b|certificate|handshake|encrypt|syntax error|command (?:not|unrecogni"
        r"|unknown|un)|bad sequence|\bauth\b"
        r"|authentication (?:required|failed|is required)|not implemented|protocol error|pipelining"
        r"|unrecogni[sz]ed command|parameter",
    ),
    "policy": (
        r"polic(?:y|ies)|security|administrative(?:ly)?|prohibit|not permitted|not allowed|denied|refused"
        r"|rejected|not accepted"
        r"|unacceptable|transaction failed|blocked|disallow|forbidden|violat|unauthori[sz]ed"
        r"|not authori[sz]ed|reject\b",
    ),
    # A sentence that names several causes of which the first is meant.
    "stock_user_unknown": (
        r"(?:account|domain|user|mail ?box|address) (?:or domain )?may not exist"
        r"|recipient address rejected: access denied",
        r"(?:doesn't|does not) have an? .{0,60}account",
    ),
    "stock_network": (
        r"not found,? try again|temporary (?:name )?lookup|try (?:your request )?again later.{0,20}dns",
    ),
    # Said also of a dead mailbox, but not only.
    "weak_user_unknown": (
        r"mail ?box (?:is )?(?:unavailable|not available|disabled or)|user (?:is )?unavailable"
        r"|mail ?box name not allowed",
        r"recipient(?: address)? (?:was |has been )?rejected|recipient (?:is )?not (?:ok|accepted)"
        r"|\baddress rejected",
        r"unable to deliver to (?:that|this)|not a (?:valid|known)|undeliverable address",
    ),
    "weak_system": (r"service (?:is )?(?:currently |temporarily )?(?:unavailable|not available)",),
}
