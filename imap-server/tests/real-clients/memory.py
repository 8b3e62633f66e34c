"""How much more memory the server needs while a message of 1, 10 and 100 MB is appended and fetched by imaplib.

    python3 imap-server/tests/real-clients/memory.py

Needs `cargo build --release -p imap-server`. Prints resident memory before and at its peak, in MiB."""

import base64
import imaplib
import os
import pathlib
import shutil
import tempfile

import harness

harness.BINARY = pathlib.Path(os.environ.get("RESTANTE", harness.ROOT / "target" / "release" / "restante"))


def resident_mib(server):
    """Resident memory now, after the peak was set back to it."""
    process = pathlib.Path(f"/proc/{server.process.pid}")
    (process / "clear_refs").write_text("5")
    return server.peak_memory_kib() / 1024


def main():
    home = pathlib.Path(tempfile.mkdtemp(prefix="restante-memory-"))
    server = harness.Server(home / "data").start()
    try:
        server.add_user()
        for megabytes in (1, 10, 100):
            measure(server, megabytes)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def measure(server, megabytes):
    body = base64.encodebytes(os.urandom(megabytes * 740_000)).replace(b"\n", b"\r\n")
    message = b"Subject: large\r\n\r\n" + body
    client = imaplib.IMAP4("localhost", server.imap)
    client.login(harness.USER, harness.PASSWORD)
    before = resident_mib(server)
    client.append("INBOX", None, None, message)
    print(f"{megabytes} MB APPEND: {before:.1f} -> {server.peak_memory_kib() / 1024:.1f}")
    number = client.select("INBOX")[1][0].decode()
    before = resident_mib(server)
    fetched = client.fetch(number, "(BODY.PEEK[])")[1][0][1]
    print(f"{megabytes} MB FETCH: {before:.1f} -> {server.peak_memory_kib() / 1024:.1f}")
    assert fetched == message
    client.logout()


if __name__ == "__main__":
    main()
