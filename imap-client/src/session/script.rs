//! [`Script`]: what is still to be written of a command, and where it has to wait.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::{Error, Result};

/// The rest of a command, piece by piece.
#[derive(Default)]
pub(super) struct Script {
    pieces: VecDeque<Piece>,
}

/// A piece of a command.
pub(super) enum Piece {
    /// Goes out as it is.
    Octets(Bytes),
    /// Nothing goes out before the server says `+`.
    Wait,
    /// That many octets of a literal come from the caller.
    Upload { left_octets: u64 },
    /// AUTHENTICATE: each `+` goes to the caller, who answers with a line; until the tagged reply.
    Lines { ours: bool },
    /// IDLE: `DONE` ends it, but not before the server's `+`.
    Idle(IdleState),
}

/// How far an IDLE is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdleState {
    /// The server has not said `+` yet.
    Begun,
    /// Neither has it, and `DONE` goes out as soon as it does.
    Stopping,
    /// It has.
    Idling,
    /// `DONE` is out.
    Done,
}

impl Script {
    pub(super) fn new(pieces: impl Into<VecDeque<Piece>>) -> Self {
        Self { pieces: pieces.into() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes up to the next piece that has to wait.
    pub(super) fn advance(&mut self, out: &mut BytesMut) {
        while let Some(piece) = self.pieces.front() {
            match piece {
                Piece::Octets(octets) => out.extend_from_slice(octets),
                Piece::Upload { left_octets: 0 } => {}
                Piece::Wait | Piece::Upload { .. } | Piece::Lines { .. } | Piece::Idle(_) => return,
            }
            self.pieces.pop_front();
        }
    }

    /// The server said `+`; whether the caller has to know.
    pub(super) fn go_ahead(&mut self, out: &mut BytesMut) -> bool {
        match self.pieces.front_mut() {
            Some(Piece::Wait) => {
                self.pieces.pop_front();
                self.advance(out);
                false
            }
            Some(Piece::Lines { ours }) => {
                *ours = true;
                true
            }
            Some(Piece::Idle(state)) => {
                match *state {
                    IdleState::Begun => *state = IdleState::Idling,
                    IdleState::Stopping => done(state, out),
                    IdleState::Idling | IdleState::Done => {}
                }
                true
            }
            // Nobody asked: some servers say it once too often.
            _ => false,
        }
    }

    /// The tagged reply came. What waits for `+` is not sent any more; a literal that was begun has to be
    /// completed all the same, since the server reads that many octets.
    pub(super) fn answered(&mut self) {
        if !matches!(self.pieces.front(), Some(Piece::Upload { .. })) {
            self.pieces.clear();
        }
    }

    pub(super) fn wants_feed(&self) -> bool {
        match self.pieces.front() {
            Some(Piece::Upload { .. } | Piece::Lines { ours: true }) => true,
            Some(Piece::Idle(state)) => matches!(state, IdleState::Begun | IdleState::Idling),
            _ => false,
        }
    }

    pub(super) fn feed(&mut self, octets: &[u8], out: &mut BytesMut) -> Result<()> {
        match self.pieces.front_mut() {
            Some(Piece::Upload { left_octets }) => {
                let Some(left) = left_octets.checked_sub(octets.len() as u64) else {
                    return Err(Error::Argument { what: "the message is longer than announced" });
                };
                *left_octets = left;
                out.extend_from_slice(octets);
                self.advance(out);
            }
            Some(Piece::Lines { ours: ours @ true }) => {
                *ours = false;
                out.extend_from_slice(octets);
                out.extend_from_slice(b"\r\n");
            }
            Some(Piece::Idle(_)) => self.feed_ends(out)?,
            _ => {}
        }
        Ok(())
    }

    pub(super) fn feed_ends(&mut self, out: &mut BytesMut) -> Result<()> {
        match self.pieces.front_mut() {
            Some(Piece::Upload { .. }) => {
                Err(Error::Argument { what: "the message is shorter than announced" })
            }
            Some(Piece::Lines { .. }) => self.feed(b"*", out),
            Some(Piece::Idle(state)) => {
                match *state {
                    IdleState::Begun => *state = IdleState::Stopping,
                    IdleState::Idling => done(state, out),
                    IdleState::Stopping | IdleState::Done => {}
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn idles(&self) -> bool {
        matches!(self.pieces.front(), Some(Piece::Idle(IdleState::Begun | IdleState::Idling)))
    }
}

fn done(state: &mut IdleState, out: &mut BytesMut) {
    *state = IdleState::Done;
    out.extend_from_slice(b"DONE\r\n");
}
