"""curl: one command a request, over implicit TLS and STARTTLS, with the server's own certificate trusted."""

from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest


class Curl(ClientTest):
    def curl(self, path, *more, scheme="imaps"):
        port = self.server.imaps if scheme == "imaps" else self.server.imap
        tls = () if scheme == "imaps" else ("--ssl-reqd",)
        return self.run_client(
            "curl", "--silent", "--show-error", "--cacert", self.server.certificate, *tls,
            "--user", f"{USER}:{PASSWORD}", f"{scheme}://localhost:{port}/{path}", *more,
        ).stdout

    def test_uploads_and_downloads(self):
        for number, message in enumerate(messages(13, large_octets=2_000_000), 1):
            file = self.home / f"{number}.eml"
            file.write_bytes(wire(message))
            self.curl("INBOX", "--upload-file", file)
            self.assertTrue(self.curl(f"INBOX;UID={number}") == wire(message), f"message {number} changed")

    def test_starttls(self):
        self.assertIn(b'"INBOX"', self.curl("", scheme="imap"))

    def test_lists_and_asks_for_status(self):
        self.assertIn(b"* LIST ", self.curl(""))
        self.assertIn(b"MESSAGES 0", self.curl("", "--request", "STATUS INBOX (MESSAGES UIDNEXT)"))

    def test_a_certificate_that_is_not_trusted_is_refused(self):
        import subprocess

        done = subprocess.run(
            ["curl", "--silent", f"imaps://localhost:{self.server.imaps}/", "--user", "a:b"], capture_output=True
        )
        self.assertEqual(done.returncode, 60)
