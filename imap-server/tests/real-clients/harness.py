"""What every test with a real client needs: a server of its own, in a directory of its own, on ports of its own."""

import imaplib
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("RESTANTE", ROOT / "target" / "debug" / "restante"))
USER, PASSWORD = "ann", "correct horse (battery)"


class Server:
    """The real binary, started as a script would start it; `config` is the text of a configuration file."""

    def __init__(self, data, config=""):
        self.data = pathlib.Path(data)
        self.config = config
        self.process = None

    def start(self):
        command = [
            BINARY, "serve", "--data", self.data, "--imap", "127.0.0.1:0", "--imaps", "127.0.0.1:0",
            "--lmtp", "none", "--admin", self.data / "admin.sock", "--allow-cleartext",
        ]
        if self.config:
            path = self.data.with_suffix(".toml")
            path.write_text(self.config)
            command += ["--config", path]
        self.log = open(self.data.with_suffix(".log"), "ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise RuntimeError(f"no ready line, but {line!r}: {self.data.with_suffix('.log').read_text()}")
        places = dict(word.split("=", 1) for word in line.split()[1:])
        self.imap = int(places["imap"].rsplit(":", 1)[1])
        self.imaps = int(places["imaps"].rsplit(":", 1)[1])
        return self

    @property
    def certificate(self):
        return self.data / "tls" / "cert.pem"

    def command(self, *arguments, stdin=""):
        """The command line of the server, speaking to the running one."""
        return subprocess.run(
            [BINARY, "--data", self.data, *arguments], input=stdin, text=True, capture_output=True, timeout=60
        )

    def add_user(self, name=USER, password=PASSWORD):
        done = self.command("user", "add", name, "--password-stdin", stdin=password + "\n")
        if done.returncode:
            raise RuntimeError(f"user add: {done.stderr}")

    def peak_memory_kib(self):
        """The most memory that the process ever had resident."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise RuntimeError("no VmHWM")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log.close()
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


MBSYNC = """
{options}

IMAPAccount server
Host 127.0.0.1
Port {port}
User {user}
Pass "{password}"
AuthMechs PLAIN LOGIN
{security}

IMAPStore server
Account server

MaildirStore local
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel mail
Far :server:
Near :local:
Patterns *
Create Both
Expunge Both
CopyArrivalDate yes
SyncState *
Sync All
"""


def mbsync_config(home, name, port, user, password, security, options=""):
    """Writes a configuration that syncs every mailbox with the Maildir `name` in `home`; returns its path."""
    maildir = home / name
    maildir.mkdir(exist_ok=True)
    path = home / f"{name}.mbsyncrc"
    path.write_text(
        MBSYNC.format(
            port=port, user=user, password=password, security=security, options=options, maildir=maildir
        )
    )
    return path


class ClientTest(unittest.TestCase):
    """A test with a fresh server and one user, and with a directory for what the client writes."""

    server_config = ""

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="restante-clients-"))
        self.addCleanup(shutil.rmtree, self.home, True)
        self.server = Server(self.home / "data", self.server_config)
        self.server.start()
        self.addCleanup(self.stop_server)
        self.server.add_user()

    def stop_server(self):
        if self.server.process.poll() is None:
            self.assertEqual(self.server.stop(), 0, "the server did not stop cleanly")

    def run_client(self, *command, **options):
        """Runs a client to its end and wants it to succeed."""
        done = self.run_any(*command, **options)
        if done.returncode:
            log = self.server.data.with_suffix(".log").read_text()[-3000:]
            self.fail(f"{command[0]} ended with {done.returncode}: {done.stdout!r} {done.stderr!r}\nserver: {log}")
        return done

    def run_any(self, *command, **options):
        """Runs a client to its end, however that is."""
        options.setdefault("timeout", 300)
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("env", dict(os.environ, HOME=str(self.home)))
        return subprocess.run([str(word) for word in command], capture_output=True, **options)

    def second_path(self):
        """An imaplib session over TLS, logged in: what the client did is looked up through it."""
        context = ssl.create_default_context(cafile=self.server.certificate)
        reader = imaplib.IMAP4_SSL("localhost", self.server.imaps, ssl_context=context)
        self.addCleanup(reader.shutdown)
        reader.login(USER, PASSWORD)
        return reader

    def put(self, mailbox, mail, flags=None):
        """Fills a mailbox through the second path."""
        writer = self.second_path()
        for message in mail:
            self.assertEqual(writer.append(f'"{mailbox}"', flags, None, message)[0], "OK")

    def held(self, mailbox):
        """What the server holds: pairs of the set of flags, without \\Recent, and the octets, in order of UID."""
        reader = self.second_path()
        self.assertEqual(reader.select(f'"{mailbox}"', readonly=True)[0], "OK", mailbox)
        data = reader.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1]
        parts = [part for part in data if isinstance(part, tuple)]
        flags = [set(re.search(rb"FLAGS \(([^)]*)\)", part[0])[1].decode().split()) for part in parts]
        return [(flags - {"\\Recent"}, part[1]) for flags, part in zip(flags, parts)]

    def bodies(self, mailbox):
        """The octets of each message that the server holds there."""
        return [octets for _, octets in self.held(mailbox)]

    def mailboxes(self):
        """The names that the second path lists."""
        lines = self.second_path().list()[1]
        return [line.decode().split(' "/" ', 1)[1].strip('"') for line in lines]
