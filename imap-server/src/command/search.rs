//! SEARCH and UID SEARCH (RFC 3501 §6.4.4, RFC 9051 §6.4.4).

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use imap_proto::command::Search;
use imap_proto::response::Code;
use imap_proto::types::{NumberSet, SeqNum};
use imap_proto::wire::write;
use imap_store::StoreError;
use imap_store::account::{Account, Mailbox, MessageRef, Snapshot};
use imap_store::message::Summary;
use imap_store::search::{Context, Query, Source, charsets};

use super::{Ctx, Done, Halt, Refusal, blocking};

/// How long one piece of a search may hold a thread: then it can be dropped.
const PIECE_TIME: Duration = Duration::from_millis(50);

/// SEARCH: the numbers or UIDs of the messages that match, in one untagged line, which is there also when nothing does.
pub(super) async fn search(ctx: &mut Ctx<'_>, cmd: &Search) -> Result<Done, Halt> {
    let mut hunt = Hunt::new(ctx, cmd)?;
    while !hunt.is_done() {
        hunt = blocking(move || hunt.go_on()).await??;
    }
    let out = &mut ctx.out;
    out.buffer.extend_from_slice(b"* SEARCH");
    for number in hunt.found {
        out.buffer.push(b' ');
        write::number(&mut out.buffer, u64::from(number));
        out.flush_if_full().await?;
    }
    out.buffer.extend_from_slice(b"\r\n");
    Ok(Done::text("Searched"))
}

/// A search under way.
struct Hunt {
    query: Query,
    mailbox: Arc<Mailbox>,
    recent: NumberSet,
    opener: Opener,
    by_uid: bool,
    next: u32,
    found: Vec<u32>,
}

impl Hunt {
    fn new(ctx: &Ctx<'_>, cmd: &Search) -> Result<Self, Halt> {
        let view = ctx.view()?;
        let context = Context { mailbox: view.mailbox(), recent: view.recent(), saved: &NumberSet::new() };
        let query = Query::prepare(&cmd.key, cmd.charset.as_deref(), context).map_err(|_| {
            let known = charsets().iter().map(|name| Bytes::from_static(name.as_bytes())).collect();
            Refusal::no(Code::BadCharset(known), "That charset is not known, or the string is not in it")
        })?;
        Ok(Self {
            query,
            mailbox: Arc::clone(view.mailbox()),
            recent: view.recent().clone(),
            opener: Opener { account: ctx.account()?, snapshot: Arc::clone(view.snapshot()) },
            by_uid: cmd.uid,
            next: 1,
            found: Vec::new(),
        })
    }

    fn is_done(&self) -> bool {
        self.next > self.mailbox.len()
    }

    /// Looks at some more messages. Blocking.
    fn go_on(mut self) -> Result<Self, StoreError> {
        let began = Instant::now();
        let mailbox = Arc::clone(&self.mailbox);
        let Some(first) = SeqNum::new(self.next) else { return Ok(self) };
        for message in mailbox.iter_from(first) {
            let context = Context { mailbox: &mailbox, recent: &self.recent, saved: &NumberSet::new() };
            if self.query.matches(&message, context, &mut self.opener)? {
                self.found.push(if self.by_uid { message.uid.get() } else { message.seq_num.get() });
            }
            self.next = message.seq_num.get() + 1;
            if self.next.is_multiple_of(64) && began.elapsed() > PIECE_TIME {
                return Ok(self);
            }
        }
        self.next = mailbox.len() + 1;
        Ok(self)
    }
}

/// Opens what a search asks for.
struct Opener {
    account: Account,
    snapshot: Arc<Snapshot>,
}

impl Source for Opener {
    fn summary(&mut self, message: &MessageRef) -> Result<Arc<Summary>, StoreError> {
        self.account.summary(&self.snapshot, message)
    }

    fn read(&mut self, message: &MessageRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.account.read(&self.snapshot, message, range)
    }
}
