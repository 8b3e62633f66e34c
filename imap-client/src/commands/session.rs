//! CAPABILITY, NOOP, ID, LOGOUT.

use imap_proto::command::{Command, Id};
use imap_proto::response::{Kind, Response};

use crate::session::Reply;
use crate::{Connection, Error, Result};

impl Connection {
    /// Asks for the capabilities again; [`Connection::capabilities`] has them then.
    pub async fn refresh_capabilities(&self) -> Result<()> {
        self.run(Command::Capability).await.map(drop)
    }

    /// NOOP: asks for news, which come as events before this returns (RFC 9051 §6.1.2).
    pub async fn noop(&self) -> Result<()> {
        self.run(Command::Noop).await.map(drop)
    }

    /// ID: says what we are and gives what the server says of itself (RFC 2971), as text where it is text.
    pub async fn id(&self, fields: &[(&str, &str)]) -> Result<Vec<(String, Option<String>)>> {
        if !self.capabilities().has("ID") {
            return Err(Error::Unsupported { what: "ID" });
        }
        let octets = |text: &str| text.as_bytes().to_vec().into();
        let fields = fields.iter().map(|(field, value)| (octets(field), Some(octets(value)))).collect();
        let mut said = Vec::new();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        self.run_with(Command::Id(Id { fields }), |response| {
            if let Response::Id(fields) = response {
                said =
                    fields.iter().map(|(field, value)| (text(field), value.as_deref().map(text))).collect();
            }
        })
        .await?;
        Ok(said)
    }

    /// LOGOUT: ends the connection in good order. Commands that are under way come to their end first.
    pub async fn logout(&self) -> Result<()> {
        let mut replies = self.send(Command::Logout).await?;
        loop {
            match replies.next().await {
                Ok(Reply::Done(tagged)) if tagged.kind == Kind::Ok => return Ok(()),
                Ok(Reply::Done(tagged)) => return tagged.into_result().map(drop),
                Ok(_) => {}
                // Many servers close without the tagged reply, or without TLS's good-bye.
                Err(Error::Closed { .. } | Error::Io(_)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
