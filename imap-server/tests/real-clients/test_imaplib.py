"""Python's imaplib: TLS, STARTTLS and clear text; append, fetch, search, store, copy, expunge."""

import imaplib
import ssl
import threading

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class Imaplib(ClientTest):
    def context(self):
        return ssl.create_default_context(cafile=self.server.certificate)

    def connect(self):
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=self.context())
        self.addCleanup(self.end, client)
        client.login(USER, PASSWORD)
        return client

    def end(self, client):
        if client.state != "LOGOUT":
            client.logout()

    def ok(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return answer[1]

    def test_starttls_then_login(self):
        client = imaplib.IMAP4("localhost", self.server.imap)
        self.addCleanup(self.end, client)
        self.assertIn("STARTTLS", client.capabilities)
        self.ok(client.starttls(self.context()))
        self.assertNotIn("STARTTLS", client.capabilities)
        self.ok(client.login(USER, PASSWORD))

    def test_authenticate_plain(self):
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=self.context())
        self.addCleanup(self.end, client)
        self.ok(client.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode()))

    def test_wrong_password_is_refused_and_can_be_tried_again(self):
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=self.context())
        self.addCleanup(self.end, client)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            client.login(USER, "guess")
        self.ok(client.login(USER, PASSWORD))

    def test_messages_come_back_octet_for_octet(self):
        client = self.connect()
        mail = [wire(message) for message in messages(26, large_octets=3_000_000)]
        for message in mail:
            self.ok(client.append("INBOX", r"(\Flagged)", imaplib.Time2Internaldate(1_750_000_000), message))
        self.ok(client.select("INBOX"))
        for number, message in enumerate(mail, 1):
            (head, octets), *_ = self.ok(client.fetch(str(number), "(RFC822.SIZE BODY.PEEK[])"))
            self.assertIn(b"RFC822.SIZE %d " % len(message), head)
            self.assertTrue(octets == message, f"message {number} changed")

    def test_flags_search_copy_and_expunge(self):
        client = self.connect()
        for message in messages(5, large_octets=1_000):
            self.ok(client.append("INBOX", None, None, wire(message)))
        self.ok(client.select("INBOX"))
        self.ok(client.store("2:3", "+FLAGS", r"(\Deleted Urgent)"))
        self.assertEqual(self.ok(client.search(None, "KEYWORD", "urgent")), [b"2 3"])
        self.ok(client.create("Kept"))
        self.ok(client.copy("1:2", "Kept"))
        self.assertEqual(self.ok(client.expunge()), [b"3", b"2"])
        self.assertEqual(self.ok(client.search("UTF-8", "SUBJECT", '"Übergrö"'.encode())), [b""])
        self.assertEqual(self.ok(client.select("Kept")), [b"2"])
        self.assertEqual(self.ok(client.uid("SEARCH", "KEYWORD", "URGENT")), [b"2"])

    def test_a_second_session_sees_new_mail(self):
        first, second = self.connect(), self.connect()
        self.ok(first.select("INBOX"))
        self.ok(second.append("INBOX", None, None, wire(next(messages(1)))))
        self.ok(first.noop())
        self.assertEqual(first.response("EXISTS")[1][-1], b"1")

    def test_eight_sessions_append_at_once(self):
        mail = [wire(message) for message in messages(40, large_octets=100_000)]

        def push(client, share):
            for message in share:
                self.ok(client.append("INBOX", None, None, message))

        clients = [self.connect() for _ in range(8)]
        threads = [threading.Thread(target=push, args=(c, mail[n::8])) for n, c in enumerate(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        reader = self.connect()
        self.assertEqual(self.ok(reader.select("INBOX")), [b"40"])
        data = self.ok(reader.fetch("1:*", "(BODY.PEEK[])"))
        self.assertEqual(sorted(part[1] for part in data if isinstance(part, tuple)), sorted(mail))

    def test_mail_survives_kill_minus_nine(self):
        client = self.connect()
        mail = [wire(message) for message in messages(13, large_octets=500_000)]
        for message in mail:
            self.ok(client.append("INBOX", r"(\Seen)", None, message))
        self.server.kill()
        client.state = "LOGOUT"
        client.sock.close()
        self.server.start()
        client = self.connect()
        self.ok(client.select("INBOX"))
        data = self.ok(client.fetch("1:*", "(FLAGS BODY.PEEK[])"))
        self.assertEqual([part[1] for part in data if isinstance(part, tuple)], mail)
