"""Real clients by every mechanism that they know; the audit has to name that mechanism, since most fall back to another."""

import imaplib
import json
import os
import ssl

import imapclient
import pexpect
from auth import AuthTest, TokenTest
from corpus import messages, wire
from harness import PASSWORD, ROOT, USER
from test_imapflow import MODULES

BEARERS = ("OAUTHBEARER", "XOAUTH2")


class OfImapClient(TokenTest):
    def connect(self):
        context = ssl.create_default_context(cafile=self.server.certificate)
        client = imapclient.IMAPClient("localhost", port=self.server.imaps, ssl=True, ssl_context=context)
        self.addCleanup(client.shutdown)
        return client

    def test_passwords(self):
        for login in ("login", "plain_login"):
            client = self.connect()
            getattr(client, login)(USER, PASSWORD)
            self.assertEqual(client.select_folder("INBOX")[b"EXISTS"], 0)
            with self.assertRaisesRegex(imapclient.exceptions.LoginError, "AUTHENTICATIONFAILED"):
                getattr(self.connect(), login)(USER, "wrong")
        self.assertEqual(self.logins(), ["login", "PLAIN"])

    def test_plain_as_another_user(self):
        self.server.add_user("boss", "sesame")
        with self.assertRaisesRegex(imapclient.exceptions.LoginError, "AUTHORIZATIONFAILED"):
            self.connect().plain_login("boss", "sesame", USER)
        self.assertEqual(self.server.command("user", "role", "boss", "admin").returncode, 0)
        self.put("INBOX", [wire(next(messages(1)))])
        client = self.connect()
        client.plain_login("boss", "sesame", USER)
        self.assertEqual(client.select_folder("INBOX")[b"EXISTS"], 1)

    def test_tokens(self):
        for login in ("oauthbearer_login", "oauth2_login"):
            client = self.connect()
            getattr(client, login)(USER, self.token())
            self.assertEqual(client.select_folder("INBOX")[b"EXISTS"], 0)
        self.assertEqual(self.logins(), list(BEARERS))

    def test_a_token_that_is_refused(self):
        # IMAPClient answers the server's reasons with the whole message once more: anything is taken there.
        for login in ("oauthbearer_login", "oauth2_login"):
            with self.assertRaisesRegex(imapclient.exceptions.LoginError, "AUTHENTICATIONFAILED"):
                getattr(self.connect(), login)(USER, self.token(exp=1))
        self.assertEqual(self.logins(), [])
        self.assertEqual(len(self.refusals()), 2)


class OfImapFlow(TokenTest):
    def flow(self, expected, **auth):
        """Logs in; `expected` is what the script prints: the mailbox's messages, or why it was refused."""
        script = ROOT / "imap-server" / "tests" / "real-clients" / "imapflow_login.cjs"
        environment = dict(
            os.environ, NODE_PATH=str(MODULES), NODE_EXTRA_CA_CERTS=str(self.server.certificate),
            IMAPS_PORT=str(self.server.imaps), IMAP_AUTH=json.dumps({"user": USER, **auth}),
        )
        done = self.run_client("node", script, env=environment, timeout=120)
        self.assertEqual(json.loads(done.stdout), expected)

    def test_passwords(self):
        for method in ("LOGIN", "AUTH=PLAIN", "AUTH=LOGIN"):
            self.flow({"exists": 0}, **{"pass": PASSWORD, "loginMethod": method})
        self.flow({"refused": "AUTHENTICATIONFAILED"}, **{"pass": "wrong"})
        self.assertEqual(self.logins(), ["login", "PLAIN", "LOGIN"])

    def test_oauthbearer(self):
        self.flow({"exists": 0}, accessToken=self.token())
        self.flow({"refused": "AUTHENTICATIONFAILED", "status": "invalid_token"}, accessToken=self.token(exp=1))
        self.assertEqual(self.logins(), ["OAUTHBEARER"])


class OfImapFlowWithoutOauthbearer(OfImapFlow):
    """imapflow takes XOAUTH2 only where OAUTHBEARER is not offered."""

    test_passwords = test_oauthbearer = None

    def write_config(self):
        return super().write_config() + "[imaps]\nlisten = '127.0.0.1:0'\nmechanisms = ['XOAUTH2', 'PLAIN']\n"

    def test_xoauth2(self):
        self.flow({"exists": 0}, accessToken=self.token())
        self.flow({"refused": "AUTHENTICATIONFAILED", "status": "401"}, accessToken=self.token(exp=1))
        self.assertEqual(self.logins(), ["XOAUTH2"])


MUTTRC = """
set imap_user="{user}"
set imap_pass="{password}"
set imap_authenticators="{mechanism}"
set imap_oauth_refresh_command="cat {token}"
set folder="imaps://localhost:{port}/"
set spoolfile="+INBOX"
set certificate_file="{certificate}"
set ssl_force_tls=yes
set move=no
set quit=yes
set wait_key=no
"""


class OfMutt(TokenTest):
    def mutt(self, mechanism, number):
        """Opens INBOX by that mechanism alone, flags a message, and ends."""
        (self.files / "token").write_text(self.token())
        rc = self.home / "muttrc"
        rc.write_text(MUTTRC.format(
            user=USER, password=PASSWORD, mechanism=mechanism, token=self.files / "token", port=self.server.imaps,
            certificate=self.server.certificate,
        ))
        client = pexpect.spawn(
            "mutt", ["-n", "-F", str(rc), "-e", f'push "{number}<enter><flag-message><sync-mailbox><quit>"'],
            env=dict(os.environ, HOME=str(self.home), TERM="vt100", LC_ALL="C.UTF-8"), timeout=60, dimensions=(40, 120),
        )
        try:
            client.expect(pexpect.EOF)
            client.close()
        except pexpect.TIMEOUT:
            client.close(force=True)
            self.fail(f"mutt did not end: {mechanism}: {client.before[-2000:]!r}")

    def test_each(self):
        mechanisms = ("plain", "login", "oauthbearer", "xoauth2", "SCRAM-SHA-256", "SCRAM-SHA-1")
        self.put("INBOX", [wire(message) for message in messages(len(mechanisms), large_octets=1_000)])
        before = len(self.logins())
        for number, mechanism in enumerate(mechanisms, 1):
            self.mutt(mechanism, number)
        came = self.logins()[before:]
        self.assertEqual([name.upper() for name in came], [name.upper() for name in mechanisms])
        for flags, _ in self.held("INBOX"):
            self.assertIn("\\Flagged", flags)


class Anonymous(AuthTest):
    """Mailboxes that `anyone` may read, for who is nobody in particular."""

    def write_config(self):
        return "[anonymous]\nuser = 'anonymous'\n"

    def setUp(self):
        super().setUp()
        for arguments in (("share", "news"), ("acl", "--shared", "news", "INBOX", USER, "lrsi"),
                          ("acl", "--shared", "news", "INBOX", "anyone", "lr")):
            done = self.server.command("mailbox", *arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.mail = [wire(message) for message in messages(3, large_octets=1_000)]
        self.put("Shared Folders/news", self.mail)
        self.put("INBOX", self.mail[:1])

    def test_gsasl_over_starttls(self):
        done = self.run_client(
            "gsasl", "--imap", f"--connect=localhost:{self.server.imap}", f"--x509-ca-file={self.server.certificate}",
            "--mechanism", "ANONYMOUS", "--anonymous-token", "guest@example.org",
        )
        self.assertIn(b"server trusted", done.stdout + done.stderr)
        self.assertEqual(self.logins()[-1], "ANONYMOUS")

    def test_imaplib_reads_and_changes_nothing(self):
        client = self.tls()
        self.assertIn("AUTH=ANONYMOUS", client.capabilities)
        client.authenticate("ANONYMOUS", lambda challenge: b"guest@example.org")
        with self.assertRaises(imaplib.IMAP4.readonly):
            client.select('"Shared Folders/news"')
        self.assertEqual(client.select('"Shared Folders/news"', readonly=True)[1], [b"3"])
        data = client.fetch("1:3", "(BODY[])")[1]
        self.assertEqual([part[1] for part in data if isinstance(part, tuple)], self.mail)
        for refused in (
            lambda: client.store("1", "+FLAGS", "\\Seen"), lambda: client.append("INBOX", None, None, self.mail[0]),
            lambda: client.append('"Shared Folders/news"', None, None, self.mail[0]), lambda: client.create("mine"),
            lambda: client.select("INBOX"), lambda: client.select('"Other Users/ann/INBOX"'),
        ):
            self.assertEqual(refused()[0], "NO")
        client.logout()
        self.assertEqual(self.bodies("Shared Folders/news"), self.mail)
