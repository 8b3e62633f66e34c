//! Real mail: 6,046 messages of 2002 to 2005 (`cargo xtask corpus`), read by us and by two programs that we
//! did not write. Without the corpus the tests say so and pass.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use imap_proto::types::{Address, BodyStructure, Content, Octets};

use crate::message::{Scanner, Summary, decode_transfer};
use crate::search::day_of;

/// A message's path below the corpus, and its octets.
type Named = (String, Vec<u8>);

/// The messages, in the order of their paths; `None` when nobody fetched them.
fn corpus() -> Option<(PathBuf, Vec<Named>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/corpus/spam-assassin");
    let Ok(groups) = std::fs::read_dir(&root) else {
        eprintln!("skipped: there is no corpus; `cargo xtask corpus` fetches it");
        return None;
    };
    let mut paths = Vec::new();
    for group in groups.flatten() {
        for file in std::fs::read_dir(group.path()).expect("a directory").flatten() {
            let (group, file) = (group.file_name(), file.file_name());
            paths.push(format!("{}/{}", group.to_string_lossy(), file.to_string_lossy()));
        }
    }
    paths.sort();
    assert_eq!(paths.len(), 6_046);
    let read = |path: String| {
        let octets = std::fs::read(root.join(&path)).expect("readable");
        (path, octets)
    };
    let messages = paths.into_iter().map(read).collect();
    Some((root, messages))
}

fn scan(message: &[u8]) -> Summary {
    let mut scanner = Scanner::new();
    scanner.feed(message);
    scanner.finish()
}

/// Our reading of a message, one fact a line.
fn facts(message: &[u8]) -> Vec<String> {
    let summary = scan(message);
    let mut facts = Vec::new();
    parts(message, &summary, summary.structure(), &mut Vec::new(), true, &mut facts);
    let envelope = summary.envelope();
    let texts = [
        ("subject", &envelope.subject),
        ("message-id", &envelope.message_id),
        ("in-reply-to", &envelope.in_reply_to),
    ];
    for (name, text) in texts {
        facts.extend(text.as_ref().map(|text| format!("{name} {}", shown(text))));
    }
    let lists = [
        ("from", &envelope.from),
        ("sender", &envelope.sender),
        ("reply-to", &envelope.reply_to),
        ("to", &envelope.to),
        ("cc", &envelope.cc),
        ("bcc", &envelope.bcc),
    ];
    for (name, list) in lists {
        facts.extend(list.iter().filter_map(address).map(|address| format!("{name} {address}")));
    }
    if let Some(date) = &envelope.date {
        let day = day_of(date).map(|day| format!("{:04}-{:02}-{:02}", day.year(), day.month(), day.day()));
        facts.push(format!("date {}", day.unwrap_or_else(|| "none".to_owned())));
    }
    facts
}

fn parts(
    message: &[u8],
    summary: &Summary,
    structure: &BodyStructure,
    number: &mut Vec<u32>,
    is_message: bool,
    facts: &mut Vec<String>,
) {
    match structure {
        BodyStructure::Multipart { parts: inner, subtype, .. } => {
            let at: Vec<_> = number.iter().map(u32::to_string).collect();
            let at = if at.is_empty() { "-".to_owned() } else { at.join(".") };
            facts.push(format!("part {at} multipart/{}", shown(subtype).to_ascii_lowercase()));
            for (index, part) in (1..).zip(inner) {
                number.push(index);
                parts(message, summary, part, number, false, facts);
                number.pop();
            }
        }
        BodyStructure::Single { media_type, subtype, encoding, content, .. } => {
            if is_message {
                number.push(1);
            }
            let at: Vec<_> = number.iter().map(u32::to_string).collect();
            let at = at.join(".");
            let kind = format!("{}/{}", shown(media_type), shown(subtype)).to_ascii_lowercase();
            let part = summary.part(number).expect("every part has a place");
            if let Content::Message { structure, .. } = content
                && part.message.is_some()
            {
                facts.push(format!("part {at} {kind}"));
                parts(message, summary, structure, number, true, facts);
            } else {
                let body = &message[part.body.0 as usize..(part.body.0 + part.body.1) as usize];
                let content = decode_transfer(encoding, body).unwrap_or(body.into());
                facts.push(format!("part {at} {kind} {} {:08x}", body.len(), crc32(&content)));
            }
            if is_message {
                number.pop();
            }
        }
    }
}

/// `name|mailbox@host`; `None` for the ends of groups.
fn address(address: &Address) -> Option<String> {
    let part = |part: &Option<Octets>| part.as_deref().map(shown).unwrap_or_default();
    let host = match address.host.as_deref()? {
        b"" => String::new(),
        host => format!("@{}", shown(host)),
    };
    Some(format!("{}|{}{host}", part(&address.name), part(&address.mailbox)))
}

fn shown(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect()
}

/// The CRC-32 of zlib, which Python has.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0u32, |crc, &octet| {
        (0..8).fold(crc ^ u32::from(octet), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn python_reads_the_same() {
    let Some((root, messages)) = corpus() else { return };
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/corpus/oracle.py");
    let output = match Command::new("python3").arg(oracle).arg(&root).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: python3 does not start: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut theirs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut at = String::new();
    for line in output.stdout.split(|&octet| octet == b'\n').map(shown) {
        match line.strip_prefix("# ") {
            Some(path) => at = path.to_owned(),
            None => theirs.entry(at.clone()).or_default().push(line),
        }
    }
    let mut differences = Differences::default();
    for (path, message) in &messages {
        differences.compare(path, &facts(message), &theirs[path], why_python_differs);
    }
    differences.expect(&[
        // RFC 9051 §7.5.2: a Sender or Reply-To that is missing, or has no address, is the From.
        ("Sender or Reply-To is From's", 6696),
        // `0102` is what a program of 2002 wrote that added 1900 to the years since 1900 in two digits. Ours is the
        // reading of three digits (RFC 5322 §4.3).
        ("year 0102", 62),
        ("`2002/09/14 Sat` is no date for Python", 2),
        // Python reads them as a list of headers.
        ("delivery-status is a leaf", 3),
        // RFC 2046 §5.1.1: the line end before a boundary belongs to the boundary. Where none follows, it is the part's.
        ("no boundary behind the last part", 50),
        // Python gives base64 back as it is when its length cannot be, and ends at a footer behind the padding; of `==`
        // in quoted-printable it drops one. We take what is there.
        ("broken transfer encoding", 12),
        // Two messages whose boundary line never comes. Python makes them leaves; BODYSTRUCTURE has no such thing.
        ("multipart without parts", 4),
        // `TEXT/PLAIN charset=US-ASCII`, without a semicolon: Python takes it all as the subtype.
        ("Content-Type without a semicolon", 1),
        // Two `@`, no `@`, `[` in a local part, a group in angle brackets, an octet that no address may have: both
        // keep something, in other places.
        ("address that is none", 51),
    ]);
}

fn why_python_differs(name: &str, ours: &[&str], theirs: &[&str]) -> &'static str {
    let first = |lines: &[&str]| lines.first().copied().unwrap_or("").to_owned();
    let (our, their) = (first(ours), first(theirs));
    match name {
        "sender" | "reply-to" if theirs.is_empty() => "Sender or Reply-To is From's",
        "date" if their.starts_with("date 0102") => "year 0102",
        "date" if their == "date none" => "`2002/09/14 Sat` is no date for Python",
        "part" if their.ends_with("message/delivery-status") => "delivery-status is a leaf",
        "part" if our.is_empty() || our.contains("part - multipart/") => "multipart without parts",
        "part" if their.contains("charset=") => "Content-Type without a semicolon",
        "part" => {
            let size = |line: &str| line.split(' ').nth(3).and_then(|size| size.parse::<u64>().ok());
            match (size(&our), size(&their)) {
                (Some(our), Some(their)) if our == their => "broken transfer encoding",
                (Some(our), Some(their)) if our == their + 2 => "no boundary behind the last part",
                _ => "",
            }
        }
        "from" | "sender" | "reply-to" | "to" | "cc" | "bcc" => "address that is none",
        _ => "",
    }
}

#[test]
fn mail_parser_reads_the_same() {
    let Some((_, messages)) = corpus() else { return };
    let mut differences = Differences::default();
    for (path, message) in &messages {
        let theirs = mail_parser_facts(message);
        let mut ours: Vec<_> = facts(message).into_iter().filter_map(|fact| as_mail_parser(&fact)).collect();
        ours.extend(bodies(&scan(message)));
        differences.compare(path, &ours, &theirs, why_mail_parser_differs);
    }
    differences.expect(&[
        // Python and we take the first Cc field, mail-parser the last.
        ("two Cc fields", 14),
        ("address that is none", 24),
        // mail-parser reads encoded words and raw octets as text, where a local part has them.
        ("local part that is not ASCII", 14),
        // `<a@b> (added by c)`, or none at all: the field is told as it stands (RFC 9051 §7.5.2).
        ("Message-ID that is none", 18),
        // Its boundary line never comes: mail-parser makes it a leaf.
        ("multipart without parts", 2),
        // A boundary line with text behind it: for us it is none (`message/scan.rs` says why).
        ("text behind the boundary", 1),
    ]);
}

fn why_mail_parser_differs(name: &str, ours: &[&str], theirs: &[&str]) -> &'static str {
    let is_plain = |it: &&str| it.is_ascii() && !it.contains("=?");
    match name {
        "cc" if ours.iter().all(is_plain)
            && theirs.iter().all(|it| !ours.contains(it))
            && ours.iter().all(|it| it.contains('.')) =>
        {
            "two Cc fields"
        }
        "message-id" => "Message-ID that is none",
        "from" | "to" | "cc" | "bcc" if ours.iter().all(is_plain) => "address that is none",
        "from" | "to" | "cc" | "bcc" => "local part that is not ASCII",
        "body" if ours.is_empty() => "multipart without parts",
        "body" => "text behind the boundary",
        _ => "",
    }
}

/// Where the bodies of all parts lie that are no multipart; what attached messages hold is left out.
fn bodies(summary: &Summary) -> Vec<String> {
    let is_single =
        |number: &[u32]| matches!(summary.structure_of(number), Some(BodyStructure::Single { .. }));
    let parts = summary.parts().iter().filter(|part| !part.number.is_empty());
    let outside =
        parts.filter(|part| !(1..part.number.len()).any(|length| is_single(&part.number[..length])));
    outside
        .filter(|part| is_single(&part.number))
        .map(|part| format!("body {} {}", part.body.0, part.body.0 + part.body.1))
        .collect()
}

/// What mail-parser tells too: sizes of parts outside of attached messages, addresses without names.
fn as_mail_parser(fact: &str) -> Option<String> {
    let mut words = fact.splitn(2, ' ');
    let (name, rest) = (words.next()?, words.next()?);
    match name {
        "message-id" => Some(format!("message-id {}", rest.trim_matches(['<', '>']))),
        "from" | "to" | "cc" | "bcc" => Some(format!("{name} {}", rest.rsplit_once('|')?.1)),
        _ => None,
    }
}

fn mail_parser_facts(message: &[u8]) -> Vec<String> {
    let Some(message) = mail_parser::MessageParser::default().parse(message) else { return Vec::new() };
    let mut facts = Vec::new();
    facts.extend(message.message_id().map(|id| format!("message-id {id}")));
    let lists =
        [("from", message.from()), ("to", message.to()), ("cc", message.cc()), ("bcc", message.bcc())];
    for (name, list) in lists {
        let addresses = list.into_iter().flat_map(|list| list.iter());
        let shown =
            |it: &mail_parser::Addr<'_>| it.address.as_ref().map(|address| format!("{name} {address}"));
        facts.extend(addresses.filter_map(shown));
    }
    let singles =
        message.parts.iter().filter(|part| !matches!(part.body, mail_parser::PartType::Multipart(_)));
    facts.extend(singles.map(|part| format!("body {} {}", part.offset_body, part.offset_end)));
    facts
}

/// Where two readings differ, by the reason.
#[derive(Default)]
struct Differences {
    counts: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Differences {
    /// Compares two readings, fact by fact, those of one name (for parts: of one number) together.
    fn compare(
        &mut self,
        path: &str,
        ours: &[String],
        theirs: &[String],
        why: impl Fn(&str, &[&str], &[&str]) -> &'static str,
    ) {
        let mut both: BTreeMap<String, [Vec<&str>; 2]> = BTreeMap::new();
        for (side, facts) in [(0, ours), (1, theirs)] {
            for fact in facts.iter().filter(|fact| !fact.is_empty()) {
                let words: Vec<_> = fact.split(' ').collect();
                let key = if words[0] == "part" { words[..2].join(" ") } else { words[0].to_owned() };
                both.entry(key).or_default()[side].push(fact);
            }
        }
        for (key, [ours, theirs]) in both {
            if ours == theirs {
                continue;
            }
            let name = key.split(' ').next().unwrap_or(&key);
            let reason = why(name, &ours, &theirs);
            *self.counts.entry(reason).or_default() += 1;
            if reason.is_empty() {
                self.unexplained.push(format!("{path}: ours {ours:?} theirs {theirs:?}"));
            }
        }
    }

    fn expect(&self, expected: &[(&'static str, usize)]) {
        self.unexplained.iter().for_each(|it| println!("{it}"));
        assert_eq!(self.counts, expected.iter().copied().collect::<BTreeMap<_, _>>());
    }
}
