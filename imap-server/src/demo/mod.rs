//! `serve --demo`: a user, some mail, and the very lines to paste.

mod text;

use std::io;
use std::path::{Path, PathBuf};

use imap_auth::Secret;
use imap_proto::types::{DateTime, Flag, Keyword, MailboxName, SystemFlag};
use imap_store::account::{Account, NewMessage};
use imap_store::{Store, StoreError};

use crate::users::{UserError, Users};

pub use text::text;

/// Octets of a segment file of a demo.
pub(crate) const SEGMENT_OCTETS: u64 = 16 << 20;
/// The user's name.
const USER: &str = "demo";
/// Letters and digits that nobody takes for one another; 32 of them, so that each is worth five bits.
const PASSWORD_ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const PASSWORD_LETTERS: usize = 20;

/// What stands ready.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The user's password when it was made just now: it is kept nowhere and told once.
    pub password: Option<String>,
    /// A message to append.
    pub to_append: PathBuf,
}

/// A sample message, and where it goes.
struct Sample {
    mailbox: &'static str,
    text: &'static str,
    flags: &'static [SystemFlag],
    keyword: Option<&'static str>,
    /// INTERNALDATE, seconds since 1970.
    arrived: i64,
}

const SAMPLES: &[Sample] = &[
    Sample {
        mailbox: "INBOX",
        text: include_str!("messages/old.eml"),
        flags: &[SystemFlag::Seen, SystemFlag::Answered],
        keyword: None,
        arrived: 597_362_531,
    },
    Sample {
        mailbox: "INBOX",
        text: include_str!("messages/welcome.eml"),
        flags: &[SystemFlag::Flagged],
        keyword: None,
        arrived: 1_793_610_000,
    },
    Sample {
        mailbox: "INBOX",
        text: include_str!("messages/newsletter.eml"),
        flags: &[],
        keyword: None,
        arrived: 1_793_683_800,
    },
    Sample {
        mailbox: "Projects/Garden",
        text: include_str!("messages/attachment.eml"),
        flags: &[SystemFlag::Seen],
        keyword: Some("$Important"),
        arrived: 1_793_808_312,
    },
    Sample {
        mailbox: "Projects/Garden/Fence",
        text: include_str!("messages/forwarded.eml"),
        flags: &[],
        keyword: None,
        arrived: 1_793_857_500,
    },
    Sample {
        mailbox: "Projects/Garden/Fence",
        text: include_str!("messages/reply.eml"),
        flags: &[],
        keyword: None,
        arrived: 1_793_859_600,
    },
    Sample {
        mailbox: "Reisen/Zürich",
        text: include_str!("messages/encoded.eml"),
        flags: &[],
        keyword: None,
        arrived: 1_793_962_800,
    },
];

/// Makes the user and the mail where they are missing, and a message to append. What is there is left alone.
pub(crate) async fn prepare(
    store: &Store,
    users: &Users,
    data: &Path,
) -> Result<Prepared, Box<dyn std::error::Error + Send + Sync>> {
    let to_append = data.join("demo-message.eml");
    std::fs::write(&to_append, with_crlf(include_str!("messages/to-append.eml")))?;
    let password = match users.find(USER) {
        Ok(_) => None,
        Err(UserError::Store(StoreError::NonExistent { .. })) => Some(make_user(store, users).await?),
        Err(error) => return Err(error.into()),
    };
    Ok(Prepared { password, to_append })
}

async fn make_user(store: &Store, users: &Users) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let password = generate_password()?;
    let user = users.create(USER, Secret::new(password.as_str())).await?;
    let store = store.clone();
    let account = tokio::task::spawn_blocking(move || store.account(user.account)).await??;
    for sample in SAMPLES {
        append(&account, sample).await?;
    }
    Ok(password)
}

async fn append(account: &Account, sample: &Sample) -> Result<(), StoreError> {
    let name = MailboxName::new(sample.mailbox).expect("the samples' names are names");
    let found = account.snapshot().mailbox_named(&name).map(|mailbox| mailbox.id());
    let mailbox = match found {
        Some(id) => id,
        None => account.create(name.clone(), None).await?,
    };
    account.subscribe(name).await?;
    let mut upload = account.upload();
    upload.write(with_crlf(sample.text).as_bytes()).await?;
    let keyword = sample.keyword.and_then(Keyword::new).map(Flag::Keyword);
    let message = NewMessage {
        uploaded: upload.finish().await?,
        flags: sample.flags.iter().copied().map(Flag::System).chain(keyword).collect(),
        internal_date: DateTime::new(sample.arrived, 0),
    };
    account.append(mailbox, vec![message]).await?;
    Ok(())
}

/// The samples stand in the repository with the line ends of a text file; mail has CRLF.
fn with_crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// A hundred bits of chance that can be read aloud and need no quoting anywhere.
fn generate_password() -> Result<String, io::Error> {
    let mut chance = [0; PASSWORD_LETTERS];
    getrandom::fill(&mut chance).map_err(|error| io::Error::other(error.to_string()))?;
    let letter = |octet: &u8| char::from(PASSWORD_ALPHABET[usize::from(octet % 32)]);
    Ok(chance.iter().map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_plain_and_different() {
        let (one, other) = (generate_password().expect("chance"), generate_password().expect("chance"));
        assert_ne!(one, other);
        assert_eq!(one.len(), PASSWORD_LETTERS);
        assert!(one.bytes().all(|octet| octet.is_ascii_alphanumeric()));
    }

    #[test]
    fn samples_are_whole_messages_with_crlf() {
        for sample in SAMPLES {
            let text = with_crlf(sample.text);
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{}", sample.mailbox);
            let (header, body) = text.split_once("\r\n\r\n").expect("a header and a body");
            assert!(header.contains("Subject: ") && !body.is_empty());
        }
    }
}
