//! The store's operations over the command line: status, check, compact, backup, restore, undelete.

use crate::support::{FREE_PORTS, add_user, cli_fails, cli_ok, start};

#[test]
fn a_store_is_checked_backed_up_compacted_and_restored() {
    let dirs = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let [data, backup, restored] = dirs.each_ref().map(|dir| dir.path());
    let server = start(data, &FREE_PORTS);
    add_user(data, "alice", "one");
    let mut alice = server.connect().login("alice", "one");
    for text in ["hello", "world"] {
        alice.ok(&format!("APPEND INBOX (\\Seen) {{{}+}}\r\n{text}", text.len()));
    }
    let to = backup.to_str().expect("UTF-8");
    let said = cli_ok(data, &["store", "backup", to], "");
    assert!(said.contains("were copied"), "{said}");
    let again = cli_ok(data, &["store", "backup", to, "--json"], "");
    assert!(again.contains("\"segments\":"), "{again}");
    assert!(cli_ok(data, &["store", "check"], "").contains("2 messages were read"));
    assert!(cli_ok(data, &["store", "status", "--json"], "").contains("\"users\":1"));
    assert!(cli_ok(data, &["store", "compact", "--json"], "").contains("\"findings\":[]"));

    alice.ok("SELECT INBOX");
    alice.ok("STORE 1 +FLAGS (\\Deleted)");
    alice.ok("EXPUNGE");
    let deleted = cli_ok(data, &["message", "list-deleted", "alice", "--json"], "");
    assert!(deleted.contains("\"id\":1,\"mailbox\":\"INBOX\",\"uid\":1"), "{deleted}");
    assert!(cli_ok(data, &["message", "list-deleted", "alice"], "").contains("INBOX 1"));
    cli_ok(data, &["message", "undelete", "alice", "1", "--mailbox", "Trash"], "");
    assert_eq!(cli_ok(data, &["message", "list-deleted", "alice"], ""), "");
    assert!(cli_fails(data, &["message", "undelete", "alice", "1"], "").contains("is there any more"));

    let one =
        ["store", "restore", to, "--user", "alice", "--mailbox", "INBOX", "--uid", "1", "--into", "Back"];
    assert_eq!(cli_ok(data, &one, ""), "1 messages in 1 mailboxes restored below Back\n");
    let (lines, _) = alice.command("STATUS Back/INBOX (MESSAGES UNSEEN)").expect("an answer");
    assert!(lines.iter().any(|line| line.line().contains("MESSAGES 1 UNSEEN 0")), "{lines:?}");
    let nobody = ["store", "restore", to, "--user", "bob"];
    assert!(cli_fails(data, &nobody, "").contains("no such user"));

    // A whole store needs no server, and a directory that has none.
    assert!(cli_fails(data, &["store", "restore", to], "").contains("there is a store already"));
    assert!(cli_ok(restored, &["store", "restore", to], "").contains("segments restored into"));
    let copy = start(restored, &FREE_PORTS);
    let (lines, _) =
        copy.connect().login("alice", "one").command("STATUS INBOX (MESSAGES)").expect("an answer");
    assert!(lines.iter().any(|line| line.line().contains("MESSAGES 2")), "{lines:?}");
}
