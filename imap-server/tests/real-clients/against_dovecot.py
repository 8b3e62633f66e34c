"""mbsync pushes and pulls 1,000 messages, against Restante and Dovecot in turn: prints seconds and ratios.

    python3 imap-server/tests/real-clients/against_dovecot.py [ROUNDS]

Needs Debian's isync and dovecot-imapd, and `cargo build --release -p imap-server`. Dovecot has a configuration of its own: mdbox,
fsync always, clear text on a port of its own, no index of the system touched."""

import os
import pathlib
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import harness
from corpus import messages

harness.BINARY = pathlib.Path(os.environ.get("RESTANTE", harness.ROOT / "target" / "release" / "restante"))
FOLDERS = ["INBOX", "Projects", "Projects/2026", "Letters"]

DOVECOT = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
protocols = imap
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = {me}
default_login_user = {me}
default_internal_group = {group}
mail_location = mdbox:{home}/mail
mail_fsync = always
first_valid_uid = 0
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={home}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Restante:
    name = "restante"

    def __init__(self, home):
        self.server = harness.Server(home / "data").start()
        self.server.add_user("ann", "pass")
        self.port = self.server.imap

    def stop(self):
        print(f"  restante: peak memory {self.server.peak_memory_kib() / 1024:.1f} MiB")
        self.server.stop()


class Dovecot:
    name = "dovecot"

    def __init__(self, home):
        me = pwd.getpwnam("dovecot" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name)
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else me
        home.chmod(0o755)
        for folder in ("home", "mail"):
            (home / folder).mkdir()
            shutil.chown(home / folder, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        config = home / "dovecot.conf"
        config.write_text(
            DOVECOT.format(home=home, me=me.pw_name, group="dovecot" if os.getuid() == 0 else me.pw_name,
                           password="pass", port=self.port, uid=owner.pw_uid, gid=owner.pw_gid)
        )
        self.process = subprocess.Popen(["dovecot", "-F", "-c", config])
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((home / "dovecot.log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def mbsync(home, name, port):
    # Both servers may sync; that mbsync does so with its own files would only blur the times.
    config = harness.mbsync_config(home, name, port, "ann", "pass", "SSLType None", "FSync no")
    began = time.monotonic()
    subprocess.run(["mbsync", "-q", "-c", config, "mail"], check=True)
    return time.monotonic() - began


def fill(maildir):
    for folder in FOLDERS:
        for kind in ("cur", "new", "tmp"):
            (maildir / folder / kind).mkdir(parents=True)
    for number, message in enumerate(messages(1_000)):
        folder = FOLDERS[number % len(FOLDERS)]
        (maildir / folder / "cur" / f"{1_700_000_000 + number}.{number}.host:2,S").write_bytes(message)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seconds = {(kind.name, way): [] for kind in (Restante, Dovecot) for way in ("push", "pull")}
    for _ in range(rounds):
        for kind in (Restante, Dovecot):
            home = pathlib.Path(tempfile.mkdtemp(prefix="against-", dir=os.environ.get("TMPDIR")))
            server = kind(home)
            try:
                fill(home / "first")
                seconds[kind.name, "push"].append(mbsync(home, "first", server.port))
                seconds[kind.name, "pull"].append(mbsync(home, "second", server.port))
            finally:
                server.stop()
                shutil.rmtree(home, ignore_errors=True)
    for way in ("push", "pull"):
        ours, theirs = (statistics.median(seconds[name, way]) for name in ("restante", "dovecot"))
        print(f"{way}: restante {ours:.2f} s, dovecot {theirs:.2f} s, ratio {theirs / ours:.2f}")
        print(f"  all: {seconds['restante', way]} {seconds['dovecot', way]}")


if __name__ == "__main__":
    main()
