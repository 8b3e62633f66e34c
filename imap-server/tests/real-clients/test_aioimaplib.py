"""aioimaplib: the asyncio client; append, fetch, flags, copy, expunge, and IDLE while another session writes."""

import asyncio
import ssl

import aioimaplib
from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class AioImapLib(ClientTest):
    async def connect(self):
        context = ssl.create_default_context(cafile=self.server.certificate)
        client = aioimaplib.IMAP4_SSL("localhost", self.server.imaps, timeout=30, ssl_context=context)
        await client.wait_hello_from_server()
        # It writes what it is given between quotes, and its list of capabilities must survive the login.
        self.ok(await client.login(USER, PASSWORD))
        self.assertTrue(client.has_capability("MOVE"))
        return client

    def ok(self, answer):
        self.assertEqual(answer.result, "OK", answer.lines)
        return answer.lines

    def test_a_round_trip(self):
        asyncio.run(self.round_trip())

    async def round_trip(self):
        client = await self.connect()
        mail = [wire(message) for message in messages(6, large_octets=1_000)]
        for message in mail:
            self.ok(await client.append(message, "INBOX", flags="\\Flagged"))
        self.assertTrue(any(b"INBOX" in line for line in self.ok(await client.list('""', "*"))))
        self.ok(await client.select("INBOX"))
        lines = self.ok(await client.fetch("1:6", "(UID BODY.PEEK[])"))
        self.assertEqual([bytes(line) for line in lines if isinstance(line, bytearray)], mail)
        self.ok(await client.uid("store", "1:2", "+FLAGS", "(\\Seen Later)"))
        self.assertEqual(self.ok(await client.search("KEYWORD Later"))[0], b"1 2")
        self.ok(await client.create("Kept"))
        self.ok(await client.uid("copy", "1:2", "Kept"))
        self.ok(await client.move("5", "Archive"))
        self.ok(await client.store("1", "+FLAGS", "(\\Deleted)"))
        self.ok(await client.expunge())
        self.ok(await client.close())
        self.ok(await client.logout())
        self.assertEqual(self.held("Kept"), [({"\\Flagged", "\\Seen", "Later"}, octets) for octets in mail[:2]])
        self.assertEqual(self.bodies("Archive"), [mail[4]])
        self.assertEqual(self.bodies("INBOX"), mail[1:4] + mail[5:])

    def test_idle_is_told(self):
        asyncio.run(self.idle())

    async def idle(self):
        client = await self.connect()
        self.ok(await client.select("INBOX"))
        idle = await client.idle_start(timeout=60)
        await asyncio.to_thread(self.put, "INBOX", [wire(next(messages(1)))])
        self.assertIn(b"1 EXISTS", await client.wait_server_push())
        client.idle_done()
        self.ok(await asyncio.wait_for(idle, 30))
        self.ok(await client.logout())
