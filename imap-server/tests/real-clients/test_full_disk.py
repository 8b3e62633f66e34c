"""A disk that is full: APPEND is refused, all that was acknowledged stays, and room is enough to go on; clients can
make it themselves.

Needs the right to mount a tmpfs; skipped without it."""

import imaplib
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import unittest

from harness import PASSWORD, USER, Server


class FullDisk(unittest.TestCase):
    SMALL, LARGE = "24m", "64m"

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="restante-full-disk-"))
        self.addCleanup(shutil.rmtree, self.home, True)
        self.disk = self.home / "disk"
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={self.SMALL}", "tmpfs", self.disk]
        try:
            done = subprocess.run(mount, capture_output=True, text=True)
        except FileNotFoundError:
            self.skipTest("there is no mount here")
        if done.returncode:
            self.skipTest(f"mounting is not permitted here: {done.stderr.strip()}")
        self.addCleanup(self.unmount)
        # Its log lies beside the data directory and so never on the full disk.
        self.server = Server(self.disk)
        self.server.start()
        self.addCleanup(self.kill_server)
        self.server.add_user()
        self.rng = random.Random(24)
        self.kept = []

    def unmount(self):
        done = subprocess.run(["umount", self.disk], capture_output=True, text=True)
        if done.returncode:
            subprocess.run(["umount", "--lazy", self.disk], check=True)

    def kill_server(self):
        if self.server.process.poll() is None:
            self.server.kill()

    def connect(self):
        client = imaplib.IMAP4("localhost", self.server.imap)
        self.addCleanup(client.shutdown)
        client.login(USER, PASSWORD)
        return client

    def ok(self, answer):
        self.assertEqual(answer[0], "OK", answer)
        return answer[1]

    def message(self, octets=700_000):
        body = bytes(1 + octet % 255 for octet in self.rng.randbytes(octets))
        return b"Subject: number %d\r\n\r\n" % len(self.kept) + body.replace(b"\r", b"r").replace(b"\n", b"n")

    def append(self, client, message):
        """The tagged answer to an APPEND; what it acknowledged has to stay from then on."""
        status, text = client.append("INBOX", None, None, message)
        if status == "OK":
            self.kept.append(message)
        return status, text[0]

    def check_kept(self, client):
        self.assertEqual(self.ok(client.select("INBOX")), [b"%d" % len(self.kept)])
        for number, message in enumerate(self.kept, 1):
            (_, octets), *_ = self.ok(client.fetch(str(number), "(BODY.PEEK[])"))
            self.assertTrue(octets == message, f"message {number} changed")

    def fill(self, client):
        """Appends until there is no room, with messages of three sizes, so that the last gaps are filled too."""
        for octets in (700_000, 50_000, 2_000):
            for _ in range(2_000):
                status, text = self.append(client, self.message(octets))
                if status != "OK":
                    break
            self.assertEqual(status, "NO", "the disk is never full")
            self.assertRegex(text, rb"\[(UNAVAILABLE|OVERQUOTA|LIMIT)\]")

    def test_a_full_disk_loses_nothing_and_room_ends_it(self):
        client = self.connect()
        self.fill(client)
        self.assertGreater(len(self.kept), 5, "the disk was full before there was mail on it")
        self.ok(client.noop())
        self.check_kept(client)
        other = self.connect()
        self.check_kept(other)
        self.ok(other.noop())

        subprocess.run(["mount", "-o", f"remount,size={self.LARGE}", self.disk], check=True)
        for session in (client, other, self.connect()):
            self.assertEqual(self.append(session, self.message())[0], "OK", "room is not enough to go on")
        self.check_kept(other)

        self.server.kill()
        self.server.start()
        client = self.connect()
        self.check_kept(client)
        self.assertEqual(self.append(client, self.message())[0], "OK")

    def test_clients_empty_a_full_disk_without_a_restart(self):
        client = self.connect()
        self.fill(client)
        total = len(self.kept)
        # Nothing comes in, by whatever way; what is there can be read, flagged, moved and expunged.
        other = self.connect()
        self.ok(other.select("INBOX"))
        self.assertEqual(other.copy("1", "Trash")[0], "NO")
        self.check_kept(client)
        self.ok(other.store("1", "+FLAGS", "(\\Seen)"))
        gone = [number for number in range(1, total + 1) if number % 10]
        self.ok(client.store(",".join(map(str, gone)), "+FLAGS.SILENT", "(\\Deleted)"))
        expunged = self.ok(client.expunge())
        self.assertEqual(len(expunged), len(gone))
        self.kept = [message for number, message in enumerate(self.kept, 1) if number % 10 == 0]
        self.check_kept(client)

        # Who has not been told yet could still read them.
        self.ok(other.noop())
        # The store frees the room by itself, as soon as somebody asks for it.
        message, end = self.message(), time.monotonic() + 60
        while True:
            status, text = client.append("INBOX", None, None, message)
            if status == "OK":
                break
            self.assertIn(b"[UNAVAILABLE]", text[0])
            self.assertLess(time.monotonic(), end, "the room of what was expunged never came back")
            time.sleep(0.2)
        self.kept.append(message)
        for _ in range(5):
            self.assertEqual(self.append(client, self.message())[0], "OK")
        self.check_kept(self.connect())

    def test_a_summary_that_was_cut_for_want_of_room_is_not_left(self):
        client = self.connect()
        for _ in range(3):
            self.assertEqual(self.append(client, self.message(2_000))[0], "OK")
        # Somebody else takes all room. What the log has set aside still takes messages; their summaries do not fit.
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        for _ in range(30):
            self.append(client, self.message(200))
        self.assertGreater(len(self.kept), 5, "nothing was taken: no summary was to be written")
        self.server.kill()
        ballast.unlink()
        self.server.start()
        checked = self.server.command("store", "check")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.check_kept(self.connect())

    def test_a_server_killed_on_a_full_disk_starts_again_with_all_mail(self):
        self.fill(self.connect())
        self.server.kill()
        subprocess.run(["mount", "-o", f"remount,size={self.LARGE}", self.disk], check=True)
        self.server.start()
        client = self.connect()
        self.check_kept(client)
        self.assertEqual(self.append(client, self.message())[0], "OK")
