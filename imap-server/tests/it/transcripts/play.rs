//! Plays a script, or writes down what the server says.

use super::pattern::{Captures, matches};
use super::script::{Kind, Line, Script};
use super::stage::{Connection, Stage};
use imap_server::session::Next;

/// In which pieces the client's octets come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pieces {
    /// Each line of the script at once.
    Lines,
    /// One by one.
    Octets,
    /// In pieces of random length, from this seed.
    Random(u64),
    /// Everything at once, before anything is looked at.
    Pipelined,
}

/// Plays a script; the error says which line was not as it should be.
pub(super) async fn play(script: &Script, pieces: Pieces) -> Result<(), String> {
    let mut stage = Stage::build(script).await;
    let mut captures = Captures::new();
    let mut chance = match pieces {
        Pieces::Random(seed) => seed,
        _ => 0,
    };
    if pieces == Pieces::Pipelined {
        let octets: Vec<u8> = script.lines.iter().flat_map(client_octets).copied().collect();
        for line in &script.lines {
            begin(&mut stage, line).await;
        }
        stage.connections.get_mut(&1).expect("connection 1").feed(&octets).await;
    }
    for (index, line) in script.lines.iter().enumerate() {
        if pieces != Pieces::Pipelined {
            begin(&mut stage, line).await;
        }
        let at = |what: String| format!("line {}: {what}", line.number);
        match &line.kind {
            Kind::Client(number, octets, at_once) if pieces != Pieces::Pipelined => {
                if let Some(unexpected) = connection(&mut stage, *number).next_line() {
                    return Err(at(format!("the server had sent more: {unexpected}")));
                }
                let pieces = if *at_once { Pieces::Lines } else { pieces };
                feed(connection(&mut stage, *number), octets, pieces, &mut chance).await;
                tell_news(&mut stage).await;
            }
            Kind::Server(number, pattern) => {
                let sent = connection(&mut stage, *number).next_line();
                let sent = sent.ok_or_else(|| at(format!("nothing came where this should: {pattern}")))?;
                if forbidden(script, index, *number).any(|not| matches(not, &sent, &mut captures.clone())) {
                    return Err(at(format!("this came too early: {sent}")));
                }
                if !matches(pattern, &sent, &mut captures) {
                    return Err(at(format!("\n  expected {pattern}\n  came     {sent}")));
                }
            }
            Kind::Event(number, event) => {
                happen(connection(&mut stage, *number), event).await.map_err(at)?;
            }
            _ => {}
        }
    }
    for (number, connection) in &mut stage.connections {
        if let Some(unexpected) = connection.next_line() {
            return Err(format!("at the end, connection {number} had sent more: {unexpected}"));
        }
    }
    Ok(())
}

/// Plays a script and writes it with the lines that the server really sends. A line that matches stays as it is.
pub(super) async fn update(script: &Script) -> String {
    let mut stage = Stage::build(script).await;
    let mut captures = Captures::new();
    let mut text = String::new();
    for line in &script.lines {
        let mut keep = true;
        if let Kind::Server(number, pattern) = &line.kind {
            let connection = connection(&mut stage, *number);
            if let Some(sent) = connection.next_line() {
                keep = matches(pattern, &sent, &mut captures);
                if !keep {
                    write_line(&mut text, *number, &sent);
                }
            } else {
                keep = false;
            }
        } else if !matches!(line.kind, Kind::Not(..)) {
            write_rest(&mut stage, &mut text);
        }
        if keep {
            text.push_str(&line.text);
            text.push('\n');
        }
        begin(&mut stage, line).await;
        match &line.kind {
            Kind::Client(number, octets, _) => {
                feed(connection(&mut stage, *number), octets, Pieces::Lines, &mut 0).await;
                tell_news(&mut stage).await;
            }
            Kind::Event(number, event) => {
                if let Err(error) = happen(connection(&mut stage, *number), event).await {
                    panic!("line {}: {error}", line.number);
                }
            }
            _ => {}
        }
    }
    write_rest(&mut stage, &mut text);
    text
}

fn write_rest(stage: &mut Stage, text: &mut String) {
    for (number, connection) in &mut stage.connections {
        while let Some(sent) = connection.next_line() {
            write_line(text, *number, &sent);
        }
    }
}

/// Writes a line of the server, its words for people as `$text`.
fn write_line(text: &mut String, number: usize, sent: &str) {
    let mut words = sent.splitn(3, ' ');
    let (tag, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_status = ["OK", "NO", "BAD", "BYE"].contains(&kind);
    let line = if is_status && let Some(rest) = words.next() {
        match rest.split_once("] ").filter(|_| rest.starts_with('[')) {
            Some((code, _)) => format!("{tag} {kind} {code}] $text"),
            None => format!("{tag} {kind} $text"),
        }
    } else if sent == "+ " {
        "+ $empty".to_owned()
    } else {
        sent.to_owned()
    };
    text.push_str(&format!("{number}S: {line}\n"));
}

async fn begin(stage: &mut Stage, line: &Line) {
    if let Kind::Begin { connections, how } = &line.kind {
        for &number in connections {
            stage.connect(number, how).await;
        }
    }
}

fn connection(stage: &mut Stage, number: usize) -> &mut Connection {
    stage.connections.get_mut(&number).unwrap_or_else(|| panic!("connection {number} was not begun"))
}

async fn feed(connection: &mut Connection, octets: &[u8], pieces: Pieces, chance: &mut u64) {
    let mut rest = octets;
    while !rest.is_empty() {
        let len = match pieces {
            Pieces::Lines | Pieces::Pipelined => rest.len(),
            Pieces::Octets => 1,
            Pieces::Random(_) => {
                *chance =
                    chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let up_to_twelve = 1 + (*chance >> 33) % 12;
                usize::try_from(up_to_twelve).expect("twelve at most").min(rest.len())
            }
        };
        let (piece, behind) = rest.split_at(len);
        connection.feed(piece).await;
        rest = behind;
    }
}

async fn tell_news(stage: &mut Stage) {
    for connection in stage.connections.values_mut() {
        connection.news().await;
    }
}

/// The `S!` lines of a connection that hold for the `S:` line at `index`: those between it and the `S:` line before.
fn forbidden(script: &Script, index: usize, number: usize) -> impl Iterator<Item = &str> {
    let before = script.lines[..index].iter().rev();
    before.take_while(move |line| !matches!(&line.kind, Kind::Server(n, _) if *n == number)).filter_map(
        move |line| match &line.kind {
            Kind::Not(n, pattern) if *n == number => Some(pattern.as_str()),
            _ => None,
        },
    )
}

async fn happen(connection: &mut Connection, event: &str) -> Result<(), String> {
    match event {
        "closed" if connection.next == Next::Close => {}
        "tls" if connection.next == Next::StartTls => connection.start_tls().await,
        "times out" => connection.time_out().await,
        "server stops" => connection.shut_down().await,
        event => return Err(format!("not {event}, but {:?}", connection.next)),
    }
    Ok(())
}

fn client_octets(line: &Line) -> &[u8] {
    match &line.kind {
        Kind::Client(_, octets, _) => octets,
        _ => &[],
    }
}
