"""mbsync (isync): pushes a Maildir of varied mail, and pulls it into a second one."""

import imaplib
import re
import ssl

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest, mbsync_config

# mbsync marks each message that it files with a header field of its own; all else must be as it was.
TUID = re.compile(rb"^X-TUID: .{12}\r?\n", re.MULTILINE)


class Mbsync(ClientTest):
    def config(self, maildir):
        security = f"SSLType IMAPS\nCertificateFile {self.server.certificate}"
        return mbsync_config(self.home, maildir.name, self.server.imaps, USER, PASSWORD, security)

    def fill(self, maildir, folders, mail):
        """Deals the messages out to the folders; half are seen, every tenth is flagged."""
        written = {folder: {} for folder in folders}
        for folder in folders:
            for kind in ("cur", "new", "tmp"):
                (maildir / folder / kind).mkdir(parents=True)
        for number, message in enumerate(mail):
            folder = folders[number % len(folders)]
            flags = ("F" if number % 10 == 0 else "") + ("S" if number % 2 else "")
            (maildir / folder / "cur" / f"{1_700_000_000 + number}.{number}.host:2,{flags}").write_bytes(message)
            written[folder][message] = flags
        return written

    def read(self, maildir, folder):
        found = {}
        for kind in ("cur", "new"):
            for path in (maildir / folder / kind).iterdir():
                message = TUID.sub(b"", path.read_bytes(), 1)
                found[message] = path.name.partition(":2,")[2]
        return found

    def test_pushes_and_pulls_a_thousand_messages_octet_for_octet(self):
        first, second = self.home / "first", self.home / "second"
        config = self.config(first)
        # isync 1.4 hands names through as they are, so the folder is called as the wire writes "Grüße aus Århus".
        folders = ["INBOX", "Projects", "Projects/2026", "Gr&APwA3w-e aus &AMU-rhus"]
        written = self.fill(first, folders, messages(1_000))
        self.run_client("mbsync", "-c", config, "mail")
        self.run_client("mbsync", "-c", self.config(second), "mail")
        for folder in folders:
            self.assertEqual(
                len(written[folder]), len(self.read(second, folder)), f"messages in {folder}"
            )
            self.assertTrue(written[folder] == self.read(second, folder), f"{folder} is not what was pushed")
        self.check_octets_on_the_server(folders, written)

    def check_octets_on_the_server(self, folders, written):
        """The second path: what another client reads is what stood in the files, with CRLF line ends."""
        context = ssl.create_default_context(cafile=self.server.certificate)
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=context)
        self.addCleanup(client.logout)
        client.login(USER, PASSWORD)
        for folder in folders:
            self.assertEqual(client.select(f'"{folder}"', readonly=True)[0], "OK")
            data = client.fetch("1:*", "(BODY.PEEK[])")[1]
            held = {TUID.sub(b"", part[1], 1) for part in data if isinstance(part, tuple)}
            self.assertTrue(held == {wire(message) for message in written[folder]}, f"{folder} on the server")

    def test_carries_flags_and_deletions_both_ways(self):
        first, second = self.home / "first", self.home / "second"
        config, other = self.config(first), self.config(second)
        self.fill(first, ["INBOX"], messages(20, seed=7, large_octets=1_000))
        self.run_client("mbsync", "-c", config, "mail")
        self.run_client("mbsync", "-c", other, "mail")
        files = sorted((second / "INBOX" / "cur").iterdir())
        files[0].rename(files[0].with_name(files[0].name.partition(":2,")[0] + ":2,RS"))
        files[1].rename(files[1].with_name(files[1].name.partition(":2,")[0] + ":2,ST"))
        self.run_client("mbsync", "-c", other, "mail")
        self.run_client("mbsync", "-c", config, "mail")
        found = self.read(first, "INBOX")
        self.assertEqual(len(found), 19)
        self.assertEqual(sum("R" in flags for flags in found.values()), 1)


