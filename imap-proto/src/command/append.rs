//! APPEND (RFC 9051 §6.3.12) and REPLACE (RFC 8508), with several messages (MULTIAPPEND, RFC 3502), with messages put
//! together from parts (CATENATE, RFC 4469), annotations (RFC 5257) and the UTF8 form of RFC 6855.
//!
//! The only commands whose literals are no arguments but messages: they are streamed past the parser. So a
//! server reads what stands between them as the framer announces them: [`AppendParser`], or for nothing but whole
//! messages [`Append::parse_head`] and [`Append::parse_next`]. A client writes what stands between with
//! [`AppendWriter`] and sends the octets by itself.

use bytes::Bytes;

use super::annotation::{EntryValues, att_annotate, write_annotations};
use super::{Body, Command, CommandWriter, Form, Literals, Tag, command_name, tag};
use crate::ParseError;
use crate::parse::{
    ITEMS_MAX, Parsed, Span, arg, astring, date_time, end, flag_list, mailbox, no_case, octet, seq_number, sp,
};
use crate::types::{DateTime, Flag, SetEnd, WireMailbox};
use crate::wire::{LiteralHead, write};

/// APPEND up to its first literal, or whole where all is taken from URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: WireMailbox,
    /// What comes so far, beginning with [`AppendPiece::Begin`].
    pub pieces: Vec<AppendPiece>,
}

/// REPLACE and UID REPLACE up to the first literal, or whole where all is taken from URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replace {
    /// The message is named by its UID.
    pub uid: bool,
    /// The message that goes.
    pub message: SetEnd,
    /// Where the new one comes to.
    pub mailbox: WireMailbox,
    /// What comes so far, beginning with [`AppendPiece::Begin`]; one message in all.
    pub pieces: Vec<AppendPiece>,
}

/// What an APPEND is made of. A message ends where the next begins, or with the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendPiece {
    /// A message begins.
    Begin(AppendOptions),
    /// Octets follow: the whole message, or with CATENATE the next of its parts. Always the last piece before
    /// the octets are there.
    Literal(AppendLiteral),
    /// With CATENATE: the next part is what the URL names.
    Url(Bytes),
}

/// What is said of a message before its data.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AppendOptions {
    /// Flags to set; `\Recent` is dropped by the server.
    pub flags: Vec<Flag>,
    /// The internal date; `None`: now.
    pub internal_date: Option<DateTime>,
    /// ANNOTATION: annotations to set (RFC 5257 §4.7).
    pub annotations: Vec<EntryValues>,
    /// CATENATE: it is put together from parts, at least one; else one literal is all of it.
    pub catenate: bool,
}

/// A literal that is a message or a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendLiteral {
    /// Octets announced.
    pub size_octets: u64,
    /// `~{n}`.
    pub binary: bool,
    /// `UTF8 (~{n}`: its header is UTF-8 (RFC 6855 §4).
    pub utf8: bool,
}

/// What stands before a message that is one literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendMessage {
    /// Flags to set; `\Recent` is dropped by the server.
    pub flags: Vec<Flag>,
    /// The internal date; `None`: now.
    pub internal_date: Option<DateTime>,
    /// Octets announced.
    pub size_octets: u64,
    /// `~{n}`.
    pub binary: bool,
}

/// Reads APPEND and REPLACE from literal to literal.
///
/// A head that does not fit is no error here: its literal may be an argument, the name of a mailbox or a URL. Whoever
/// takes it as one gets the same head again with the next literal, or the whole command, for
/// [`Command::parse`] before the first streamed literal and for [`Self::end`] behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppendParser {
    open: Open,
    single: bool,
}

/// What must still be closed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Nothing: a message may begin.
    #[default]
    Nothing,
    /// `UTF8 (`
    Utf8,
    /// `CATENATE (`
    Catenate,
    /// `CATENATE (UTF8 (`
    CatenateUtf8,
}

impl Append {
    /// With one whole message, or the first of several.
    pub fn new(mailbox: WireMailbox, message: AppendMessage) -> Self {
        Self { mailbox, pieces: message.into_pieces().to_vec() }
    }

    /// Reads the head of an APPEND up to its first message literal: `tag APPEND mailbox [flags] [date] {n}`.
    ///
    /// `None` when this literal is no whole message, or the frame no APPEND: the literal is an argument (the
    /// mailbox name), and an error shows when the frame is complete.
    pub fn parse_head(head: &LiteralHead) -> Option<(Tag, WireMailbox, AppendMessage)> {
        let (tag, command, _) = AppendParser::begin(head)?;
        let Command::Append(append) = command else { return None };
        Some((tag, append.mailbox, AppendMessage::from_pieces(append.pieces)?))
    }

    /// Reads what stands between two whole messages: ` [flags] [date] {n}` (RFC 3502 §6.3.11).
    pub fn parse_next(head: &LiteralHead) -> Option<AppendMessage> {
        AppendMessage::from_pieces(AppendParser { open: Open::Nothing, single: false }.literal(head)?)
    }

    /// Whether `rest` may end an APPEND of whole messages: it is empty, but for spaces.
    pub fn parse_end(rest: &Bytes) -> bool {
        end(Span::new(rest)).is_ok()
    }
}

impl AppendParser {
    /// Reads an APPEND or REPLACE up to its first literal that is a message or a part of one; gives the tag, the
    /// command so far and the parser for what comes behind the literal.
    ///
    /// `None` when this literal is none of that, or the frame no such command.
    ///
    /// ```abnf
    /// append          = "APPEND" SP mailbox 1*append-message
    /// replace         = "REPLACE" SP seq-number SP mailbox append-message
    /// ```
    ///
    /// From RFC 4466 §3 (with RFC 3502) and RFC 8508 §5.
    pub fn begin(head: &LiteralHead) -> Option<(Tag, Command, Self)> {
        let (rest, tag) = tag(Span::new(&head.frame)).ok()?;
        let (rest, name) = command_name(rest).ok()?;
        let form = match name.to_word().octets() {
            b"APPEND" => None,
            b"REPLACE" => Some(Form::Plain),
            b"UID REPLACE" => Some(Form::Uid),
            _ => return None,
        };
        let (rest, ()) = sp(rest).ok()?;
        let mut parser = Self { open: Open::Nothing, single: form.is_some() };
        let command = match form {
            None => Command::Append(parser.append(rest, Some(head)).ok()?.1),
            Some(form) => Command::Replace(parser.replace(rest, form, Some(head)).ok()?.1),
        };
        Some((tag, command, parser))
    }

    /// Reads what stands between two streamed literals; the last piece is the second of them. `None` when this one
    /// is an argument, or nothing that may stand there.
    pub fn literal(&mut self, head: &LiteralHead) -> Option<Vec<AppendPiece>> {
        let mut next = self.clone();
        let (_, pieces) = next.pieces(Span::new(&head.frame), Some(head)).ok()?;
        *self = next;
        Some(pieces)
    }

    /// Reads what stands behind the last streamed literal, up to the end of the command.
    pub fn end(mut self, rest: &Bytes) -> Result<Vec<AppendPiece>, ParseError> {
        match self.pieces(Span::new(rest), None) {
            Ok((_, pieces)) => Ok(pieces),
            Err(error) => Err(super::error_of(error)),
        }
    }

    fn append<'a>(&mut self, input: Span<'a>, head: Option<&LiteralHead>) -> Parsed<'a, Append> {
        let (rest, mailbox) = mailbox(input)?;
        let (rest, pieces) = self.messages(rest, head)?;
        Ok((rest, Append { mailbox, pieces }))
    }

    fn replace<'a>(
        &mut self,
        input: Span<'a>,
        form: Form,
        head: Option<&LiteralHead>,
    ) -> Parsed<'a, Replace> {
        let (rest, message) = seq_number(input)?;
        let (rest, mailbox) = arg(rest, mailbox)?;
        let (rest, pieces) = self.messages(rest, head)?;
        Ok((rest, Replace { uid: form.is_uid(), message, mailbox, pieces }))
    }

    /// At least one message.
    fn messages<'a>(&mut self, input: Span<'a>, head: Option<&LiteralHead>) -> Parsed<'a, Vec<AppendPiece>> {
        let (rest, pieces) = self.pieces(input, head)?;
        if pieces.is_empty() { input.fail("message literal") } else { Ok((rest, pieces)) }
    }

    /// Reads up to the literal that `head` announces, or with none to the end of the frame.
    fn pieces<'a>(&mut self, input: Span<'a>, head: Option<&LiteralHead>) -> Parsed<'a, Vec<AppendPiece>> {
        let mut pieces = Vec::new();
        let mut rest = input;
        if let Open::Utf8 | Open::CatenateUtf8 = self.open {
            rest = octet(b')', ")")(rest)?.0;
            self.open = if self.open == Open::Utf8 { Open::Nothing } else { Open::Catenate };
        }
        let mut messages = 0;
        loop {
            if pieces.len() > ITEMS_MAX {
                return rest.fail("fewer parts");
            }
            if self.open == Open::Catenate {
                if rest.first() == Some(b')') {
                    rest = rest.skip(1);
                    self.open = Open::Nothing;
                    continue;
                }
                rest = sp(rest)?.0;
            } else {
                if head.is_none() && end(rest).is_ok() {
                    return Ok((end(rest)?.0, pieces));
                }
                if self.single && (messages > 0 || input.at() == 0) {
                    return rest.fail("end of line");
                }
                messages += 1;
                let (behind, options) = append_options(rest);
                match self.data(behind, options, head)? {
                    (behind, Data::Parts(options)) => {
                        pieces.push(AppendPiece::Begin(options));
                        rest = behind;
                    }
                    (behind, Data::Literal(options, literal)) => {
                        pieces.extend([AppendPiece::Begin(options), AppendPiece::Literal(literal)]);
                        return Ok((behind, pieces));
                    }
                }
            }
            let (behind, part) = self.part(rest, head)?;
            let is_literal = matches!(part, AppendPiece::Literal(_));
            pieces.push(part);
            if is_literal {
                return Ok((behind, pieces));
            }
            rest = behind;
        }
    }

    /// ```abnf
    /// append-data     = literal / literal8 / append-data-ext
    /// append-data     =/ "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    /// utf8-literal    = "UTF8" SP "(" literal8 ")"
    /// append-data     =/ utf8-literal
    /// ```
    ///
    /// From RFC 4466 §3, RFC 4469 §5 and RFC 6855 §4, up to the octets or the first part.
    fn data<'a>(
        &mut self,
        input: Span<'a>,
        options: AppendOptions,
        head: Option<&LiteralHead>,
    ) -> Parsed<'a, Data> {
        if let Ok((rest, ())) = no_case(" CATENATE (")(input) {
            self.open = Open::Catenate;
            return Ok((rest, Data::Parts(AppendOptions { catenate: true, ..options })));
        }
        let (rest, utf8) = match no_case(" UTF8 (")(input) {
            Ok((rest, ())) => (rest, true),
            Err(_) => (sp(input).map_or(input, |(rest, ())| rest), false),
        };
        match announced(rest, head, utf8) {
            Some(literal) if input.first() == Some(b' ') => {
                self.open = if utf8 { Open::Utf8 } else { Open::Nothing };
                Ok((rest, Data::Literal(options, literal)))
            }
            _ => input.fail("message literal"),
        }
    }

    /// ```abnf
    /// cat-part = text-literal / url
    /// text-literal = "TEXT" SP literal
    /// url = "URL" SP astring
    /// cat-part       =/ utf8-literal
    /// ```
    ///
    /// From RFC 4469 §5 and RFC 6855 §4.
    fn part<'a>(&mut self, input: Span<'a>, head: Option<&LiteralHead>) -> Parsed<'a, AppendPiece> {
        if let Ok((rest, ())) = no_case("URL ")(input) {
            return astring(rest).map(|(rest, url)| (rest, AppendPiece::Url(url)));
        }
        let (rest, utf8) = match no_case("UTF8 (")(input) {
            Ok((rest, ())) => (rest, true),
            Err(_) => match no_case("TEXT ")(input) {
                Ok((rest, ())) => (rest, false),
                Err(_) => return input.fail("URL, TEXT or UTF8"),
            },
        };
        match announced(rest, head, utf8) {
            Some(literal) => {
                self.open = if utf8 { Open::CatenateUtf8 } else { Open::Catenate };
                Ok((rest, AppendPiece::Literal(literal)))
            }
            None => rest.fail("message literal"),
        }
    }
}

/// How the data of a message begin.
enum Data {
    /// CATENATE: parts follow.
    Parts(AppendOptions),
    /// One literal.
    Literal(AppendOptions, AppendLiteral),
}

/// The literal of `head`, which the framer has read already, if its head is all that is left.
fn announced(rest: Span<'_>, head: Option<&LiteralHead>, utf8: bool) -> Option<AppendLiteral> {
    let head = head?;
    let is_head = matches!(rest.octets(), [b'{', digits @ .., b'\n'] | [b'~', b'{', digits @ .., b'\n']
        if !digits.contains(&b' '));
    let literal = AppendLiteral { size_octets: head.size_octets, binary: head.binary, utf8 };
    is_head.then_some(literal)
}

/// ```abnf
/// append-message  = [SP flag-list] [SP date-time] *(SP append-ext) SP append-data
/// append-ext      =/ att-annotate
/// ```
///
/// From RFC 4466 §3 and RFC 5257 §5: what is there of it before the data.
fn append_options(input: Span<'_>) -> (Span<'_>, AppendOptions) {
    let (rest, flags) = arg(input, flag_list).unwrap_or((input, Vec::new()));
    let (rest, internal_date) = match arg(rest, date_time) {
        Ok((rest, date)) => (rest, Some(date)),
        Err(_) => (rest, None),
    };
    let (rest, annotations) = arg(rest, att_annotate).unwrap_or((rest, Vec::new()));
    (rest, AppendOptions { flags, internal_date, annotations, catenate: false })
}

impl Body for Append {
    /// The whole command, all of whose parts are URLs; else the error is what was expected, a literal that is a
    /// message at the latest.
    fn parse(input: Span<'_>, _form: Form) -> Parsed<'_, Self> {
        AppendParser { open: Open::Nothing, single: false }.append(input, None)
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.mailbox(&self.mailbox);
        AppendWriter::default().write_first(out, &self.pieces);
    }
}

impl Body for Replace {
    /// As for [`Append`].
    fn parse(input: Span<'_>, form: Form) -> Parsed<'_, Self> {
        AppendParser { open: Open::Nothing, single: true }.replace(input, form, None)
    }

    fn write(&self, out: &mut CommandWriter<'_>) {
        out.raw(&self.message.to_string());
        out.sp();
        out.mailbox(&self.mailbox);
        AppendWriter::default().write_first(out, &self.pieces);
    }

    fn form(&self) -> Form {
        Form::of(self.uid)
    }
}

/// Writes what stands between the literals of APPEND and REPLACE, for a client.
///
/// [`Command::write`] writes the first pieces; [`Self::behind`] knows where that left off.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AppendWriter {
    open: Open,
    /// The open CATENATE has a part already.
    has_part: bool,
}

impl AppendWriter {
    /// The writer for what comes behind these pieces, which are written already.
    pub fn behind(pieces: &[AppendPiece]) -> Self {
        let mut writer = Self::default();
        let mut dropped = Vec::new();
        writer.write_pieces(&mut CommandWriter::new(&mut dropped, Literals::Plus), pieces);
        writer
    }

    /// Writes pieces; the last one is a literal, whose octets follow. Gives the offsets into `out` where the client
    /// has to wait for `+`, as [`Command::write`] does.
    pub fn write(
        &mut self,
        pieces: &[AppendPiece],
        literals: impl Into<Literals>,
        out: &mut Vec<u8>,
    ) -> Vec<usize> {
        let mut writer = CommandWriter::new(out, literals.into());
        self.write_pieces(&mut writer, pieces);
        writer.into_waits()
    }

    /// Closes what is open and ends the command.
    pub fn end(mut self, out: &mut Vec<u8>) {
        let mut writer = CommandWriter::new(out, Literals::Plus);
        self.close_message(&mut writer);
        writer.raw("\r\n");
    }

    /// The pieces of a command: one without a literal is whole.
    fn write_first(mut self, out: &mut CommandWriter<'_>, pieces: &[AppendPiece]) {
        self.write_pieces(out, pieces);
        if !is_unfinished(pieces) {
            self.close_message(out);
        }
    }

    fn write_pieces(&mut self, out: &mut CommandWriter<'_>, pieces: &[AppendPiece]) {
        for piece in pieces {
            match piece {
                AppendPiece::Begin(options) => {
                    self.close_message(out);
                    options.write(out);
                    if options.catenate {
                        out.raw(" CATENATE (");
                        *self = Self { open: Open::Catenate, has_part: false };
                    }
                }
                AppendPiece::Url(url) => {
                    self.begin_part(out);
                    out.raw("URL ");
                    out.string(url);
                }
                AppendPiece::Literal(literal) => self.write_literal(out, *literal),
            }
        }
    }

    fn write_literal(&mut self, out: &mut CommandWriter<'_>, literal: AppendLiteral) {
        let in_catenate = matches!(self.open, Open::Catenate | Open::CatenateUtf8);
        if in_catenate {
            self.begin_part(out);
            out.raw(if literal.utf8 { "" } else { "TEXT " });
        } else {
            out.sp();
        }
        if literal.utf8 {
            out.raw("UTF8 (");
            self.open = if in_catenate { Open::CatenateUtf8 } else { Open::Utf8 };
        }
        out.literal_head(literal.size_octets, literal.binary);
    }

    fn begin_part(&mut self, out: &mut CommandWriter<'_>) {
        if self.open == Open::CatenateUtf8 {
            out.raw(")");
            self.open = Open::Catenate;
        }
        if std::mem::replace(&mut self.has_part, true) {
            out.sp();
        }
    }

    fn close_message(&mut self, out: &mut CommandWriter<'_>) {
        out.raw(match self.open {
            Open::Nothing => "",
            Open::Utf8 | Open::Catenate => ")",
            Open::CatenateUtf8 => "))",
        });
        *self = Self::default();
    }
}

impl AppendOptions {
    fn write(&self, out: &mut CommandWriter<'_>) {
        if !self.flags.is_empty() {
            out.sp();
            write::flag_list(out.out(), &self.flags);
        }
        if let Some(date) = self.internal_date {
            out.sp();
            date.write(out.out());
        }
        if !self.annotations.is_empty() {
            out.sp();
            write_annotations(out, &self.annotations);
        }
    }
}

/// Whether the last piece is a literal: then octets follow, and the command is not at its end.
pub(super) fn is_unfinished(pieces: &[AppendPiece]) -> bool {
    matches!(pieces.last(), Some(AppendPiece::Literal(_)))
}

impl AppendMessage {
    fn from_pieces(pieces: Vec<AppendPiece>) -> Option<Self> {
        let [AppendPiece::Begin(options), AppendPiece::Literal(literal)] =
            <[AppendPiece; 2]>::try_from(pieces).ok()?
        else {
            return None;
        };
        let is_plain = !options.catenate && options.annotations.is_empty() && !literal.utf8;
        let AppendLiteral { size_octets, binary, .. } = literal;
        let AppendOptions { flags, internal_date, .. } = options;
        is_plain.then_some(Self { flags, internal_date, size_octets, binary })
    }

    fn into_pieces(self) -> [AppendPiece; 2] {
        let Self { flags, internal_date, size_octets, binary } = self;
        let options = AppendOptions { flags, internal_date, ..AppendOptions::default() };
        [
            AppendPiece::Begin(options),
            AppendPiece::Literal(AppendLiteral { size_octets, binary, utf8: false }),
        ]
    }

    /// Writes ` (flags) "date" {n}` CRLF for a message behind the first (MULTIAPPEND, RFC 3502), and says
    /// whether the client has to wait for `+` then. The octets follow, and behind the last message CRLF.
    pub fn write_next(&self, literals: impl Into<Literals>, out: &mut Vec<u8>) -> bool {
        let pieces = self.clone().into_pieces();
        !AppendWriter::default().write(&pieces, literals, out).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::tests::check;
    use super::*;
    use crate::wire::{Event, Framer, Limits};

    fn head(octets: &str) -> LiteralHead {
        let limits = Limits {
            line_octets_max: 1_000,
            literal_octets_max: 1_000,
            literals_max: 10,
            dropped_octets_max: 1_000,
        };
        let mut framer = Framer::new(limits);
        framer.receive(octets.as_bytes());
        loop {
            match framer.poll() {
                Some(Event::Literal(head)) if framer.has_buffered() => {
                    assert!(framer.accept_argument(), "{head:?}");
                }
                Some(Event::Literal(head)) => return head,
                event => panic!("{octets:?} ends in no literal: {event:?}"),
            }
        }
    }

    fn check_head(octets: &str, expected: Expect) {
        expected.assert_eq(&match Append::parse_head(&head(octets)) {
            Some((tag, mailbox, message)) => format!("{tag} {mailbox:?} {message:?}"),
            None => "not a message".to_owned(),
        });
    }

    #[test]
    fn heads() {
        check_head(
            "A003 APPEND saved-messages (\\Seen) {326}\r\n",
            expect![[
                r#"A003 WireMailbox(b"saved-messages") AppendMessage { flags: [System(Seen)], internal_date: None, size_octets: 326, binary: false }"#
            ]],
        );
        check_head(
            "a append {3}\r\na b \" 1-Jan-70 00:00:01-EST\" ~{0+}\r\n",
            expect![[
                r#"a WireMailbox(b"a b") AppendMessage { flags: [], internal_date: Some(DateTime { seconds: 18001, offset_minutes: -300 }), size_octets: 0, binary: true }"#
            ]],
        );
        check_head("a APPEND {5}\r\n", expect!["not a message"]);
        check_head("a APPEND {0}\r\n", expect!["not a message"]);
        check_head("a APPEND x (\\Seen {5}\r\n", expect!["not a message"]);
        check_head("a APPEND x \"32-Jan-1970 00:00:00 +0000\" {5}\r\n", expect!["not a message"]);
        check_head("a APPENDIX x {5}\r\n", expect!["not a message"]);
        check_head("a LOGIN x {5}\r\n", expect!["not a message"]);
    }

    /// What a server makes of a command that comes literal by literal, the octets of which are dropped.
    fn read(command: &str) -> String {
        let limits = Limits {
            line_octets_max: 1_000,
            literal_octets_max: 1_000,
            literals_max: 10,
            dropped_octets_max: 1_000,
        };
        let mut framer = Framer::new(limits);
        framer.receive(command.as_bytes());
        let mut parser: Option<AppendParser> = None;
        let mut told = Vec::new();
        while let Some(event) = framer.poll() {
            match event {
                Event::Literal(head) => {
                    let pieces = match &mut parser {
                        None => AppendParser::begin(&head).map(|(_, command, begun)| {
                            parser = Some(begun);
                            format!("{command:?}")
                        }),
                        Some(parser) => parser.literal(&head).map(|pieces| format!("{pieces:?}")),
                    };
                    match pieces {
                        Some(pieces) => {
                            told.push(pieces);
                            framer.accept_stream();
                        }
                        None => assert!(framer.accept_argument()),
                    }
                }
                Event::Chunk(_) | Event::StreamEnd => {}
                Event::Command(rest) => match parser.take() {
                    Some(parser) => told.push(format!("{:?}", parser.end(&rest))),
                    None => told.push(format!("{:?}", Command::parse(&rest, crate::Dialect::IMAP4))),
                },
                event => panic!("{event:?}"),
            }
        }
        told.join("\n")
    }

    /// RFC 4469 §3, with a URL in a literal too.
    #[test]
    fn catenate() {
        expect![[r#"
            Append(Append { mailbox: WireMailbox(b"Drafts"), pieces: [Begin(AppendOptions { flags: [System(Seen), System(Draft), Keyword("$MDNSent")], internal_date: None, annotations: [], catenate: true }), Literal(AppendLiteral { size_octets: 4, binary: false, utf8: false })] })
            [Url(b"/Drafts"), Url(b"u"), Literal(AppendLiteral { size_octets: 2, binary: false, utf8: false })]
            Ok([])"#]]
        .assert_eq(&read(
            "A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (TEXT {4+}\r\nabcd URL {7+}\r\n/Drafts URL u TEXT {2+}\r\nxy)\r\n",
        ));
        expect![[r#"Ok((A003, Append(Append { mailbox: WireMailbox(b"Drafts"), pieces: [Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: true }), Url(b"a"), Url(b"b")] })))"#]]
        .assert_eq(&read("A003 APPEND Drafts CATENATE (URL a URL {1+}\r\nb)\r\n"));
        expect![[r#"
            Append(Append { mailbox: WireMailbox(b"x"), pieces: [Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: true }), Url(b"a"), Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: false }), Literal(AppendLiteral { size_octets: 1, binary: false, utf8: false })] })
            Err(ParseError { rule: "message literal", at: 0 })"#]]
        .assert_eq(&read("a APPEND x CATENATE (URL a) {1+}\r\n.)\r\n"));
    }

    /// Thunderbird saves sent mail so.
    #[test]
    fn utf8() {
        expect![[r#"
            Append(Append { mailbox: WireMailbox(b"Sent"), pieces: [Begin(AppendOptions { flags: [System(Seen)], internal_date: None, annotations: [], catenate: false }), Literal(AppendLiteral { size_octets: 3, binary: true, utf8: true })] })
            Ok([])"#]]
        .assert_eq(&read("5 append \"Sent\" (\\Seen) UTF8 (~{3+}\r\nabc)\r\n"));
        expect![[r#"
            Append(Append { mailbox: WireMailbox(b"x"), pieces: [Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: true }), Literal(AppendLiteral { size_octets: 3, binary: true, utf8: true })] })
            [Url(b"u"), Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: false }), Literal(AppendLiteral { size_octets: 1, binary: true, utf8: true })]
            Err(ParseError { rule: ")", at: 0 })"#]]
        .assert_eq(&read(
            "a APPEND x CATENATE (UTF8 (~{3+}\r\nabc) URL u) UTF8 (~{1+}\r\n.\r\n",
        ));
    }

    /// RFC 8508 §4.2, and only one message.
    #[test]
    fn replace() {
        expect![[r#"
            Replace(Replace { uid: true, message: Number(3002), mailbox: WireMailbox(b"Drafts"), pieces: [Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: true }), Literal(AppendLiteral { size_octets: 3, binary: false, utf8: false })] })
            Ok([Url(b"/Drafts/;UID=3002")])"#]]
        .assert_eq(&read("A011 UID REPLACE 3002 Drafts CATENATE (TEXT {3+}\r\nTo: URL \"/Drafts/;UID=3002\")\r\n"));
        expect![[r#"
            Replace(Replace { uid: false, message: Star, mailbox: WireMailbox(b"x"), pieces: [Begin(AppendOptions { flags: [], internal_date: None, annotations: [], catenate: false }), Literal(AppendLiteral { size_octets: 1, binary: false, utf8: false })] })
            Err(ParseError { rule: "end of line", at: 0 })"#]]
        .assert_eq(&read("a REPLACE * x {1+}\r\n. {1+}\r\n.\r\n"));
        check("a REPLACE 0 x", expect!["BAD a REPLACE: expected message set at octet 10"]);
        check("a REPLACE 1 x", expect!["BAD a REPLACE: expected message literal at octet 13"]);
    }

    #[test]
    fn annotations() {
        check_head("a APPEND x ANNOTATION (/comment (value.priv \"x\")) {5}\r\n", expect!["not a message"]);
        expect![[r#"
            Append(Append { mailbox: WireMailbox(b"drafts"), pieces: [Begin(AppendOptions { flags: [System(Seen)], internal_date: None, annotations: [EntryValues { entry: b"/comment", values: [(b"value.priv", Some(b"m"))] }], catenate: false }), Literal(AppendLiteral { size_octets: 1, binary: false, utf8: false })] })
            Ok([])"#]]
        .assert_eq(&read(
            "a APPEND drafts (\\Seen) ANNOTATION (/comment (value.priv \"m\")) {1+}\r\n.\r\n",
        ));
    }

    #[test]
    fn what_is_written_is_read() {
        let tag = Tag::new("t").expect("a tag");
        let literal = |utf8| AppendPiece::Literal(AppendLiteral { size_octets: 1, binary: utf8, utf8 });
        let begin = |catenate| AppendPiece::Begin(AppendOptions { catenate, ..AppendOptions::default() });
        let url = || AppendPiece::Url(Bytes::from_static(b"u"));
        let first = vec![begin(true), url(), literal(true)];
        let second = vec![url(), literal(false)];
        let third = vec![url(), begin(false), literal(true)];
        let last = vec![begin(true), url()];
        let mailbox = WireMailbox(Bytes::from_static(b"x"));
        let append = Command::Append(Append { mailbox, pieces: first.clone() });
        let mut out = Vec::new();
        assert!(append.write(&tag, true, &mut out).is_empty());
        out.push(b'1');
        let mut writer = AppendWriter::behind(&first);
        for pieces in [&second, &third, &last] {
            writer.write(pieces, true, &mut out);
            out.push(b'1');
        }
        assert_eq!(out.pop(), Some(b'1'));
        writer.end(&mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "t APPEND \"x\" CATENATE (URL \"u\" UTF8 (~{1+}\r\n1) URL \"u\" TEXT {1+}\r\n1 URL \"u\") UTF8 (~{1+}\r\n1) CATENATE (URL \"u\")\r\n"
        );
        let expected = format!("{append:?}\n{second:?}\n{third:?}\nOk({last:?})");
        assert_eq!(read(std::str::from_utf8(&out).expect("it is ASCII")), expected);
    }

    #[test]
    fn further_messages() {
        let next = Append::parse_next(&head(" (\\Draft) \"17-Jul-1996 02:44:25 -0700\" {5+}\r\n"));
        expect![[r#"Some(AppendMessage { flags: [System(Draft)], internal_date: Some(DateTime { seconds: 837596665, offset_minutes: -420 }), size_octets: 5, binary: false })"#]]
            .assert_eq(&format!("{next:?}"));
        assert!(Append::parse_next(&head(" {5}\r\n")).is_some());
        assert_eq!(Append::parse_next(&head("{5}\r\n")), None);
        assert_eq!(Append::parse_next(&head(" x {5}\r\n")), None);
        assert!(Append::parse_end(&Bytes::new()));
        assert!(!Append::parse_end(&Bytes::from_static(b" x")));
    }

    #[test]
    fn a_complete_append_has_no_message() {
        check("a APPEND x", expect!["BAD a APPEND: expected message literal at octet 10"]);
        check("a APPEND x (\\Seen) foo", expect!["BAD a APPEND: expected message literal at octet 18"]);
        check("a APPEND {1}\r\nx", expect!["BAD a APPEND: expected message literal at octet 15"]);
        check("a APPEND ", expect!["BAD a APPEND: expected mailbox at octet 9"]);
    }
}
