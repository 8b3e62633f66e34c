"""What the tests of logins share: servers with files of their own, tokens, and what the audit says of a login."""

import base64
import hashlib
import hmac
import imaplib
import json
import pathlib
import re
import shutil
import ssl
import subprocess
import tempfile
import time

from harness import USER, ClientTest

ISSUER, AUDIENCE = "https://login.example.org", "restante"


class AuthTest(ClientTest):
    """`write_config` puts files into `self.files` and gives the configuration."""

    def setUp(self):
        self.files = pathlib.Path(tempfile.mkdtemp(prefix="restante-auth-"))
        self.addCleanup(shutil.rmtree, self.files, True)
        self.server_config = self.write_config()
        super().setUp()

    def tls(self):
        context = ssl.create_default_context(cafile=self.server.certificate)
        return imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=context)

    def run_quietly(self, *command, **more):
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, **more)

    def logins(self):
        """The mechanisms of all logins so far, in their order, by the audit."""
        log = self.server.data.with_suffix(".log").read_text()
        return re.findall(r'audit: login user=.* mechanism="([^"]+)"', log)

    def refusals(self):
        """The reasons of all logins that were refused so far, in their order, by the audit."""
        log = self.server.data.with_suffix(".log").read_text()
        return re.findall(r'audit: login refused .* reason="([^"]+)"', log)


class TokenTest(AuthTest):
    """A server that takes tokens signed with `SECRET`."""

    SECRET = b"a secret of at least thirty-two octets"

    def write_config(self):
        (self.files / "secret").write_bytes(self.SECRET)
        return (
            f"[oauth]\nsecret-file = '{self.files}/secret'\nalgorithms = ['HS256']\nissuers = ['{ISSUER}']\n"
            f"audiences = ['{AUDIENCE}']\n"
        )

    def token(self, **more):
        claims = {"iss": ISSUER, "aud": AUDIENCE, "email": USER, "exp": int(time.time()) + 300, **more}
        signed = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
        return signed + "." + part(hmac.digest(self.SECRET, signed.encode(), hashlib.sha256))


def part(octets):
    """A part of a JWT."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
