"""imap-tools: folders, append, fetch through its own parser, flags, copy, move, expunge, IDLE."""

import ssl

import imap_tools
from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class ImapTools(ClientTest):
    def connect(self, folder="INBOX"):
        context = ssl.create_default_context(cafile=self.server.certificate)
        box = imap_tools.MailBox("localhost", port=self.server.imaps, ssl_context=context)
        box.login(USER, PASSWORD, initial_folder=folder)
        self.addCleanup(box.client.shutdown)
        return box

    def test_folders(self):
        box = self.connect()
        box.folder.create("Grüße/2026")
        box.folder.subscribe("Grüße/2026", True)
        self.assertIn("Grüße/2026", [folder.name for folder in box.folder.list(subscribed_only=True)])
        box.folder.rename("Grüße/2026", "Grüße/2027")
        self.assertTrue(box.folder.exists("Grüße/2027"))
        self.assertEqual(box.folder.status("INBOX")["MESSAGES"], 0)
        box.folder.delete("Grüße/2027")
        self.assertNotIn("Gr&APwA3w-e/2027", self.mailboxes())

    def test_a_round_trip(self):
        box = self.connect()
        mail = [wire(message) for message in messages(12, large_octets=200_000)]
        for message in mail:
            box.append(message, "INBOX", flag_set=[imap_tools.MailMessageFlags.FLAGGED])
        self.assertEqual(self.bodies("INBOX"), mail)
        found = list(box.fetch(imap_tools.AND(flagged=True), mark_seen=False, bulk=5))
        self.assertEqual(len(found), len(mail))
        self.assertEqual([len(message.obj.as_bytes()) > 0 for message in found], [True] * len(mail))
        uids = [message.uid for message in found]
        self.assertEqual(list(box.uids("ALL")), uids)
        box.flag(uids[:3], [imap_tools.MailMessageFlags.SEEN, "Later"], True)
        box.copy(uids[:2], "Archive")
        box.move(uids[2:4], "Trash")
        box.delete(uids[4:6])
        self.assertEqual([flags for flags, _ in self.held("Archive")], [{"\\Flagged", "\\Seen", "Later"}] * 2)
        self.assertEqual(self.bodies("Trash"), mail[2:4])
        self.assertEqual(self.bodies("INBOX"), mail[:2] + mail[6:])

    def test_idle_is_told(self):
        box = self.connect()
        with box.idle as idle:
            self.put("INBOX", [wire(next(messages(1)))])
            self.assertIn(b"* 1 EXISTS", idle.poll(timeout=30))
        self.assertEqual(len(box.uids()), 1)
