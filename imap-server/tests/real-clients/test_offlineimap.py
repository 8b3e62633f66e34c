"""offlineimap3: two-way sync between the server and a Maildir."""

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest

CONFIG = """
[general]
accounts = ann
metadata = {home}/meta-{name}
socktimeout = 60

[Account ann]
localrepository = local
remoterepository = remote

[Repository local]
type = Maildir
localfolders = {maildir}

[Repository remote]
type = IMAP
remotehost = localhost
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {certificate}
auth_mechanisms = PLAIN
"""


class OfflineImap(ClientTest):
    def sync(self, name):
        """Syncs everything with the Maildir `name`; returns its path."""
        maildir = self.home / name
        config = self.home / f"{name}.conf"
        config.write_text(
            CONFIG.format(
                home=self.home, name=name, maildir=maildir, port=self.server.imaps, user=USER, password=PASSWORD,
                certificate=self.server.certificate,
            )
        )
        self.run_client("offlineimap", "-o", "-u", "basic", "-c", config)
        return maildir

    def files(self, maildir, folder):
        return sorted(path for kind in ("cur", "new") for path in (maildir / folder / kind).iterdir())

    def test_pulls_pushes_flags_and_deletes(self):
        mail = list(messages(30, large_octets=500_000))
        self.put("INBOX", map(wire, mail[:20]))
        self.put("Archive", map(wire, mail[20:]), "\\Flagged")
        first = self.sync("first")
        # Some it writes with CRLF.
        pulled = sorted(path.read_bytes().replace(b"\r\n", b"\n") for path in self.files(first, "INBOX"))
        self.assertEqual(pulled, sorted(mail[:20]))
        self.assertTrue(all(path.name.endswith(":2,F") for path in self.files(first, "Archive")))

        # A flag, a deletion, a new message and a new folder there; then everything once more from the server.
        files = {path.read_bytes(): path for path in self.files(first, "INBOX")}
        seen, gone = files[mail[0]], files[mail[1]]
        seen.rename(first / "INBOX" / "cur" / (seen.name.partition(":2,")[0] + ":2,RS"))
        gone.unlink()
        for kind in ("cur", "new", "tmp"):
            (first / "Projects" / kind).mkdir(parents=True)
        (first / "Projects" / "new" / "1700000000.1.host").write_bytes(next(messages(1, seed=5)))
        self.sync("first")
        held = self.held("INBOX")
        self.assertEqual(held[0][0], {"\\Answered", "\\Seen"})
        self.assertEqual([octets for _, octets in held], [wire(message) for message in [mail[0], *mail[2:20]]])
        (_, pushed), = self.held("Projects")
        self.assertEqual(pushed.partition(b"\r\n\r\n")[2], wire(next(messages(1, seed=5))).partition(b"\r\n\r\n")[2])

        second = self.sync("second")
        self.assertEqual(len(self.files(second, "INBOX")), 19)
        self.assertEqual(len(self.files(second, "Projects")), 1)
