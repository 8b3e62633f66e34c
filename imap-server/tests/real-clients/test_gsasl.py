"""gsasl: SCRAM by GNU's library, also bound to the TLS connection (tls-exporter), over STARTTLS."""

import subprocess

from harness import PASSWORD, USER, ClientTest


class Gsasl(ClientTest):
    def gsasl(self, mechanism, *more, password=PASSWORD):
        return subprocess.run(
            [
                "gsasl", "--imap", f"--connect=localhost:{self.server.imap}", f"--x509-ca-file={self.server.certificate}",
                "--mechanism", mechanism, "--authentication-id", USER, "--password", password, *more,
            ],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )

    def test_bound(self):
        for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
            done = self.gsasl(mechanism)
            self.assertIn("server trusted", done.stdout + done.stderr, mechanism)
            self.assertEqual(done.returncode, 0, mechanism)

    def test_not_bound(self):
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"):
            done = self.gsasl(mechanism, "--no-cb")
            self.assertIn("server trusted", done.stdout + done.stderr, mechanism)
            self.assertEqual(done.returncode, 0, mechanism)

    def test_a_wrong_password(self):
        for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"):
            done = self.gsasl(mechanism, password="wrong")
            self.assertIn("NO [AUTHENTICATIONFAILED]", done.stdout + done.stderr, mechanism)
            self.assertNotEqual(done.returncode, 0, mechanism)
