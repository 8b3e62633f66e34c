"""Mail in all the shapes that clients push: deterministic, so that a failure comes back with the same seed.

Messages have bare LF line ends, as a Maildir does; `wire` gives what a server must hold."""

import base64
import random

WORDS = (
    "harbour ledger lantern meadow quiet parcel stamp window ferry orchard copper winter letter bridge candle"
    " signal garden museum thunder velvet marble station compass river saddle"
).split()
NAMES = ["Ann Verhoeven", "Bo Lindqvist", "Chidi Okafor", "Dana Petrova", "Émile Brontë", "藤田 花", "Zoë O'Neil"]


def wire(message):
    """The octets on the wire: every line ends in CRLF."""
    return message.replace(b"\n", b"\r\n")


def messages(count, seed=1988, large_octets=10_000_000):
    """`count` messages of every kind in turn; number 7 carries an attachment of `large_octets`."""
    rng = random.Random(seed)
    for number in range(count):
        if number == 7:
            yield attachment(rng, number, large_octets)
        else:
            yield KINDS[number % len(KINDS)](rng, number)


def text(rng, words=60):
    lines = []
    for _ in range(max(1, words // 10)):
        lines.append(" ".join(rng.choice(WORDS) for _ in range(10)))
    return ("\n".join(lines) + "\n").encode()


def head(rng, number, subject=None, more=b""):
    sender = rng.choice(NAMES[:4])
    subject = subject or f"{rng.choice(WORDS)} {rng.choice(WORDS)} {number}".encode()
    day = 1 + number % 28
    return (
        b"From: %s <user%d@example.org>\nTo: ann@example.org\nSubject: %s\n"
        b"Date: %02d Oct 2026 10:%02d:00 +0200\nMessage-ID: <%d.%d@example.org>\n%s"
        % (sender.encode(), number % 9, subject, day, number % 60, number, rng.getrandbits(48), more)
    )


def plain(rng, number):
    return head(rng, number) + b"\n" + text(rng)


def eight_bit_body(rng, number):
    more = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    return head(rng, number, more=more) + b"\n" + "Grüße aus Århus, 東京 и Києва\n".encode() + text(rng)


def raw_eight_bit_header(rng, number):
    subject = "Übergrößenträger ".encode() + b"\xe9\xe8 latin too"
    return head(rng, number, subject=subject) + b"\n" + text(rng)


def utf8_names(rng, number):
    more = ("Cc: " + ", ".join(f"{name} <c{n}@example.net>" for n, name in enumerate(NAMES)) + "\n").encode()
    return head(rng, number, more=more) + b"\n" + text(rng)


def encoded_words(rng, number):
    subject = b"=?utf-8?B?" + base64.b64encode("Zażółć gęślą jaźń".encode()) + b"?= and \"quotes\" \\ {7}"
    return head(rng, number, subject=subject) + b"\n" + text(rng)


def empty_body(rng, number):
    return head(rng, number) + b"\n"


def long_lines(rng, number):
    return head(rng, number) + b"\n" + b"x" * rng.randrange(1_000, 70_000) + b"\n" + text(rng)


def binary_without_nul(rng, number):
    more = b"MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n"
    octets = bytes(octet for octet in rng.randbytes(3_000) if octet not in (0, 10, 13))
    return head(rng, number, more=more) + b"\n" + octets + b"\n"


def html_alternative(rng, number):
    more = b'MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="alt-%d"\n' % number
    return (
        head(rng, number, more=more)
        + b"\nThis is the preamble.\n--alt-%d\nContent-Type: text/plain\n\n" % number
        + text(rng, 20)
        + b"\n--alt-%d\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" % number
        + b"<p>Gr=C3=BC=C3=9Fe &amp; <b>all the best</b></p>=\n\n"
        + b"--alt-%d--\nThis is the epilogue.\n" % number
    )


def nested_message(rng, number):
    more = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=outer%d\n" % number
    return (
        head(rng, number, more=more)
        + b"\n--outer%d\n\nForwarded:\n--outer%d\nContent-Type: message/rfc822\n\n" % (number, number)
        + html_alternative(rng, number + 100_000)
        + b"\n--outer%d--\n" % number
    )


def broken_mime(rng, number):
    more = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=never\nContent-Disposition: ;;=\n"
    return head(rng, number, more=more) + b"\nNo boundary ever comes.\n" + text(rng)


def no_final_line_end(rng, number):
    return head(rng, number) + b"\n" + text(rng) + b"the last line has no end"


def attachment(rng, number, octets=20_000):
    more = b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=_%d_="\n' % number
    data = base64.encodebytes(rng.randbytes(octets * 3 // 4))
    return (
        head(rng, number, more=more)
        + b"\n--=_%d_=\nContent-Type: text/plain\n\nSee attached.\n" % number
        + b"--=_%d_=\nContent-Type: image/png; name=\"pict\xc3\xbcre.png\"\n" % number
        + b"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename*=utf-8''pict%C3%BCre.png\n\n"
        + data
        + b"--=_%d_=--\n" % number
    )


KINDS = [
    plain, eight_bit_body, raw_eight_bit_header, utf8_names, encoded_words, empty_body, long_lines,
    binary_without_nul, html_alternative, nested_message, broken_mime, no_final_line_end, attachment,
]
