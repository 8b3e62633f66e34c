use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use imap_client::{ClientBuilder, ClientCredentials, Error, Secret, Security, UserPassword};
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

async fn login_with(
    credentials: ClientCredentials,
    greeting: &str,
    script: &[(&str, &str)],
) -> Result<(), Error> {
    let (ours, mut server) = pipe();
    let client = async { builder().connect_over(ours).await?.login_with(credentials).await };
    both(client, async move {
        server.send(greeting).await;
        for (expected, answer) in script {
            server.expect(expected).await;
            server.send(answer).await;
        }
        server.expect_close().await;
    })
    .await
}

#[tokio::test]
async fn other_credentials() {
    let greeting =
        "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=EXTERNAL AUTH=OAUTHBEARER AUTH=ANONYMOUS] hi\r\n";
    let ok = "a1 OK [CAPABILITY IMAP4rev1] in\r\n";
    let kurt = UserPassword { user: "Kurt".into(), password: Secret::new("xipj3plmq") };
    for (credentials, line) in [
        (ClientCredentials::Certificate { authzid: None }, "a1 AUTHENTICATE EXTERNAL =\r\n".to_owned()),
        (
            ClientCredentials::Anonymous { trace: "sirhc".into() },
            format!("a1 AUTHENTICATE ANONYMOUS {}\r\n", STANDARD.encode("sirhc")),
        ),
        (
            ClientCredentials::Token { user: "tim".into(), token: Secret::new("t=") },
            format!(
                "a1 AUTHENTICATE OAUTHBEARER {}\r\n",
                STANDARD.encode("n,a=tim,\x01auth=Bearer t=\x01\x01")
            ),
        ),
        (
            ClientCredentials::Password { user: kurt, authzid: Some("Ursel".into()) },
            format!("a1 AUTHENTICATE PLAIN {}\r\n", STANDARD.encode("Ursel\0Kurt\0xipj3plmq")),
        ),
    ] {
        login_with(credentials, greeting, &[(&line, ok)]).await.expect("it fits");
    }
    let token = ClientCredentials::Token { user: "tim".into(), token: Secret::new("t") };
    let refused = login_with(token, "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n", &[]).await;
    assert!(matches!(refused, Err(Error::Login { .. })), "{refused:?}");
}

/// RFC 7628 §4.3.
#[tokio::test]
async fn a_refused_token_is_acknowledged_and_its_reason_told() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER] hi\r\n";
    let first = format!("{}\r\n", STANDARD.encode("n,a=tim,\x01auth=Bearer t\x01\x01"));
    let challenge = format!("+ {}\r\n", STANDARD.encode(r#"{"status":"invalid_token"}"#));
    let script = [
        ("a1 AUTHENTICATE OAUTHBEARER\r\n", "+ \r\n"),
        (&*first, &*challenge),
        ("AQ==\r\n", "a1 NO [AUTHENTICATIONFAILED] no\r\n"),
    ];
    let token = ClientCredentials::Token { user: "tim".into(), token: Secret::new("t") };
    let refused = login_with(token, greeting, &script).await.expect_err("it is bad");
    let Error::Refused { text, .. } = refused else { panic!("{refused:?}") };
    assert_eq!(text, r#"no ({"status":"invalid_token"})"#);
}

/// Somebody in between who does not know the password either lets us in, or shows a signature of his own.
#[tokio::test]
async fn a_server_that_cannot_prove_itself_is_left() {
    let lies = [format!("+ {}\r\n", STANDARD.encode("v=AAAA")), "a1 OK come in\r\n".to_owned()];
    // Again and again: the next command must never win the race.
    for last in lies.iter().cycle().take(40) {
        let (ours, mut server) = pipe();
        let client = async {
            let connection = builder().connect_over(ours).await?;
            let found = connection.login("tim", &Secret::new("x")).await;
            let after = connection.refresh_capabilities().await;
            assert!(matches!(after, Err(Error::Closed { .. })), "{after:?}");
            found
        };
        let found = both(client, async move {
            server.send("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] hi\r\n").await;
            let line = server.line().await;
            let first = line.strip_prefix("a1 AUTHENTICATE SCRAM-SHA-256 ").expect("SCRAM");
            let first = String::from_utf8(STANDARD.decode(first).expect("base64")).expect("text");
            let nonce = first.split_once(",r=").expect("a nonce").1;
            let challenge = STANDARD.encode(format!("r={nonce}abc,s=QSXC,i=4096"));
            server.send(format!("+ {challenge}\r\n")).await;
            server.line().await;
            server.send(&last).await;
            server.expect_close().await;
        })
        .await;
        assert!(matches!(found, Err(Error::Login { .. })), "{found:?}");
    }
}
