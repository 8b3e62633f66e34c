"""Logins by tokens, client certificates, LDAP (slapd) and a passwd file, by imaplib and gsasl."""

import base64
import hashlib
import imaplib
import pathlib
import socket
import ssl
import subprocess
import time
import unittest

from auth import AuthTest, TokenTest, part
from harness import PASSWORD, USER

SLAPD = "/usr/sbin/slapd"


class Tokens(TokenTest):
    def login(self, mechanism, token):
        start = f"user={USER}\x01" if mechanism == "XOAUTH2" else f"n,a={USER},\x01"
        message = f"{start}auth=Bearer {token}\x01\x01".encode()
        client = self.tls()
        # After a challenge that holds an error the client answers with nothing of consequence (RFC 7628 section 3.2.3).
        client.authenticate(mechanism, lambda challenge: message if not challenge else b"\x01")
        return client

    def test_good_ones(self):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            client = self.login(mechanism, self.token())
            self.assertEqual(client.select("INBOX")[0], "OK")
            client.logout()

    def test_bad_ones(self):
        header, claims, _ = self.token().split(".")
        for token in (
            self.token(iss="https://elsewhere.example.org"), self.token(aud="another"),
            self.token(exp=int(time.time()) - 3600), f"{header}.{claims}.{part(bytes(32))}",
            part(b'{"alg":"none"}') + f".{claims}.",
        ):
            with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
                self.login("OAUTHBEARER", token)


class Certificates(AuthTest):
    def write_config(self):
        at = self.files
        (at / "ca.cnf").write_text(f"[e]\nsubjectAltName=email:{USER}@example.org\n")
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.run_quietly("openssl", "req", "-x509", *curve, "-keyout", at / "ca.key", "-out", at / "ca.pem",
                         "-subj", "/CN=authority", "-days", "2")
        self.run_quietly("openssl", "req", *curve, "-keyout", at / "ann.key", "-out", at / "ann.csr", "-subj", "/CN=x")
        self.run_quietly("openssl", "x509", "-req", "-in", at / "ann.csr", "-CA", at / "ca.pem", "-CAkey", at / "ca.key",
                         "-CAcreateserial", "-days", "2", "-extfile", at / "ca.cnf", "-extensions", "e", "-out", at / "ann.pem")
        ca = f"client-ca = '{at}/ca.pem'\n"
        return f"[imap]\n{ca}[imaps]\n{ca}[client-certificates]\nstrip-domains = ['example.org']\n"

    def test_imaplib_over_tls(self):
        context = ssl.create_default_context(cafile=self.server.certificate)
        context.load_cert_chain(self.files / "ann.pem", self.files / "ann.key")
        client = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=context)
        client.authenticate("EXTERNAL", lambda challenge: b"")
        self.assertEqual(client.select("INBOX")[0], "OK")
        client.logout()

    def test_gsasl_after_starttls(self):
        done = subprocess.run(
            [
                "gsasl", "--imap", f"--connect=localhost:{self.server.imap}", f"--x509-ca-file={self.server.certificate}",
                f"--x509-cert-file={self.files}/ann.pem", f"--x509-key-file={self.files}/ann.key",
                "--mechanism", "EXTERNAL", "--authorization-id", USER,
            ],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )
        self.assertIn("server trusted", done.stdout + done.stderr)
        self.assertEqual(done.returncode, 0)


class Passwd(AuthTest):
    def write_config(self):
        digest = base64.b64encode(hashlib.sha1(b"sesamesalt").digest() + b"salt").decode()
        (self.files / "users").write_text(f"bob:{{SSHA}}{digest}:::::\n")
        return (
            "[[directory]]\nkind = 'internal'\n[[directory]]\nkind = 'passwd-file'\nname = 'old'\n"
            f"file = '{self.files}/users'\n"
        )

    def test_users_of_both(self):
        for user, password in ((USER, PASSWORD), ("bob", "sesame")):
            client = self.tls()
            client.login(user, password)
            self.assertEqual(client.select("INBOX")[0], "OK")
            client.logout()
        self.assertIn("bob", self.server.command("user", "list").stdout)


PEOPLE = """dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: uid=carol,dc=example,dc=org
objectClass: inetOrgPerson
uid: carol
cn: Carol
sn: Carol
userPassword: sesame
"""


@unittest.skipUnless(pathlib.Path(SLAPD).exists(), "Debian's package slapd is not installed")
class Ldap(AuthTest):
    def write_config(self):
        at = self.files
        (at / "db").mkdir()
        (at / "people.ldif").write_text(PEOPLE)
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        (at / "slapd.conf").write_text(
            f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nmaxsize 10485760\n"
            f"suffix dc=example,dc=org\ndirectory {at}/db\naccess to attrs=userPassword by anonymous auth by * none\n"
            "access to * by * read\n"
        )
        self.run_quietly("/usr/sbin/slapadd", "-f", at / "slapd.conf", "-l", at / "people.ldif")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start_slapd()
        return (
            "[[directory]]\nkind = 'internal'\n[[directory]]\nkind = 'ldap'\nname = 'staff'\n"
            f"urls = ['ldap://127.0.0.1:{self.port}']\nbase = 'dc=example,dc=org'\n"
        )

    def start_slapd(self):
        command = [SLAPD, "-d", "0", "-f", self.files / "slapd.conf", "-h", f"ldap://127.0.0.1:{self.port}"]
        self.slapd = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop_slapd)
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), deadline, "slapd does not listen")
                time.sleep(0.05)

    def stop_slapd(self):
        self.slapd.kill()
        self.slapd.wait()

    def test_logins(self):
        client = self.tls()
        client.login("carol", "sesame")
        self.assertEqual(client.select("INBOX")[0], "OK")
        client.logout()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "AUTHENTICATIONFAILED"):
            self.tls().login("carol", "wrong")

    def test_a_directory_that_is_down_is_no_wrong_password(self):
        self.stop_slapd()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "UNAVAILABLE"):
            self.tls().login("carol", "sesame")
        # Whoever is known before it is asked gets in as ever.
        self.tls().login(USER, PASSWORD)
