// Logs in by imapflow with the `auth` in IMAP_AUTH, and prints how that ended.
"use strict";

const { ImapFlow } = require("imapflow");

async function main() {
  const { IMAPS_PORT, IMAP_AUTH } = process.env;
  const client = new ImapFlow({
    host: "localhost",
    port: Number(IMAPS_PORT),
    secure: true,
    auth: JSON.parse(IMAP_AUTH),
    logger: false,
  });
  try {
    await client.connect();
  } catch (error) {
    if (!error.authenticationFailed) throw error;
    return { refused: error.serverResponseCode, status: error.oauthError?.status };
  }
  const { exists } = await client.mailboxOpen("INBOX");
  await client.logout();
  return { exists };
}

main().then(
  (told) => console.log(JSON.stringify(told)),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
