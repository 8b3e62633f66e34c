// A round trip of imapflow: list, create, select, fetch, download, flags, search, copy, move, append, delete, IDLE.
"use strict";

const assert = require("node:assert");
const { ImapFlow } = require("imapflow");

function connect() {
  const { IMAPS_PORT, IMAP_USER, IMAP_PASSWORD } = process.env;
  return new ImapFlow({
    host: "localhost",
    port: Number(IMAPS_PORT),
    secure: true,
    auth: { user: IMAP_USER, pass: IMAP_PASSWORD },
    qresync: true,
    logger: false,
  });
}

async function gather(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function main() {
  const client = connect();
  await client.connect();
  await client.mailboxCreate(["Reisen", "Århus"]);
  const names = (await client.list({ statusQuery: { messages: true } })).map((entry) => entry.path);
  assert(names.includes("INBOX") && names.includes("Reisen/Århus"), names.join());
  assert.strictEqual((await client.status("INBOX", { messages: true })).messages, 8);

  const lock = await client.getMailboxLock("INBOX");
  try {
    let count = 0;
    for await (const message of client.fetch("1:*", { uid: true, flags: true, envelope: true, bodyStructure: true, source: true })) {
      count += 1;
      assert.strictEqual(message.uid, count);
      assert(message.source.length > 0 && message.envelope.messageId && message.bodyStructure.type);
    }
    assert.strictEqual(count, 8);
    const { meta, content } = await client.download("8", undefined, { uid: true });
    assert.strictEqual((await gather(content)).length, meta.expectedSize);
    assert(await client.messageFlagsAdd("1", ["\\Seen", "$Later"], { uid: true }));
    assert.deepStrictEqual(await client.search({ keyword: "$Later" }, { uid: true }), [1]);
    const copied = await client.messageCopy("1", "Reisen/Århus", { uid: true });
    assert.deepStrictEqual([...copied.uidMap], [[1, 1]]);
    await client.messageMove("2:3", "Archive", { uid: true });
    assert(await client.messageDelete("4", { uid: true }));
    const appended = await client.append("Drafts", "Subject: from imapflow\r\n\r\nHello.\r\n", ["\\Draft"]);
    assert.strictEqual(appended.uid, 1);

    const other = connect();
    await other.connect();
    const told = new Promise((resolve) => client.once("exists", resolve));
    const idle = client.idle();
    await other.append("INBOX", "Subject: news\r\n\r\nNews.\r\n");
    assert.strictEqual((await told).count, 6);
    await client.noop();
    await idle;
    await other.logout();
  } finally {
    lock.release();
  }
  await client.logout();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
