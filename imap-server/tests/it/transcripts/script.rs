//! The format of a transcript.
//!
//! ```text
//! # A comment; also behind two spaces at the end of any line below.
//! listener: cleartext                          # or: starttls, tls, imap2, imap2bis, copy-creates, old-dates,
//!                                              # anonymous, bboards, no-bboards,
//!                                              # hide-capabilities NAME...; cleartext where nothing is said
//! limit: message_octets_max 100                # a field of `Limits`
//! message hello:                               # a message of the file's own, lines behind `| ` with CRLF
//! | Subject: hello
//! |
//! | Hi.
//! store: user alice, INBOX with 3 messages     # made messages; `3 recent messages` leaves them \Recent
//! store: user alice, INBOX with hello, hello   # messages of the file's own
//! store: user alice, Work/Old                  # a mailbox more
//! store: user alice, Work allows bob lrs       # an entry of the mailbox's ACL
//! store: shared support, INBOX with 1 message  # the same for an account that is no person's
//! store: user alice, quota of 3 messages       # or: octets, mailboxes
//! store: user alice, INBOX 2 is \Seen work     # flags of message 2
//! 1 and 2: logged in as alice, INBOX selected  # or: connected; logged in as alice; ... examined
//! 1C: a1 NOOP                                  # the client sends this and CRLF
//! 1C> a1 LOGIN {5}\r\nalice                    # the client sends this and no more; \r \n \0 \\ \xHH are octets
//! 1C= a1 STARTTLS\r\na2 NOOP\r\n              # the same, and always in one piece
//! 1S: a1 OK $text                              # the server sends this and CRLF; see `pattern`
//! 1S! * 2 EXPUNGE                              # it has not sent this, and does not before the next `1S:` line
//! 1E: closed                                   # the server closed
//! 1E: tls                                      # it asked for the handshake, and gets it
//! 1E: times out                                # the deadline passes
//! 1E: server stops
//! ```
//!
//! Every user's password is `secret`; the time of a user called `expired` is over. A literal is simply further lines; in
//! lines of the server octets that are no printable ASCII stand as `\xHH`. Octets of the server that no line expects are
//! an error.

/// A transcript.
pub(super) struct Script {
    pub(super) lines: Vec<Line>,
}

/// One line, as written and as meant.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Nothing,
    Listener(String),
    Limit(String, u64),
    Message(String),
    MessageLine(String),
    Store {
        user: String,
        what: String,
    },
    Begin {
        connections: Vec<usize>,
        how: String,
    },
    /// `true`: never in pieces.
    Client(usize, Vec<u8>, bool),
    Server(usize, String),
    Not(usize, String),
    Event(usize, String),
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let parse = |(index, text): (usize, &str)| {
            let number = index + 1;
            let kind = kind(text).ok_or_else(|| format!("line {number} is none: {text}"))?;
            Ok(Line { number, text: text.to_owned(), kind })
        };
        Ok(Self { lines: text.lines().enumerate().map(parse).collect::<Result<_, String>>()? })
    }

    /// One connection, and nothing where the client has to wait for the server.
    pub(super) fn can_be_pipelined(&self) -> bool {
        self.lines.iter().all(|line| match &line.kind {
            Kind::Begin { connections, .. } => connections == &[1],
            Kind::Client(connection, octets, _) => {
                let waits = [&b"starttls"[..], b"idle", b"authenticate"];
                let octets = octets.to_ascii_lowercase();
                *connection == 1 && !waits.iter().any(|word| octets.windows(word.len()).any(|at| at == *word))
            }
            Kind::Server(_, line) => !line.starts_with("+ "),
            Kind::Event(_, event) => event == "closed",
            _ => true,
        })
    }
}

fn kind(text: &str) -> Option<Kind> {
    let line = without_comment(text);
    if line.is_empty() {
        return Some(Kind::Nothing);
    }
    if let Some(line) = text.strip_prefix('|') {
        return Some(Kind::MessageLine(line.strip_prefix(' ').unwrap_or(line).to_owned()));
    }
    if let Some(rest) = line.strip_prefix("listener: ") {
        return Some(Kind::Listener(rest.to_owned()));
    }
    if let Some(rest) = line.strip_prefix("limit: ") {
        let (name, value) = rest.split_once(' ')?;
        return Some(Kind::Limit(name.to_owned(), value.parse().ok()?));
    }
    if let Some(rest) = line.strip_prefix("message ") {
        return Some(Kind::Message(rest.strip_suffix(':')?.to_owned()));
    }
    for (prefix, mark) in [("store: user ", ""), ("store: shared ", "$")] {
        if let Some(rest) = line.strip_prefix(prefix) {
            let (user, what) = rest.split_once(", ").unwrap_or((rest, ""));
            return Some(Kind::Store { user: format!("{mark}{user}"), what: what.to_owned() });
        }
    }
    of_connection(line)
}

fn of_connection(line: &str) -> Option<Kind> {
    let end = line.find([':', 'C', 'S', 'E'])?;
    let (connections, rest) = line.split_at(end);
    if let Some(how) = rest.strip_prefix(": ") {
        let connections =
            connections.split(" and ").map(|number| number.parse().ok()).collect::<Option<_>>()?;
        return Some(Kind::Begin { connections, how: how.to_owned() });
    }
    let connection = connections.parse().ok()?;
    let (kind, rest) = rest.split_at_checked(2)?;
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match kind {
        "C:" => Some(Kind::Client(connection, [rest.as_bytes(), b"\r\n"].concat(), false)),
        "C>" => Some(Kind::Client(connection, unescape(rest)?, false)),
        "C=" => Some(Kind::Client(connection, unescape(rest)?, true)),
        "S:" => Some(Kind::Server(connection, rest.to_owned())),
        "S!" => Some(Kind::Not(connection, rest.to_owned())),
        "E:" => Some(Kind::Event(connection, rest.to_owned())),
        _ => None,
    }
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split_once("  # ").map_or(line, |(line, _)| line.trim_end())
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b'0' => 0,
                b'\\' => b'\\',
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                }
                _ => return None,
            },
            octet => octet,
        });
    }
    Some(octets)
}
