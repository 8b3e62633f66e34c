"""What Python's email package reads in messages: the facts of each, one a line, to be compared with ours.

Called with a directory; reads every .eml below it, in the order of their paths.
"""

import email.parser
import email.policy
import email.utils
import pathlib
import quopri
import re
import sys
import zlib


def octets(text):
    return text.encode("utf-8", "surrogateescape")


def unfolded(value):
    return re.sub(r"\r?\n", "", value).replace("\0", "?").strip(" \t\r\n\f")


def parts(message, prefix, out, is_message=True):
    """The tree in the order of a walk, with section numbers as in IMAP."""
    kind = message.get_content_type()
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        out.append(f"part {prefix or '-'} {kind}")
        for at, part in enumerate(message.get_payload(), 1):
            parts(part, f"{prefix}.{at}" if prefix else str(at), out, False)
        return
    number = (f"{prefix}.1" if prefix else "1") if is_message else prefix
    if message.is_multipart():
        # message/rfc822 and its like: one message inside. (message/delivery-status: a list of headers.)
        out.append(f"part {number} {kind}")
        if kind in ("message/rfc822", "message/global"):
            parts(message.get_payload(0), number, out)
        return
    raw = message._payload or ""
    size = len(octets(raw)) if isinstance(raw, str) else 0
    content = message.get_payload(decode=True) or b""
    if str(message.get("content-transfer-encoding", "")).strip().lower() == "quoted-printable":
        # What Python leaves to the caller: white space before a line end goes (RFC 2045 section 6.7).
        content = quopri.decodestring(re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", octets(raw)))
    out.append(f"part {number} {kind} {size} {zlib.crc32(content):08x}")


def envelope(message, out):
    for name in ("subject", "message-id", "in-reply-to"):
        value = message.get(name)
        if value is not None:
            out.append(f"{name} {unfolded(str(raw(message, name)))}")
    for name in ("from", "sender", "reply-to", "to", "cc", "bcc"):
        if message.get(name) is None:
            continue
        for real_name, address in email.utils.getaddresses([unfolded(raw(message, name))]):
            if real_name or address:
                out.append(f"{name} {real_name}|{address}")
    if message.get("date") is not None:
        date = email.utils.parsedate(unfolded(raw(message, "date")))
        out.append("date " + ("none" if date is None else "%04d-%02d-%02d" % date[:3]))


def raw(message, name):
    """The first field of that name, as it stands."""
    return next(value for key, value in message.raw_items() if key.lower() == name)


def main():
    root = pathlib.Path(sys.argv[1])
    parser = email.parser.BytesParser(policy=email.policy.compat32)
    for path in sorted(root.rglob("*.eml")):
        message = parser.parsebytes(path.read_bytes())
        out = []
        parts(message, "", out)
        envelope(message, out)
        sys.stdout.buffer.write(b"# " + octets(str(path.relative_to(root))) + b"\n")
        for line in out:
            sys.stdout.buffer.write(octets(line.replace("\n", " ").replace("\r", " ")) + b"\n")


main()
