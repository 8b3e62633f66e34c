//! COPY and MOVE, by number and by UID (RFC 9051 §6.4.7, §6.4.8; UIDPLUS RFC 4315 §3).

use imap_proto::command::CopyMove;
use imap_proto::response::{Code, Kind};
use imap_proto::types::NumberSet;
use imap_store::account::{Account, Copied, MailboxId, Rights};
use imap_store::{Across, Store, StoreError};

use super::error::into_target;
use super::expunge::removed;
use super::place::Found;
use super::{Ctx, Done, Halt, Refusal, blocking};
use crate::Services;
use crate::session::flags::is_old;
use crate::session::view::News;

/// COPY: all or nothing. Refuses with TRYCREATE where the target is missing, and with EXPUNGEISSUED where one of
/// the numbers means a message that is gone (RFC 2180 §4.4).
pub(super) async fn copy(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    let transfer = Transfer::prepare(ctx, cmd).await?;
    if transfer.uids.is_empty() {
        return Ok(Done::text("Nothing to copy"));
    }
    Ok(match transfer.copy(ctx.services).await? {
        Some(copied) => Done::code(copy_uid(copied), "Copied"),
        None => Done::text("Nothing to copy"),
    })
}

/// MOVE: as COPY, and the messages leave their mailbox in the same change. COPYUID comes before EXPUNGE, since
/// after it a client has forgotten the UIDs (RFC 6851 §4.3).
///
/// Into another account they are octet by octet another message; a stop in between leaves them in one of both.
pub(super) async fn move_messages(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Done, Halt> {
    if ctx.view()?.read_only() {
        return Err(Refusal::read_only().into());
    }
    let transfer = Transfer::prepare(ctx, cmd).await?;
    if transfer.uids.is_empty() {
        return Ok(Done::text("Nothing to move"));
    }
    let Some(moved) = transfer.move_over(ctx.services).await? else {
        return Ok(Done::text("Nothing to move"));
    };
    ctx.status(None, Kind::Ok, Some(&copy_uid(moved)), "Moved");
    removed(ctx, News::AllExistsFirst, "Moved").await
}

/// What a COPY or MOVE is about.
struct Transfer {
    account: Account,
    source: MailboxId,
    uids: NumberSet,
    /// One that is gone is no reason to refuse.
    skips_missing: bool,
    target_account: Account,
    target: MailboxId,
}

impl Transfer {
    async fn prepare(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<Self, Halt> {
        let (target_account, target) = target(ctx, cmd).await?;
        let view = ctx.view()?;
        let places = view.places(cmd.uid, &cmd.set).ok_or_else(no_such_number)?;
        let (uids, account) = (view.uids_at(&places), view.account().clone());
        let source = view.id();
        Ok(Self { account, source, uids, skips_missing: cmd.uid, target_account, target })
    }

    fn is_within_account(&self) -> bool {
        self.account.id() == self.target_account.id()
    }

    async fn copy(self, services: &Services) -> Result<Option<Copied>, Halt> {
        if !self.is_within_account() {
            return self.across(services, Store::copy_across).await;
        }
        let Self { account, source, uids, target, .. } = self;
        let copied = match self.skips_missing {
            true => account.copy(source, uids, target).await,
            false => account.copy_all(source, uids, target).await,
        };
        copied.map_err(|error| refused(&account, source, error))
    }

    async fn move_over(self, services: &Services) -> Result<Option<Copied>, Halt> {
        if !self.is_within_account() {
            return self.across(services, Store::move_across).await;
        }
        let Self { account, source, uids, target, .. } = self;
        let moved = match self.skips_missing {
            true => account.move_messages(source, uids, target).await,
            false => account.move_all(source, uids, target).await,
        };
        moved.map_err(|error| refused(&account, source, error))
    }

    /// Into another account, which is long and blocks, and goes on should this session end.
    async fn across(self, services: &Services, carry: Carry) -> Result<Option<Copied>, Halt> {
        let messages_max = services.limits.messages_across_max;
        if self.uids.len() > messages_max as u64 {
            let text = format!("At most {messages_max} messages go to another account at once");
            return Err(Refusal::no(Code::Limit, text).into());
        }
        let Self { account: source, source: mailbox, uids, skips_missing, target_account, target } = self;
        let what =
            Across { source, mailbox, uids, skips_missing, target: target_account, target_mailbox: target };
        let store = services.store.clone();
        let (account, source) = (what.source.clone(), what.mailbox);
        blocking(move || carry(&store, &what)).await?.map_err(|error| refused(&account, source, error))
    }
}

/// COPY or MOVE of the store.
type Carry = fn(&Store, &Across) -> Result<Option<Copied>, StoreError>;

/// Why nothing was copied: TRYCREATE is for a target that is missing, not for a source that was deleted.
fn refused(account: &Account, source: MailboxId, error: StoreError) -> Halt {
    let has_source = account.snapshot().mailbox(source).is_some();
    if has_source { into_target(error) } else { error.into() }
}

/// Where a COPY or MOVE goes; made where the listener does so for clients of IMAP2.
async fn target(ctx: &mut Ctx<'_>, cmd: &CopyMove) -> Result<(Account, MailboxId), Halt> {
    let name = ctx.mailbox_name(&cmd.mailbox)?;
    let spot = ctx.spot(&name).await?.ok_or_else(Refusal::try_create)?;
    let creates = is_old(ctx.connection.dialect) && ctx.connection.policy.dialect.copy_creates;
    if creates && spot.account.snapshot().mailbox_named(&spot.within).is_none() {
        let id = spot.account.create(spot.within, None).await?;
        return Ok((spot.account, id));
    }
    let Found { account, mailbox, .. } = spot.find(Rights::INSERT, Refusal::try_create)?;
    Ok((account, mailbox.id()))
}

fn copy_uid(copied: Copied) -> Code {
    Code::CopyUid(copied.uid_validity, copied.source.into(), copied.target.into())
}

/// A sequence number over the number of messages (RFC 9051 §9, `seq-number`).
pub(super) fn no_such_number() -> Refusal {
    Refusal::bad("There is no message with that number")
}
