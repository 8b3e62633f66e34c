//! Searches over small messages.

use imap_proto::types::{Date, DateTime, Keyword, ModSeq, SeqNum, SequenceSet, SetEnd, SystemFlag, Uid};
use proptest::prelude::*;

use super::charset::Charset;
use super::key::{Cost, Key, View};
use super::*;
use crate::account::{Flags, MessageNumber};
use crate::message::Scanner;

/// One message, number 2 of 3 with UID 20 of 30, and what was asked for.
struct Shelf {
    octets: Bytes,
    summary: Summary,
    reads: u32,
}

impl Shelf {
    fn new(octets: &[u8]) -> Self {
        let mut scanner = Scanner::new();
        scanner.feed(octets);
        Self { octets: Bytes::copy_from_slice(octets), summary: scanner.finish(), reads: 0 }
    }

    fn message(&self) -> MessageRef {
        MessageRef {
            seq_num: SeqNum::new(2).expect("not 0"),
            uid: Uid::new(20).expect("not 0"),
            mod_seq: ModSeq::new(1).expect("63 bits"),
            flags: Flags::default(),
            size_octets: self.octets.len() as u64,
            internal_date: DateTime::new(1_767_225_600, 60).expect("in range"),
            saved_at: 0,
            number: MessageNumber(1),
        }
    }

    fn has(&mut self, key: &SearchKey) -> bool {
        let (recent, saved) = ([20].into_iter().collect(), [20, 30].into_iter().collect());
        let view = View { recent: &recent, saved: &saved, keywords: &[], now: 0, highest: Some((3, 30)) };
        let charset = Charset::named(None).expect("the default is known");
        let key = Key::prepare(key, charset, &view).expect("the strings are UTF-8");
        key.matches(&self.message(), &view, self).expect("the shelf does not fail")
    }
}

impl Source for Shelf {
    fn summary(&mut self, _: &MessageRef) -> Result<Summary, StoreError> {
        Ok(self.summary.clone())
    }
    /// Never more than 7 octets, so that everything lies across pieces somewhere.
    fn read(&mut self, _: &MessageRef, range: std::ops::Range<u64>) -> Result<Bytes, StoreError> {
        self.reads += 1;
        let end = if self.summary.parts().iter().any(|part| part.header.0 == range.start) {
            range.end
        } else {
            range.end.min(range.start + 7)
        };
        Ok(self.octets.slice(range.start as usize..end as usize))
    }
}

const MESSAGE: &str = "Received: by hidden.example\r\n\
Date: Thu, 1 Jan 2026 23:30:00 -0800\r\n\
From: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>\r\n\
To: ann@example.org,\r\n bob@example.org\r\n\
Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\n =?utf-8?b?IGF1cyBCZXJsaW4=?=\r\n\
Content-Type: multipart/mixed; boundary=b\r\n\r\n\
preamble nobody sees\r\n\
--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
Erste Zeile mit =C4pfeln und Bir=\r\nnen.\r\n\
--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n\
PHA+S8O8PGI+Y2hlPC9iPiAmYW1wOyZuYnNwO0JhZDwvcD4=\r\n\
--b\r\nContent-Type: image/png; name=secret.png\r\nContent-Transfer-Encoding: base64\r\n\r\ncGljdHVyZQ==\r\n\
--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?q?angeh=C3=A4ngt?=\r\n\r\ninner words\r\n\
--b--\r\nepilogue\r\n";

#[test]
fn strings() {
    let mut shelf = Shelf::new(MESSAGE.as_bytes());
    let header = |name: &str, text: &str| {
        SearchKey::Header(Bytes::copy_from_slice(name.as_bytes()), text.to_owned().into())
    };
    let body = |text: &str| SearchKey::Body(text.to_owned().into());
    let text = |text: &str| SearchKey::Text(text.to_owned().into());
    for (key, expected) in [
        (header("From", "JÖRG <joerg"), true),
        (header("from", "=?utf-8"), false),
        (header("To", "ann@example.org, BOB"), true),
        (header("Subject", "grüße aus berlin"), true),
        (header("Subject", "Berlin"), true),
        (header("Subject", "Paris"), false),
        (header("Received", "HIDDEN"), true),
        (header("Received", ""), true),
        (header("Cc", ""), false),
        (header("X-None", ""), false),
        (body("äpfeln und birnen"), true),
        (body("küche & bad"), true),
        (body("<p>"), false),
        (body("picture"), false),
        (body("secret.png"), false),
        (body("preamble"), false),
        (body("epilogue"), false),
        (body("angehängt"), true),
        (body("inner words"), true),
        (body("hidden"), false),
        (body(""), true),
        (text("received: by HIDDEN"), true),
        (text("secret.png"), true),
        (text("birnen"), true),
        (text("angehängt"), true),
        (text("nowhere"), false),
    ] {
        assert_eq!(shelf.has(&key), expected, "{key:?}");
    }
}

#[test]
fn numbers_dates_and_sets() {
    let mut shelf = Shelf::new(MESSAGE.as_bytes());
    let size = MESSAGE.len() as u64;
    let day = |day| Date::new(2026, 1, day).expect("it exists");
    let set = |from: u32, to: Option<u32>| {
        let end = |number| std::num::NonZeroU32::new(number).map_or(SetEnd::Star, SetEnd::Number);
        SequenceSet::from((end(from), end(to.unwrap_or(0))))
    };
    for (key, expected) in [
        (SearchKey::All, true),
        (SearchKey::Flag(SystemFlag::Seen), false),
        (SearchKey::Recent, true),
        (SearchKey::Keyword(Keyword::new("x").expect("an atom")), false),
        (SearchKey::SequenceSet(set(2, Some(1))), true),
        (SearchKey::SequenceSet(set(3, None)), false),
        (SearchKey::SequenceSet(SequenceSet::Saved), true),
        (SearchKey::Uid(set(20, None)), true),
        (SearchKey::Uid(set(2, Some(3))), false),
        (SearchKey::Uid(SequenceSet::Saved), true),
        (SearchKey::On(day(1)), true),
        (SearchKey::Since(day(1)), true),
        (SearchKey::Before(day(1)), false),
        (SearchKey::SentOn(day(1)), true),
        (SearchKey::SentBefore(day(2)), true),
        (SearchKey::SentSince(day(2)), false),
        (SearchKey::Larger(size), false),
        (SearchKey::Larger(size - 1), true),
        (SearchKey::Smaller(size), false),
        (SearchKey::Not(Box::new(SearchKey::Recent)), false),
        (SearchKey::Or(Box::new(SearchKey::Larger(size)), Box::new(SearchKey::All)), true),
        (SearchKey::And(vec![SearchKey::All, SearchKey::Larger(size)]), false),
    ] {
        assert_eq!(shelf.has(&key), expected, "{key:?}");
    }
    assert_eq!(shelf.reads, 0, "none of them opens the body");
}

#[test]
fn a_message_without_a_date_was_sent_on_no_day() {
    let mut shelf = Shelf::new(b"Subject: x\r\n\r\n");
    let day = Date::new(2026, 1, 1).expect("it exists");
    assert!(!shelf.has(&SearchKey::SentBefore(day)) && !shelf.has(&SearchKey::SentSince(day)));
}

#[test]
fn cheap_keys_are_asked_first() {
    let mut shelf = Shelf::new(MESSAGE.as_bytes());
    let dear = SearchKey::Body(Bytes::from_static(b"x"));
    let key = SearchKey::And(vec![dear.clone(), SearchKey::Larger(u64::MAX)]);
    assert!(!shelf.has(&key));
    assert!(shelf.has(&SearchKey::Or(Box::new(dear), Box::new(SearchKey::All))));
    assert_eq!(shelf.reads, 0);
    let view =
        View { recent: &NumberSet::new(), saved: &NumberSet::new(), keywords: &[], now: 0, highest: None };
    let charset = Charset::named(None).expect("the default is known");
    let prepared = Key::prepare(&key, charset, &view).expect("the string is UTF-8");
    assert_eq!(prepared.cost(), Cost::Body);
}

#[test]
fn a_listing_field_is_found_without_the_body() {
    let mut shelf = Shelf::new(MESSAGE.as_bytes());
    assert!(shelf.has(&SearchKey::Header(Bytes::from_static(b"subject"), Bytes::from_static(b"berlin"))));
    assert_eq!(shelf.reads, 0);
}

proptest! {
    /// Whatever stands in a text part is found there, wherever it lies and however it is written.
    #[test]
    fn every_substring_of_a_text_is_found(text in "[a-zA-ZäöüÄÖÜ€ =.]{1,80}", from in 0_usize..80, length in 1_usize..20, plain in any::<bool>()) {
        let encoded: String = text.bytes().map(|octet| format!("={octet:02X}")).collect();
        let (encoding, encoded) = if plain { ("8bit", text.clone()) } else { ("quoted-printable", encoded) };
        let message = format!("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{encoded}");
        let wanted: String = text.chars().skip(from % text.chars().count()).take(length).collect();
        let (there, not_there) = (wanted.to_uppercase(), wanted.clone() + "#");
        let mut shelf = Shelf::new(message.as_bytes());
        prop_assert!(shelf.has(&SearchKey::Body(there.into())));
        prop_assert!(!shelf.has(&SearchKey::Body(not_there.into())));
    }

    #[test]
    fn no_message_makes_a_search_fail(octets in prop::collection::vec(any::<u8>(), 0..300), html in any::<bool>()) {
        let kind = if html { "html" } else { "plain; charset=iso-2022-jp" };
        let message = [format!("Content-Type: text/{kind}\r\nSubject: ").as_bytes(), &octets, b"\r\n\r\n", &octets].concat();
        let mut shelf = Shelf::new(&message);
        shelf.has(&SearchKey::Text(Bytes::from_static(b"x")));
        shelf.has(&SearchKey::Header(Bytes::from_static(b"Subject"), Bytes::from_static(b"x")));
    }
}
