//! Users of a real LDAP server.

use std::time::Duration;

use imap_auth::{
    Directory, LdapDirectory, LdapGroups, LdapLookup, LdapSettings, Secret, UserRecord, Verified,
};

use crate::slapd::Slapd;

const FILTER: &str = "(&(objectClass=inetOrgPerson)(!(employeeType=gone))(|(uid={user})(mail={user})))";

fn by_search(urls: Vec<String>) -> LdapSettings {
    let lookup = LdapLookup::Search {
        bind: Some(("cn=restante,dc=example,dc=org".into(), Secret::new("of the server"))),
        base: "dc=example,dc=org".into(),
        filter: FILTER.into(),
    };
    let groups = LdapGroups {
        base: "dc=example,dc=org".into(),
        filter: "(&(objectClass=groupOfNames)(member={dn}))".into(),
        name_attribute: "cn".into(),
    };
    LdapSettings {
        groups: Some(groups),
        admin_group: Some("mail admins".into()),
        timeout: Duration::from_secs(10),
        ..LdapSettings::new(urls, lookup)
    }
}

fn directory(settings: LdapSettings) -> LdapDirectory {
    LdapDirectory::new(settings).expect("good settings")
}

fn plain(slapd: &Slapd) -> String {
    format!("ldap://127.0.0.1:{}", slapd.plain)
}

/// What the directory says, as text.
async fn verdict(directory: &LdapDirectory, name: &str, password: &str) -> String {
    match directory.verify(name, &Secret::new(password)).await {
        Ok(Verified::Unknown) => "unknown".into(),
        Ok(Verified::Wrong) => "wrong".into(),
        Ok(Verified::Fits(user)) => format!("fits {}", user.name),
        Ok(Verified::Check(_)) => "check".into(),
        Err(error) => error.to_string(),
    }
}

async fn find(directory: &LdapDirectory, name: &str) -> Option<UserRecord> {
    directory.find(name).await.expect("an answer")
}

#[tokio::test]
async fn search_and_bind() {
    let Some(slapd) = Slapd::start() else { return };
    let directory = directory(by_search(vec![plain(&slapd)]));
    for (name, password, expected) in [
        ("alice", "sesame", "fits alice"),
        ("alice", "sesame", "fits alice"),
        // By another attribute: the name is the one of the entry.
        ("alice@example.org", "sesame", "fits alice"),
        ("alice", "wrong", "wrong"),
        // An LDAP server says yes to a bind without a password, whoever it is.
        ("alice", "", "wrong"),
        ("mallory", "sesame", "unknown"),
        ("bob", "sesame", "unknown"),
        // What means something in filters is taken for itself.
        ("a(b)*,c", "sesame", "fits a(b)*,c"),
        ("*", "sesame", "unknown"),
        ("alice)(uid=*", "sesame", "unknown"),
        ("restante", "of the server", "unknown"),
    ] {
        let found = verdict(&directory, name, password).await;
        // The strange name cannot be a user's, since it has an asterisk: said, not let in.
        let expected = if name == "a(b)*,c" { "has no uid that could be a user's name" } else { expected };
        assert!(found.ends_with(expected), "{name} {password}: {found}");
    }
    let twins = verdict(&directory, "twins@example.org", "sesame").await;
    assert!(twins.contains("more than one entry"), "{twins}");
}

#[tokio::test]
async fn groups_and_the_role() {
    let Some(slapd) = Slapd::start() else { return };
    let directory = directory(by_search(vec![plain(&slapd)]));
    let alice = find(&directory, "alice").await.expect("there");
    let mut groups = alice.attributes.groups;
    groups.sort();
    assert_eq!((groups, alice.attributes.admin), (vec!["mail admins".to_owned(), "staff".into()], true));
    let twin = find(&directory, "twin").await.expect("there");
    assert_eq!((twin.attributes.groups, twin.attributes.admin), (Vec::new(), false));
    assert!(find(&directory, "mallory").await.is_none());
}

#[tokio::test]
async fn direct_bind() {
    let Some(slapd) = Slapd::start() else { return };
    let lookup = LdapLookup::Direct { dn: "uid={user},ou=people,dc=example,dc=org".into() };
    let directory = directory(LdapSettings { lookup, groups: None, ..by_search(vec![plain(&slapd)]) });
    for (name, password, expected) in [
        ("alice", "sesame", "fits alice"),
        ("alice", "wrong", "unknown"),
        ("alice", "", "unknown"),
        ("mallory", "sesame", "unknown"),
        ("alice,ou=people", "sesame", "unknown"),
        ("", "sesame", "unknown"),
    ] {
        assert_eq!(verdict(&directory, name, password).await, expected, "{name} {password}");
    }
    assert!(find(&directory, "alice").await.is_none(), "nobody is found without the password");
    assert!(!directory.finds_all());
}

#[tokio::test]
async fn tls_both_ways() {
    let Some(slapd) = Slapd::start() else { return };
    let starttls = LdapSettings { starttls: true, ..by_search(vec![plain(&slapd)]) };
    let ldaps = by_search(vec![format!("ldaps://127.0.0.1:{}", slapd.tls)]);
    for settings in [starttls, ldaps] {
        let trusting = directory(LdapSettings { roots: Some(slapd.roots()), ..settings.clone() });
        assert_eq!(verdict(&trusting, "alice", "sesame").await, "fits alice");
        let found = verdict(&directory(settings), "alice", "sesame").await;
        assert!(found.starts_with("the directory is unavailable"), "{found}");
    }
}

#[tokio::test]
async fn the_next_server_is_asked_when_one_is_gone() {
    let (Some(mut first), Some(second)) = (Slapd::start(), Slapd::start()) else { return };
    let directory =
        directory(LdapSettings { cache: Duration::ZERO, ..by_search(vec![plain(&first), plain(&second)]) });
    assert_eq!(verdict(&directory, "alice", "sesame").await, "fits alice");
    // Its connections are in the pool, and break.
    first.kill();
    assert_eq!(verdict(&directory, "alice", "sesame").await, "fits alice");
    assert_eq!(verdict(&directory, "alice", "wrong").await, "wrong");
    drop(second);
    let found = verdict(&directory, "alice", "sesame").await;
    assert!(found.starts_with("the directory is unavailable"), "{found}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let Some(slapd) = Slapd::start() else { return };
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("ldap://{}", silent.local_addr().expect("bound"));
    let timeout = Duration::from_millis(500);
    let one = directory(LdapSettings { timeout, ..by_search(vec![silent.clone()]) });
    let found = verdict(&one, "alice", "sesame").await;
    assert!(found.starts_with("the directory is unavailable"), "{found}");
    let both = directory(LdapSettings { timeout, ..by_search(vec![silent, plain(&slapd)]) });
    assert_eq!(verdict(&both, "alice", "sesame").await, "fits alice");
}

#[tokio::test]
async fn our_own_user_with_a_wrong_password_is_no_users_fault() {
    let Some(slapd) = Slapd::start() else { return };
    let settings = by_search(vec![plain(&slapd)]);
    let LdapLookup::Search { base, filter, .. } = settings.lookup.clone() else { panic!("a search") };
    let bind = Some(("cn=restante,dc=example,dc=org".into(), Secret::new("wrong")));
    let directory = directory(LdapSettings { lookup: LdapLookup::Search { bind, base, filter }, ..settings });
    let found = verdict(&directory, "alice", "sesame").await;
    assert!(found.contains("our own user is refused"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_share_the_connections() {
    let Some(slapd) = Slapd::start() else { return };
    let settings =
        LdapSettings { connections_max: 2, cache: Duration::ZERO, ..by_search(vec![plain(&slapd)]) };
    let directory = std::sync::Arc::new(directory(settings));
    let logins: Vec<_> = (0..40)
        .map(|number| {
            let directory = std::sync::Arc::clone(&directory);
            let password = if number % 2 == 0 { "sesame" } else { "wrong" };
            tokio::spawn(async move { verdict(&directory, "alice", password).await })
        })
        .collect();
    for (number, login) in logins.into_iter().enumerate() {
        let expected = if number % 2 == 0 { "fits alice" } else { "wrong" };
        assert_eq!(login.await.expect("no panic"), expected);
    }
}
