"""IMAPClient: typed answers, so that what we send is read by somebody else's parser."""

import datetime
import ssl

import imapclient
from corpus import html_alternative, messages, nested_message, wire
from harness import PASSWORD, USER, ClientTest

import random


class ImapClient(ClientTest):
    def connect(self):
        context = ssl.create_default_context(cafile=self.server.certificate)
        client = imapclient.IMAPClient("localhost", port=self.server.imaps, ssl=True, ssl_context=context)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        return client

    def test_mailboxes_with_names_of_every_kind(self):
        client = self.connect()
        for name in ("Projects/2026/Autumn", "Grüße & Küsse", "東京", 'a "quoted" name', "back\\slash"):
            client.create_folder(name)
        names = [name for _, _, name in client.list_folders()]
        self.assertEqual(names[0], "INBOX")
        for name in ("Projects", "Projects/2026", "Projects/2026/Autumn", "Grüße & Küsse", "東京",
                     'a "quoted" name', "back\\slash", "Drafts", "Sent", "Junk", "Trash", "Archive"):
            self.assertIn(name, names)
        client.rename_folder("Projects", "Ablage/Projekte")
        self.assertTrue(client.folder_exists("Ablage/Projekte/2026/Autumn"))
        self.assertFalse(client.folder_exists("Projects"))
        self.assertEqual(client.find_special_folder(b"\\Sent"), "Sent")
        client.delete_folder("東京")
        self.assertFalse(client.folder_exists("東京"))

    def test_envelope_and_structure(self):
        client = self.connect()
        rng = random.Random(5)
        client.append("INBOX", wire(html_alternative(rng, 1)))
        client.append("INBOX", wire(nested_message(rng, 2)))
        client.select_folder("INBOX")
        data = client.fetch([1, 2], ["ENVELOPE", "BODYSTRUCTURE", "RFC822.SIZE", "INTERNALDATE", "FLAGS"])
        envelope = data[1][b"ENVELOPE"]
        self.assertEqual(envelope.date, datetime.datetime(2026, 10, 2, 10, 1,
                         tzinfo=datetime.timezone(datetime.timedelta(hours=2))).astimezone().replace(tzinfo=None))
        self.assertEqual((envelope.from_[0].mailbox, envelope.from_[0].host), (b"user1", b"example.org"))
        structure = data[1][b"BODYSTRUCTURE"]
        self.assertTrue(structure.is_multipart)
        self.assertEqual([part[:2] for part in structure[0]], [(b"text", b"plain"), (b"text", b"html")])
        nested = data[2][b"BODYSTRUCTURE"][0][1]
        self.assertEqual(nested[:2], (b"message", b"rfc822"))

    def test_move_and_flags(self):
        client = self.connect()
        uids = []
        for message in messages(6, large_octets=1_000):
            answer = client.append("INBOX", wire(message))
            self.assertIn(b"APPENDUID", answer)
            uids.append(int(answer.split(b"]")[0].split()[-1]))
        client.select_folder("INBOX")
        self.assertEqual(client.search(), uids)
        client.move(uids[:2], "Archive")
        self.assertEqual(client.search(), uids[2:])
        client.set_flags(uids[2], [b"\\Seen", b"Later"])
        self.assertEqual(set(client.get_flags([uids[2]])[uids[2]]) - {b"\\Recent"}, {b"\\Seen", b"Later"})
        status = client.folder_status("Archive", ["MESSAGES", "UNSEEN", "UIDNEXT"])
        self.assertEqual((status[b"MESSAGES"], status[b"UNSEEN"], status[b"UIDNEXT"]), (2, 2, 3))

    def test_idle_is_told_at_once(self):
        waiting, other = self.connect(), self.connect()
        waiting.select_folder("INBOX")
        waiting.idle()
        other.append("INBOX", wire(next(messages(1))))
        self.assertIn((1, b"EXISTS"), waiting.idle_check(timeout=30))
        waiting.idle_done()
