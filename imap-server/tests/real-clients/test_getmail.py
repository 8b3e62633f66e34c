"""getmail6: retrieves, remembers what it had, and deletes on the server when told so.

It delivers to a command, since it writes no Maildir as root, and this may be run as root."""

import re

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest

CONFIG = """
[retriever]
type = SimpleIMAPSSLRetriever
server = localhost
port = {port}
username = {user}
password = {password}
mailboxes = ("INBOX", "Archive")
ca_certs = {certificate}
{retriever}

[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "exec cat >{spool}/$$")
allow_root_commands = true

[options]
delivered_to = false
received = false
read_all = false
{options}
"""


class Getmail(ClientTest):
    def setUp(self):
        super().setUp()
        self.spool = self.home / "mail"
        self.spool.mkdir()

    def getmail(self, options="", retriever=""):
        config = self.home / "getmailrc"
        config.write_text(
            CONFIG.format(
                port=self.server.imaps, user=USER, password=PASSWORD, certificate=self.server.certificate,
                spool=self.spool, options=options, retriever=retriever,
            )
        )
        self.run_client("getmail", "--getmaildir", self.home, "--rcfile", config)

    def read(self):
        """What it wrote; its own header fields come off."""
        own = re.compile(rb"^(Return-Path|X-getmail-[a-z-]+):.*\n", re.MULTILINE)
        return sorted(own.sub(b"", path.read_bytes()) for path in self.spool.iterdir())

    def test_retrieves_once_from_two_mailboxes_and_leaves_the_mail(self):
        mail = [message for message in messages(20, large_octets=300_000) if message.isascii()]
        inbox, archive = mail[: len(mail) // 2], mail[len(mail) // 2 :]
        self.put("INBOX", map(wire, inbox))
        self.put("Archive", map(wire, archive))
        self.getmail()
        self.assertEqual(len(self.read()), len(mail))
        for found, sent in zip(self.read(), sorted(mail)):
            self.assertEqual(found.splitlines(), sent.splitlines())
        self.put("INBOX", [wire(mail[0])])
        self.getmail()
        self.assertEqual(len(self.read()), len(mail) + 1, "what it had came again, or the new one did not")
        self.assertEqual(len(self.bodies("INBOX")), len(inbox) + 1)

    def test_deletes_what_it_retrieved(self):
        self.put("INBOX", map(wire, messages(5, large_octets=1_000)))
        self.getmail("delete = true")
        self.assertEqual(len(self.read()), 5)
        self.assertEqual(self.bodies("INBOX"), [])

    def test_moves_into_a_trash_mailbox(self):
        self.put("INBOX", map(wire, messages(3, large_octets=1_000)))
        self.getmail("delete = true", retriever="move_on_delete = Trash")
        self.assertEqual(self.bodies("INBOX"), [])
        self.assertEqual(self.bodies("Trash"), [wire(message) for message in messages(3, large_octets=1_000)])
