"""mutt without hands: its commands are pushed into it on a terminal of its own; what it did is looked up afterwards."""

import os

import pexpect
from corpus import messages, wire
from harness import PASSWORD, USER, ClientTest

MUTTRC = """
set imap_user="{user}"
set imap_pass="{password}"
set folder="imaps://localhost:{port}/"
set spoolfile="+INBOX"
set record="+Sent"
set postponed="+Drafts"
set mbox="+Archive"
set move=no
set certificate_file="{certificate}"
set ssl_starttls=no
set ssl_force_tls=yes
set sendmail="/bin/true"
set from="ann@example.org"
set use_domain=no
set quit=yes
set delete=yes
set confirmappend=no
set confirmcreate=no
set resolve=no
set wait_key=no
set imap_check_subscribed=no
set imap_idle=no
set mark_old=no
set sort=mailbox-order
set header_cache="{home}/cache"
"""


class Mutt(ClientTest):
    def setUp(self):
        super().setUp()
        self.rc = self.home / "muttrc"
        self.rc.write_text(
            MUTTRC.format(
                user=USER, password=PASSWORD, port=self.server.imaps, certificate=self.server.certificate, home=self.home
            )
        )

    def mutt(self, keys, *more):
        """Opens INBOX, does what is pushed, and ends."""
        client = pexpect.spawn(
            "mutt", ["-n", "-F", str(self.rc), "-e", f'push "{keys}"', *more],
            env=dict(os.environ, HOME=str(self.home), TERM="vt100", LC_ALL="C.UTF-8"), timeout=60, dimensions=(40, 120),
        )
        try:
            client.expect(pexpect.EOF)
            client.close()
        except pexpect.TIMEOUT:
            client.close(force=True)
            self.fail(f"mutt did not end: {client.before[-2000:]!r}")
        self.assertEqual(client.exitstatus, 0, client.before)

    def test_reads_flags_saves_copies_deletes_and_expunges(self):
        mail = [wire(message) for message in messages(7, large_octets=1_000)]
        self.put("INBOX", mail)
        self.mutt(
            "<first-entry><display-message><exit>"
            "2<enter><flag-message>"
            "3<enter><copy-message>=Kept<enter>"
            "4<enter><save-message>=Archive<enter>"
            "5<enter><delete-message>"
            "<sync-mailbox><quit>"
        )
        self.assertEqual(self.bodies("INBOX"), mail[:3] + mail[5:])
        self.assertEqual(self.bodies("Kept"), [mail[2]])
        self.assertEqual(self.bodies("Archive"), [mail[3]])
        flags = [flags for flags, _ in self.held("INBOX")]
        self.assertEqual((flags[0], flags[1]), ({"\\Seen"}, {"\\Flagged"}))

    def test_a_second_start_uses_its_cache(self):
        mail = [wire(message) for message in messages(5, large_octets=1_000)]
        self.put("INBOX", mail)
        self.mutt("<quit>")
        self.put("INBOX", [wire(next(messages(1, seed=4)))])
        self.mutt("1<enter><delete-message>6<enter><flag-message><sync-mailbox><quit>")
        self.assertEqual(self.bodies("INBOX"), mail[1:] + [wire(next(messages(1, seed=4)))])
        self.assertEqual(self.held("INBOX")[-1][0], {"\\Flagged"})

    def test_keeps_a_copy_of_what_it_sends(self):
        self.run_client(
            "mutt", "-n", "-F", self.rc, "-s", "from mutt", "bob@example.org", input=b"Hello.\n", stdin=None
        )
        (flags, octets), = self.held("Sent")
        self.assertEqual(flags, {"\\Seen"})
        self.assertIn(b"Subject: from mutt\r\n", octets)
        self.assertTrue(octets.endswith(b"Hello.\r\n"), octets)
