use imap_client::{ClientBuilder, Error, Secret, Security};
use imap_proto::response::Code;

use crate::server::{both, builder, pipe};

/// Greets, and runs a login against the script.
async fn login(
    builder: &ClientBuilder,
    greeting: &str,
    script: &[(&str, &str)],
) -> Result<Vec<String>, Error> {
    let (ours, mut server) = pipe();
    let client = async {
        let connection = builder.connect_over(ours).await?;
        connection.login("tim", &Secret::new("tanstaaftanstaaf")).await?;
        Ok(connection.capabilities().iter().map(str::to_owned).collect())
    };
    let server = async move {
        server.send(greeting).await;
        for (expected, answer) in script {
            server.expect(expected).await;
            server.send(answer).await;
        }
        server.expect_close().await;
    };
    both(client, server).await
}

#[tokio::test]
async fn authenticate_with_an_initial_response() {
    let script = [(
        "a1 AUTHENTICATE PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n",
        "a1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n",
    )];
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=LOGIN AUTH=PLAIN] hi\r\n";
    let told = login(&builder(), greeting, &script).await.expect("it fits");
    assert_eq!(told, ["IMAP4rev1", "MOVE"]);
}

#[tokio::test]
async fn authenticate_without_and_capabilities_asked_for() {
    // The tags go on over the opening of the connection.
    let script = [
        ("a1 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK done\r\n"),
        ("a2 AUTHENTICATE PLAIN\r\n", "+ \r\n"),
        ("AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "a2 OK in\r\n"),
        ("a3 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1 UIDPLUS\r\na3 OK done\r\n"),
    ];
    let told = login(&builder(), "* OK hi\r\n", &script).await.expect("it fits");
    assert_eq!(told, ["IMAP4rev1", "UIDPLUS"]);
}

#[tokio::test]
async fn login_command_where_no_mechanism_is_shared() {
    let script = [("a1 LOGIN \"tim\" \"tanstaaftanstaaf\"\r\n", "a1 OK [CAPABILITY IMAP4rev1] in\r\n")];
    let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=GSSAPI] hi\r\n";
    login(&builder(), greeting, &script).await.expect("it fits");
}

#[tokio::test]
async fn a_wrong_password_is_refused_with_its_code() {
    let script =
        [("a1 AUTHENTICATE PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "a1 NO [AUTHENTICATIONFAILED] no\r\n")];
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    let refused = login(&builder(), greeting, &script).await.expect_err("it does not fit");
    let Error::Refused { code, text } = refused else { panic!("{refused:?}") };
    assert_eq!((code, text.as_str()), (Some(Code::AuthenticationFailed), "no"));
}

#[tokio::test]
async fn a_server_that_asks_on_gets_no_more() {
    let script = [
        ("a1 AUTHENTICATE PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "+ UGFzc3dvcmQ6\r\n"),
        ("*\r\n", "a1 BAD cancelled\r\n"),
    ];
    let greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n";
    let refused = login(&builder(), greeting, &script).await;
    assert!(matches!(refused, Err(Error::Login { .. })), "{refused:?}");
}

#[tokio::test]
async fn no_password_in_clear_text() {
    let careful = ClientBuilder::new("localhost", 143, Security::None);
    let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n";
    let refused = login(&careful, greeting, &[]).await;
    assert!(matches!(refused, Err(Error::ClearTextPassword)), "{refused:?}");
}

#[tokio::test]
async fn logindisabled_is_heeded() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hi\r\n";
    let refused = login(&builder(), greeting, &[]).await;
    assert!(matches!(refused, Err(Error::Unsupported { what: "LOGIN" })), "{refused:?}");
}
