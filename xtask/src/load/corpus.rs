//! [`Corpus`]: real mail (`cargo xtask corpus`), again and again, each time with a Message-ID of its own.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, while_doing};

/// The messages of the corpus in the order of their names.
#[derive(Debug)]
pub(crate) struct Corpus {
    messages: Vec<Vec<u8>>,
    made: usize,
}

impl Corpus {
    /// Reads it; beginning with another message for another seed.
    pub(crate) fn read(seed: u64) -> Result<Self, Failure> {
        let dir = crate::root().join("target/corpus/spam-assassin");
        let mut files = Vec::new();
        files_in(&dir, &mut files)
            .map_err(|error| format!("{}: {error}; `cargo xtask corpus` fetches it", dir.display()))?;
        files.sort();
        let mut messages = Vec::with_capacity(files.len());
        for file in files {
            messages.push(fs::read(&file).map_err(while_doing("the corpus"))?);
        }
        if messages.is_empty() {
            return Err(format!("{} has no messages", dir.display()));
        }
        let made = usize::try_from(seed).unwrap_or(0) % messages.len();
        Ok(Self { messages, made })
    }

    /// The next message.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let message = &self.messages[self.made % self.messages.len()];
        self.made += 1;
        with_id(message, self.made)
    }
}

fn files_in(dir: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files_in(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The message with that Message-ID in place of its own, or before everything where it has none.
fn with_id(message: &[u8], number: usize) -> Vec<u8> {
    let field = format!("Message-ID: <{number}@corpus.example.org>\r\n");
    let header = memchr::memmem::find(message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let mut from = 0;
    while from < header {
        let line = memchr::memmem::find(&message[from..header], b"\r\n").map_or(header, |at| from + at + 2);
        if message[from..line].get(..11).is_some_and(|name| name.eq_ignore_ascii_case(b"message-id:")) {
            // A folded field keeps its other lines, which then are part of this one.
            return [&message[..from], field.as_bytes(), &message[line..]].concat();
        }
        from = line;
    }
    [field.as_bytes(), message].concat()
}

#[test]
fn every_message_has_its_own_id() {
    let made = |message: &[u8]| String::from_utf8(with_id(message, 7)).expect("text");
    let field = "Message-ID: <7@corpus.example.org>\r\n";
    assert_eq!(made(b"From: a\r\nMESSAGE-Id: <x@y>\r\n\r\nb"), format!("From: a\r\n{field}\r\nb"));
    assert_eq!(made(b"From: a\r\n\r\nMessage-ID: b"), format!("{field}From: a\r\n\r\nMessage-ID: b"));
}
