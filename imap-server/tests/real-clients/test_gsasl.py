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

    def test_the_audit_log_tells_who_came_how_and_no_secret(self):
        self.gsasl("SCRAM-SHA-256-PLUS")
        self.gsasl("PLAIN", "--no-cb")
        self.gsasl("PLAIN", "--no-cb", password="open sesame")
        log = self.server.data.with_suffix(".log").read_text()
        lines = [line for line in log.splitlines() if " audit: login" in line]
        self.assertEqual(len(lines), 3, log)
        for line, words in zip(lines, (
            ['audit: login ', 'mechanism="SCRAM-SHA-256-PLUS"'],
            ['audit: login ', 'mechanism="PLAIN"'],
            ['audit: login refused ', 'mechanism="PLAIN"', 'reason="wrong password"'],
        )):
            for word in [*words, f'user="{USER}"', "127.0.0.1:", 'tls="TLS1.3"', 'listener="imap"']:
                self.assertIn(word, line)
        for secret in (PASSWORD, "open sesame"):
            self.assertNotIn(secret, log)
