//! What listings and searches read of messages: summaries, one after the other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::ops::Account;
use super::snapshot::{MessageNumber, MessageRef, Snapshot};
use super::summaries::RowReader;
use super::table::BodyFinder;
use crate::StoreError;
use crate::log::{Ahead, BodyId};
use crate::message::{Scanner, Summary};

/// Octets that are scanned at once.
const PIECE_OCTETS: u64 = 256 << 10;

/// Reads summaries and octets of an account's messages, best in the order in which the messages came. It keeps a file open
/// and a piece of it in memory, so it is to be dropped with the command that it serves.
#[derive(Debug)]
pub struct SummaryReader {
    account: Account,
    snapshot: Arc<Snapshot>,
    rows: RowReader,
    bodies: BodyFinder,
    /// What was read already of the messages that come next.
    kept: VecDeque<(MessageNumber, Summary)>,
    /// What is read of the messages that come next.
    ahead: RefCell<Ahead>,
}

impl SummaryReader {
    /// A message's summary: from the summary file, or made again from the body. Blocking.
    pub fn summary(&mut self, message: &MessageRef) -> Result<Summary, StoreError> {
        if let Some((_, summary)) = self.kept.pop_front_if(|(number, _)| *number == message.number) {
            return Ok(summary);
        }
        let body = self.bodies.body(&self.snapshot.messages, message.number);
        self.account.read_summary(&mut self.rows, &self.snapshot, message, body)
    }

    /// Reads the summaries of a few messages where nothing has to be waited for: whether [`Self::summary`] does not block
    /// for them now, asked in this order.
    pub fn summaries_now(&mut self, messages: &[MessageRef]) -> bool {
        self.kept = self.read_summaries_now(messages).unwrap_or_default();
        self.kept.len() == messages.len()
    }

    fn read_summaries_now(&mut self, messages: &[MessageRef]) -> Option<VecDeque<(MessageNumber, Summary)>> {
        let row_of = |message: &MessageRef| Some((message.number.0, self.snapshot.body(message.number)?));
        let wanted: Vec<_> = messages.iter().map(row_of).collect::<Option<_>>()?;
        let rows = self.rows.rows_now(self.account.summary_rows(), &wanted)?;
        let summaries = messages.iter().zip(rows);
        summaries.map(|(message, row)| Some((message.number, Summary::from_bytes(row)?))).collect()
    }

    /// From now on a read may bring about that many octets at once, those of the messages that come next too.
    pub fn want(&mut self, octets: usize) {
        self.ahead.get_mut().want(octets);
    }

    /// Reads a small message where nothing has to be waited for: whether [`Self::read`] does not block for it now.
    pub fn read_now(&mut self, message: &MessageRef) -> bool {
        self.account.read_now(&self.snapshot, message, self.ahead.get_mut())
    }

    /// Octets of a message, to its end at the most. Blocking.
    pub fn read(&self, message: &MessageRef, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.account.read_ahead(&self.snapshot, message, range, &mut self.ahead.borrow_mut())
    }
}

impl Account {
    /// What reads the summaries of a state's messages.
    pub fn summaries(&self, snapshot: &Arc<Snapshot>) -> SummaryReader {
        let (account, snapshot) = (self.clone(), Arc::clone(snapshot));
        let (rows, bodies) = (RowReader::default(), BodyFinder::default());
        let (kept, ahead) = (VecDeque::new(), RefCell::default());
        SummaryReader { account, snapshot, rows, bodies, kept, ahead }
    }

    /// The summary of one message: from the summary file, or made again from the body. Blocking. Of many,
    /// [`Account::summaries`] gives them faster.
    pub fn summary(&self, snapshot: &Snapshot, message: &MessageRef) -> Result<Summary, StoreError> {
        let body = snapshot.body(message.number);
        self.read_summary(&mut RowReader::default(), snapshot, message, body)
    }

    fn read_summary(
        &self,
        rows: &mut RowReader,
        snapshot: &Snapshot,
        message: &MessageRef,
        body: Option<BodyId>,
    ) -> Result<Summary, StoreError> {
        let number = message.number;
        let body = body.ok_or(StoreError::NonExistent { what: "message" })?;
        let row = rows.row(self.summary_rows(), number.0, body);
        if let Some(summary) = row.and_then(Summary::from_bytes) {
            return Ok(summary);
        }
        let summary = self.scan(snapshot, message)?;
        self.summary_rows().add_blocking(number.0, body, summary.to_bytes());
        Ok(summary)
    }

    /// Reads a message from its body once, in pieces.
    fn scan(&self, snapshot: &Snapshot, message: &MessageRef) -> Result<Summary, StoreError> {
        let mut scanner = Scanner::new();
        let mut at = 0;
        while at < message.size_octets {
            let octets = self.read(snapshot, message, at..at + PIECE_OCTETS)?;
            if octets.is_empty() {
                break;
            }
            at += octets.len() as u64;
            scanner.feed(&octets);
        }
        Ok(scanner.finish())
    }
}
