//! [`Mail`]: messages that look like those of people: threads, MIME, attachments, several languages.

use std::fmt::Write as _;

use super::Failure;
use super::corpus::Corpus;
use super::random::Random;
use crate::bench::Source;

/// Messages of a [`Source`].
pub(crate) enum Messages {
    Generated(Mail),
    Corpus(Corpus),
}

impl Source {
    /// Messages that come again with the seed, where they are made up with so many octets on average.
    pub(crate) fn mail(self, seed: u64, mean_octets: usize) -> Result<Messages, Failure> {
        Ok(match self {
            Self::Generated => Messages::Generated(Mail::new(seed, mean_octets)),
            Self::Corpus => Messages::Corpus(Corpus::read(seed)?),
        })
    }
}

impl Messages {
    /// The next `count` messages.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<Vec<u8>> {
        match self {
            Self::Generated(mail) => mail.messages(count),
            Self::Corpus(corpus) => (0..count).map(|_| corpus.message()).collect(),
        }
    }
}

/// Makes messages; the same seed and mean give the same ones.
#[derive(Debug)]
pub(crate) struct Mail {
    random: Random,
    mean_octets: usize,
    /// Words in lines, from which bodies are cut.
    words: String,
    /// Base64 in lines, from which attachments are cut.
    base64: String,
    made: usize,
}

const WORDS: &[&str] = &[
    "harbour",
    "ledger",
    "lantern",
    "meadow",
    "quiet",
    "parcel",
    "stamp",
    "window",
    "ferry",
    "orchard",
    "copper",
    "winter",
    "letter",
    "bridge",
    "candle",
    "signal",
    "garden",
    "museum",
    "thunder",
    "velvet",
    "Grüße",
    "naïve",
    "café",
    "東京",
    "письмо",
    "señor",
];
const PEOPLE: &[(&str, &str)] = &[
    ("Ann Verhoeven", "ann"),
    ("Bo Lindqvist", "bo"),
    ("Chidi Okafor", "chidi"),
    ("=?UTF-8?Q?=C3=89mile_Bront=C3=AB?=", "emile"),
    ("=?UTF-8?B?6Jek55SwIOiKsQ==?=", "hana"),
    ("\"O'Neil, Zoe\"", "zoe"),
];
const POOL_OCTETS: usize = 1 << 20;
const LINE_OCTETS: usize = 76;

impl Mail {
    /// Messages of `mean_octets` on average: many small ones, some of the mean, few of six times that.
    pub(crate) fn new(seed: u64, mean_octets: usize) -> Self {
        let mut random = Random::new(seed);
        let (mut words, mut base64) = (String::new(), String::new());
        let mut column = 0;
        while words.len() < POOL_OCTETS {
            let word = random.choose(WORDS);
            words.push_str(word);
            column += word.len() + 1;
            words.push_str(if column > LINE_OCTETS - 12 { "\r\n" } else { " " });
            column %= LINE_OCTETS - 11;
        }
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        while base64.len() < POOL_OCTETS {
            (0..LINE_OCTETS).for_each(|_| base64.push(char::from(*random.choose(DIGITS))));
            base64.push_str("\r\n");
        }
        Self { random, mean_octets, words, base64, made: 0 }
    }

    /// The next message; every line ends in CRLF.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let number = self.made;
        self.made += 1;
        let octets = match self.random.below(10) {
            0..=5 => self.mean_octets / 5,
            6..=8 => self.mean_octets,
            _ => self.mean_octets * 58 / 10,
        };
        let mut text = self.head(number);
        match self.random.below(4) {
            0 => self.plain(&mut text, octets),
            1 => self.alternative(&mut text, octets),
            _ => self.attachment(&mut text, octets),
        }
        text.into_bytes()
    }

    /// The next `count` messages.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.message()).collect()
    }

    fn head(&mut self, number: usize) -> String {
        let (name, user) = *self.random.choose(PEOPLE);
        let (to_name, to) = *self.random.choose(PEOPLE);
        let subject = (self.random.choose(WORDS), self.random.choose(WORDS));
        let mut text = format!(
            "Return-Path: <{user}@example.org>\r\nReceived: from relay{}.example.net by mx.example.org with ESMTPS id {:012x};\r\n\
             \tMon, 5 Oct 2026 10:{:02}:{:02} +0200\r\nDate: Mon, 5 Oct 2026 10:{:02}:{:02} +0200\r\nFrom: {name} <{user}@example.org>\r\n\
             To: {to_name} <{to}@example.org>, list{}@lists.example.net\r\nMessage-ID: <{number}.{:x}@example.org>\r\n",
            self.random.below(9),
            self.random.next() >> 16,
            number / 60 % 60,
            number % 60,
            number / 60 % 60,
            number % 60,
            number % 7,
            number.wrapping_mul(0x9e37_79b9) & 0xffff_ffff,
        );
        // A third answers an earlier message.
        let is_answer = number > 10 && self.random.below(3) == 0;
        let encoded = |word: &str| {
            if word.is_ascii() {
                return word.to_owned();
            }
            word.bytes().fold("=?UTF-8?Q?".to_owned(), |text, octet| text + &format!("={octet:02X}")) + "?="
        };
        let (first, second) = (encoded(subject.0), encoded(subject.1));
        if is_answer {
            let parent = number - 1 - self.random.below(10);
            let id = format!("<{parent}.{:x}@example.org>", parent.wrapping_mul(0x9e37_79b9) & 0xffff_ffff);
            let _ = write!(
                text,
                "In-Reply-To: {id}\r\nReferences: {id}\r\nSubject: Re: {first} {second} {parent}\r\n"
            );
        } else {
            let _ = write!(text, "Subject: {first} {second} {number}\r\n");
        }
        text + "MIME-Version: 1.0\r\n"
    }

    fn plain(&mut self, text: &mut String, octets: usize) {
        *text += "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
        *text += &self.prose(octets);
    }

    fn alternative(&mut self, text: &mut String, octets: usize) {
        let (plain, html) = (self.prose(octets / 3), self.prose(octets / 2));
        let _ = write!(
            text,
            "Content-Type: multipart/alternative; boundary=\"=_alt\"\r\n\r\n--=_alt\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{plain}\r\n--=_alt\r\nContent-Type: text/html; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n<html><body><p>{html}</p></body></html>\r\n--=_alt--\r\n"
        );
    }

    fn attachment(&mut self, text: &mut String, octets: usize) {
        let (prose, file) = (self.prose(octets / 8), self.lines_of_base64(octets * 3 / 4));
        let _ = write!(
            text,
            "Content-Type: multipart/mixed; boundary=\"=_mixed\"\r\n\r\n--=_mixed\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{prose}\r\n--=_mixed\r\nContent-Type: application/pdf; name=\"report.pdf\"\r\n\
             Content-Disposition: attachment; filename=\"report.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n{file}--=_mixed--\r\n"
        );
    }

    fn prose(&mut self, octets: usize) -> String {
        repeat(&self.words, self.random.next(), octets) + "\r\n"
    }

    fn lines_of_base64(&mut self, octets: usize) -> String {
        repeat(&self.base64, self.random.next(), octets)
    }
}

/// About `octets` of `pool` in whole lines, from a line that `at` chooses.
fn repeat(pool: &str, at: u64, octets: usize) -> String {
    let lines_from = |from: usize| pool[from..].find("\r\n").map_or(0, |end| from + end + 2);
    let mut from = usize::try_from(at % (pool.len() as u64 / 2)).expect("inside the pool");
    while !pool.is_char_boundary(from) {
        from += 1;
    }
    let mut from = lines_from(from);
    let mut text = String::with_capacity(octets + LINE_OCTETS);
    while text.len() < octets {
        let end = lines_from(from);
        if end == 0 || end >= pool.len() {
            from = 0;
            continue;
        }
        text.push_str(&pool[from..end]);
        from = end;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_again_with_the_seed_and_have_the_mean() {
        let made = Mail::new(1, 20_000).messages(500);
        assert_eq!(made, Mail::new(1, 20_000).messages(500));
        let mean = made.iter().map(Vec::len).sum::<usize>() / made.len();
        assert!((14_000..26_000).contains(&mean), "{mean}");
        for message in &made {
            let text = std::str::from_utf8(message).expect("UTF-8");
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "a bare line end");
            assert!(text.lines().all(|line| line.len() < 998), "a long line");
        }
    }
}
