"""mailutil (uw-mailutils) and alpine, both over the University of Washington's c-client: at every dialect they know."""

import os

import pexpect
from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class CClient(ClientTest):
    """What both need: a terminal, since they ask for the password there."""

    def name(self, mailbox=""):
        """A mailbox as c-client names it; in clear text, which the oldest dialects need."""
        return f"{{localhost:{self.server.imap}/imap/notls/user={USER}}}{mailbox}"

    def spawn(self, program, *arguments):
        client = pexpect.spawn(
            program, [str(argument) for argument in arguments], timeout=60, dimensions=(40, 120),
            env=dict(os.environ, HOME=str(self.home), TERM="vt100", LC_ALL="C.UTF-8"),
        )
        self.addCleanup(client.close, True)
        return client

    def mail(self, count):
        return [wire(message) for message in messages(count, large_octets=1_000)]


class Mailutil(CClient):
    def mailutil(self, *arguments, expect=0):
        """Runs one command with all of its protocol shown; returns that."""
        client = self.spawn("mailutil", arguments[0], "-d", *arguments[1:])
        said = b""
        while client.expect([b"[Pp]assword:", pexpect.EOF]) == 0:
            said += client.before
            client.sendline(PASSWORD)
        client.close()
        said = (said + client.before).decode(errors="replace")
        self.assertEqual(client.exitstatus, expect, said)
        return said

    def test_checks_reads_and_prunes(self):
        mail = self.mail(6)
        self.put("INBOX", mail)
        self.check(6)
        # Read where the ceiling is, written where there is none. By IMAP2 nothing can be opened just for reading.
        into = f"{{localhost:{self.server.imaps}/imap/ssl/novalidate-cert/user={USER}}}Copied"
        said = self.mailutil("copy", "-rw", self.name("INBOX"), into)
        self.assertEqual(self.bodies("Copied"), mail, said)
        # That it pruned something it tells with 1.
        self.mailutil("prune", self.name("INBOX"), 'subject "0"', expect=1)
        self.assertEqual(self.bodies("INBOX"), mail[1:])

    def check(self, count):
        self.assertIn(f"{count} new message(s)", self.mailutil("check", self.name("INBOX")))


class MailutilThatWrites(Mailutil):
    """What needs IMAP2bis: CREATE, COPY beyond the first mailbox, APPEND, DELETE, RENAME."""

    def test_creates_copies_appends_transfers_renames_and_deletes(self):
        mail = self.mail(5)
        self.put("INBOX", mail)
        self.mailutil("create", self.name("Made"))
        self.mailutil("append", self.name("INBOX"), self.name("Made"))
        self.assertEqual(self.bodies("Made"), mail)
        self.mailutil("copy", self.name("INBOX"), self.name("Copied"))
        self.assertEqual(self.bodies("Copied"), mail)
        self.mailutil("appenddelete", self.name("Copied"), self.name("Made"))
        self.assertEqual(self.bodies("Made"), mail + mail)
        self.assertEqual(self.bodies("Copied"), [])
        self.mailutil("rename", self.name("Copied"), self.name("Renamed"))
        self.mailutil("delete", self.name("Renamed"))
        self.assertIn("Made", self.mailboxes())
        self.assertNotIn("Copied", self.mailboxes())
        self.assertNotIn("Renamed", self.mailboxes())

    def test_transfers_a_hierarchy(self):
        mail = self.mail(4)
        self.put("Archive", mail)
        self.mailutil("transfer", self.name("Arch"), self.name("old/"))
        self.assertEqual(self.bodies("old/Archive"), mail)


class MailutilByImap2bis(MailutilThatWrites):
    server_config = '[imap.dialect]\ndialect-ceiling = "imap2bis"\n'


class MailutilByImap2(Mailutil):
    server_config = '[imap.dialect]\ndialect-ceiling = "imap2"\n'

    def check(self, count):
        """Not this one: it opens with EXAMINE, which came with IMAP2bis."""


class Alpine(CClient):
    def start(self):
        rc = self.home / ".pinerc"
        rc.write_text(
            f"personal-name=Ann\nuser-domain=example.org\ninbox-path={self.name('INBOX')}\n"
            f"folder-collections=Mail {self.name('[]')}\nfeature-list=quit-without-confirm,expunge-without-confirm,"
            "no-enable-mouse-in-xterm,enable-flag-cmd,expunge-without-confirm-everywhere\n"
            "last-version-used=9.99\nsmtp-server=localhost:1\nno-new-mail-check\n"
        )
        client = self.spawn("alpine", "-p", rc, "-P", "/dev/null", "-i")
        client.expect("PASSWORD:")
        client.send(PASSWORD + "\r")
        while client.expect(["NextMsg", "Preserve password"]):
            client.send("n")
        return client

    def test_reads_flags_deletes_and_expunges(self):
        mail = self.mail(3)
        self.put("INBOX", mail)
        client = self.start()
        client.send("\r")
        client.expect("Message 1 of 3")
        client.send("i")
        client.expect("INDEX")
        client.send("n**")
        client.expect("Message 2 flagged|[Ff]lagged|Important")
        client.send("nd")
        client.send("x")
        client.expect("[Ee]xpunged")
        client.send("q")
        client.expect(pexpect.EOF)
        held = self.held("INBOX")
        self.assertEqual([octets for _, octets in held], mail[:2])
        self.assertEqual([flags for flags, _ in held], [{"\\Seen"}, {"\\Flagged"}])


class AlpineByImap2bis(Alpine):
    server_config = '[imap.dialect]\ndialect-ceiling = "imap2bis"\n'


class AlpineByImap2(Alpine):
    server_config = '[imap.dialect]\ndialect-ceiling = "imap2"\n'
