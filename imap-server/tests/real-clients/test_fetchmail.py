"""fetchmail: retrieves what is unseen, marks or expunges it; by IMAP4 and, where the listener allows no more, by IMAP2."""

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class Fetchmail(ClientTest):
    def fetchmail(self, how, *more, expect=(0,)):
        """Runs it over TLS, or in clear text where `how` says so; returns its log."""
        spool = self.home / "spool"
        spool.mkdir(exist_ok=True)
        tls = f"ssl sslcertck sslcertfile {self.server.certificate}"
        port = self.server.imaps
        if "clear" in how:
            tls, port = 'sslproto ""', self.server.imap
        rc = self.home / "fetchmailrc"
        rc.write_text(
            f"set no bouncemail\npoll localhost service {port} protocol imap auth password timeout 30\n"
            f'  user "{USER}" password "{PASSWORD}" is root here {tls} {how.replace("clear", "")}\n'
            f'  mda "cat > {spool}/$(date +%s%N)"\n'
        )
        rc.chmod(0o600)
        done = self.run_any("fetchmail", "-f", rc, "--nodetach", "-v", "--pidfile", self.home / "pid", *more)
        log = (done.stdout + done.stderr).decode(errors="replace")
        self.assertIn(done.returncode, expect, log)
        return log

    def spool(self):
        """The bodies that came; headers are fetchmail's to add to."""
        return sorted(path.read_bytes().partition(b"\n\n")[2] for path in (self.home / "spool").iterdir())

    def bodies_of(self, mail):
        return sorted(message.partition(b"\n\n")[2] for message in mail)

    def plain(self, count, seed=1988):
        """Messages that fetchmail hands on as they are: it breaks lines of over 8,192 octets itself."""
        made = messages(count * 6, seed=seed, large_octets=1_000)
        found = [message for message in made if message.isascii() and b"x" * 1_000 not in message]
        return found[:count]

    def test_keeps_marks_and_fetches_only_what_is_unseen(self):
        mail = self.plain(4)
        self.put("INBOX", map(wire, mail))
        self.fetchmail("keep")
        self.assertEqual(self.spool(), self.bodies_of(mail))
        self.assertTrue(all("\\Seen" in flags for flags, _ in self.held("INBOX")))
        self.fetchmail("keep", expect=(1,))
        more = self.plain(1, seed=3)
        self.put("INBOX", map(wire, more))
        self.fetchmail("nokeep")
        self.assertEqual(self.spool(), self.bodies_of(mail + more))
        self.assertEqual(self.bodies("INBOX"), list(map(wire, mail)), "only what was fetched is expunged")

    def test_expunges_what_it_fetched_from_two_folders(self):
        mail = self.plain(6)
        self.put("INBOX", map(wire, mail[:3]))
        self.put("Archive", map(wire, mail[3:]))
        self.fetchmail("nokeep folder INBOX Archive expunge 2")
        self.assertEqual(self.spool(), self.bodies_of(mail))
        self.assertEqual(self.bodies("INBOX") + self.bodies("Archive"), [])


class SteppedDown(Fetchmail):
    """The same by a listener that knows no CAPABILITY: fetchmail then speaks IMAP2."""

    server_config = '[imap.dialect]\ndialect-ceiling = "imap2bis"\n'

    def fetchmail(self, how, *more, expect=(0,)):
        log = super().fetchmail("clear " + how, *more, expect=expect)
        self.assertRegex(log, r"CAPABILITY\n.* BAD ")
        return log


class SteppedDownToImap2(SteppedDown):
    """The oldest dialect."""

    server_config = '[imap.dialect]\ndialect-ceiling = "imap2"\n'
