"""imapflow (npm): the script beside this file is the client; what it did is looked up afterwards."""

import os

from corpus import messages, wire
from harness import PASSWORD, ROOT, USER, ClientTest

MODULES = ROOT / "target" / "real-clients" / "npm" / "node_modules"


class ImapFlow(ClientTest):
    def test_a_round_trip(self):
        mail = [wire(message) for message in messages(8, large_octets=300_000)]
        self.put("INBOX", mail)
        script = ROOT / "imap-server" / "tests" / "real-clients" / "imapflow.cjs"
        environment = dict(
            os.environ, NODE_PATH=str(MODULES), NODE_EXTRA_CA_CERTS=str(self.server.certificate), IMAPS_PORT=str(self.server.imaps),
            IMAP_USER=USER, IMAP_PASSWORD=PASSWORD,
        )
        self.run_client("node", script, env=environment, timeout=120)
        self.assertIn("Reisen/&AMU-rhus", self.mailboxes())
        held = self.held("INBOX")
        self.assertEqual([octets for _, octets in held[:5]], [mail[0], *mail[4:]])
        self.assertEqual(held[0][0], {"\\Seen", "$Later"})
        self.assertEqual(self.bodies("Archive"), mail[1:3])
        self.assertEqual(self.held("Drafts"), [({"\\Draft"}, b"Subject: from imapflow\r\n\r\nHello.\r\n")])
        self.assertEqual(self.bodies("Reisen/&AMU-rhus"), [mail[0]])
        self.assertEqual(len(held), 6, "what it appended while in IDLE")
