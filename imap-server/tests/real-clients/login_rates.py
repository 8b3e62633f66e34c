"""Logins a second by mechanism, Restante and Dovecot in turn, with the same hash at the same cost: prints rates and ratios.

    python3 imap-server/tests/real-clients/login_rates.py [ROUNDS] [LOGINS]

Needs Debian's dovecot-imapd and `cargo build --release -p imap-server`. A login is a connection of its own: greeting, login,
OK, LOGOUT. Dovecot gets the very argon2id hash that Restante made, its cache of logins, and login processes that serve many
clients. "uncached" is the first login of each of many users, so that every one costs a hash."""

import base64
import concurrent.futures
import functools
import hashlib
import hmac
import os
import pathlib
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time

import against_dovecot
import harness

PASSWORD = "pass"
THREADS = 4
FRESH = [f"fresh{number}" for number in range(40)]
PHC = re.compile(rb"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]{43}")

# Behind the configuration of the other comparison, whose passdb is not wanted.
MORE = """
auth_mechanisms = plain login scram-sha-256
auth_cache_size = 10M
auth_cache_verify_password_with_worker = yes
ssl = yes
ssl_cert = <{tls}/cert.pem
ssl_key = <{tls}/key.pem
ssl_min_protocol = TLSv1.2
mail_max_userip_connections = 1000
service imap-login {{
  service_count = 0
  process_min_avail = 2
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service imap {{
  service_count = 256
  process_min_avail = 4
}}
passdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
"""


def restante(home):
    server = against_dovecot.Restante(home)
    for user in FRESH:
        server.server.add_user(user, PASSWORD)
    server.imaps = server.server.imaps
    return server


def hash_of(data):
    """The password's hash as Restante keeps it."""
    for path in sorted(data.rglob("*")):
        if path.is_file() and (found := PHC.search(path.read_bytes())):
            return found[0].decode()
    raise RuntimeError("no argon2id hash in the store")


def dovecot(home, phc, tls):
    shutil.copytree(tls, home / "tls")
    scram = subprocess.run(["doveadm", "-c", "/dev/null", "pw", "-s", "SCRAM-SHA-256", "-p", PASSWORD],
                           check=True, capture_output=True, text=True).stdout.strip()
    users = [f"{user}:{{ARGON2ID}}{phc}" for user in ["ann", *FRESH]]
    (home / "users").write_text("\n".join([*users, f"keys:{scram}", ""]))
    (home / "users").chmod(0o644)
    imaps = against_dovecot.free_port()
    whole = against_dovecot.DOVECOT
    without = re.sub(r"passdb \{\{.*?\n\}\}\n", "", whole, count=1, flags=re.S)
    tail = MORE.format(home=home, tls=home / "tls", imaps=imaps).replace("{", "{{").replace("}", "}}")
    against_dovecot.DOVECOT = without + tail
    try:
        server = against_dovecot.Dovecot(home)
    finally:
        against_dovecot.DOVECOT = whole
    server.imaps = imaps
    return server


@functools.cache
def salted(salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, iterations)


class Session:
    def __init__(self, server, tls):
        raw = socket.create_connection(("127.0.0.1", server.imaps if tls else server.port), 60)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = tls.wrap_socket(raw) if tls else raw
        self.file = self.socket.makefile("rb")
        self.line()

    def line(self):
        line = self.file.readline()
        if not line:
            raise RuntimeError("the server hung up")
        return line

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def challenge(self):
        line = self.line()
        while line.startswith(b"* "):
            line = self.line()
        if not line.startswith(b"+ "):
            raise RuntimeError(f"no challenge: {line}")
        return base64.b64decode(line[2:])

    def ok(self):
        line = self.line()
        while line.startswith(b"* "):
            line = self.line()
        if not line.startswith(b"a OK"):
            raise RuntimeError(f"not let in: {line}")

    def end(self):
        self.send("b LOGOUT")
        while self.file.readline():
            pass
        self.socket.close()


def login_command(session, user):
    session.send(f"a LOGIN {user} {PASSWORD}")
    session.ok()


def plain(session, user):
    session.send("a AUTHENTICATE PLAIN " + base64.b64encode(f"\0{user}\0{PASSWORD}".encode()).decode())
    session.ok()


def scram(session, user):
    """SCRAM-SHA-256 (RFC 7677); the salted password is kept, as clients do."""
    encode = lambda octets: base64.b64encode(octets).decode()
    nonce = encode(os.urandom(18))
    bare = f"n={user},r={nonce}"
    session.send("a AUTHENTICATE SCRAM-SHA-256 " + encode(f"n,,{bare}".encode()))
    first = session.challenge().decode()
    fields = dict(field.split("=", 1) for field in first.split(","))
    key = salted(base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(key, b"Client Key", "sha256")
    without_proof = f"c=biws,r={fields['r']}"
    signed = f"{bare},{first},{without_proof}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(one ^ other for one, other in zip(client_key, signature))
    session.send(encode(f"{without_proof},p={encode(proof)}".encode()))
    verifier = session.challenge()
    expected = hmac.digest(hmac.digest(key, b"Server Key", "sha256"), signed, "sha256")
    if verifier != b"v=" + base64.b64encode(expected):
        raise RuntimeError("the server does not know the password")
    session.send("")
    session.ok()


def rate(server, login, users, tls=None):
    """Logins a second, these users in turn."""
    def one(user):
        session = Session(server, tls)
        login(session, user)
        session.end()

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        began = time.monotonic()
        for _ in pool.map(one, users):
            pass
        return len(users) / (time.monotonic() - began)


def measure(server, logins, scram_user):
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    yield "PLAIN, uncached", rate(server, plain, FRESH)
    for name, login, context in (
        ("LOGIN command", login_command, None), ("PLAIN", plain, None), ("SCRAM-SHA-256", scram, None),
        ("PLAIN, TLS 1.3", plain, tls), ("SCRAM-SHA-256, TLS 1.3", scram, tls),
    ):
        user = scram_user if login is scram else "ann"
        rate(server, login, [user] * 8, context)
        yield name, rate(server, login, [user] * logins, context)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    logins = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    rates = {}
    for _ in range(rounds):
        home = pathlib.Path(tempfile.mkdtemp(prefix="logins-", dir=os.environ.get("TMPDIR")))
        (home / "ours").mkdir()
        (home / "theirs").mkdir()
        home.chmod(0o755)
        ours = restante(home / "ours")
        try:
            data = home / "ours" / "data"
            theirs = dovecot(home / "theirs", hash_of(data), data / "tls")
            try:
                # Step by step, one server and then the other, so that what else runs meets both.
                for (name, our_rate), (_, their_rate) in zip(measure(ours, logins, "ann"), measure(theirs, logins, "keys")):
                    rates.setdefault(name, []).append((our_rate, their_rate))
                    print(f"{name}: {our_rate:.0f} {their_rate:.0f}", flush=True)
            finally:
                theirs.stop()
        finally:
            ours.stop()
            shutil.rmtree(home, ignore_errors=True)
    for name, pairs in rates.items():
        our_rate, their_rate = (statistics.median(pair[which] for pair in pairs) for which in (0, 1))
        ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
        print(f"{name}: restante {our_rate:.0f}/s, dovecot {their_rate:.0f}/s, ratio {ratio:.1f}")


if __name__ == "__main__":
    main()
