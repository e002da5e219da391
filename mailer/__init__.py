"""Message in, bytes and receipt out. A library: it knows nothing of people, SQL or web pages.

Writing a mail
    compose.check(...)           what is wrong with an author's templates, as codes with lines
    mjml.convert(...)            MJML to HTML, its Jinja tags as they were
    press.run(job)               the two above and `inline.publish`, in a process with limits on time and memory
    look.as_seen(...)            a rendered mail as dark screens show it, for previews
    layout.wrap(...)             the author's body inside the base layout
    inline.publish(...)          once per step version: CSS inlined, links numbered, slots placed
    inline.render(...)           once per recipient: one template render a part
    footer.as_html, as_text      the five items the law asks for
    mime.Skeleton                static headers encoded once; `.encode(mail)` gives the bytes
    sign.DkimSigner              the DKIM signatures in front of those bytes
    message.Mail, Sender         everything of one mail to one recipient

Handing it over
    journal.JournalDir, Journal  what was begun and answered, readable after a crash
    transports.transport_for     smtp:, smtps:, memory:, file: behind one `send_batch`
    receipts.Item, Receipt       what goes in and what comes back
    replies.read                 what a server's reply means: outcome, whom it concerns, why, how long to wait
    accounts.parse, choose       several SMTP accounts, and which of them a mail takes
    throttle, buckets, tally     how fast mails may go to a domain, and when one of them rests

Receiving
    catcher                      a local server that keeps what it is given, for practice
    bounces.read                 who bounced, hard or soft, and why; complaint, delay, vacation
    inbound.parse                an incoming mail, whatever its state; never raises

Errors
    MailError
     +- TemplateError(line, message)
     +- HeaderError(field, reason)     a value that may not stand in a header
     +- DkimError                      a key that cannot sign
     +- JournalError                   no room for a record: the body must not start
     +- SendError(code, text)
         +- Temporary                  not accepted now
"""
