use super::*;

fn search(urls: &[&str], filter: &str) -> LdapSettings {
    let lookup = LdapLookup::Search { bind: None, base: "dc=example,dc=org".into(), filter: filter.into() };
    LdapSettings::new(urls.iter().map(ToString::to_string).collect(), lookup)
}

#[test]
fn bad_settings() {
    let of = |settings: LdapSettings| LdapDirectory::new(settings).err().map(|error| error.reason);
    let by_uid = |urls: &[&str]| search(urls, "(uid={user})");
    for good in
        [&["ldaps://ldap.example.org"][..], &["ldap://127.0.0.1:3890", "ldap://[::1]", "ldap://localhost"]]
    {
        assert_eq!(of(by_uid(good)), None);
    }
    assert_eq!(of(by_uid(&[])).as_deref(), Some("no server is named"));
    for (url, reason) in [
        (
            "ldap://ldap.example.org",
            "ldap://ldap.example.org: passwords would go over the network in clear text",
        ),
        ("http://localhost", "\"http://localhost\" is no URL of an LDAP server"),
        ("localhost", "\"localhost\" is no URL of an LDAP server"),
        ("ldaps://", "\"ldaps://\" names no host"),
    ] {
        assert_eq!(of(by_uid(&["ldaps://ldap.example.org", url])).as_deref(), Some(reason));
    }
    let open = LdapSettings { starttls: true, ..by_uid(&["ldap://ldap.example.org"]) };
    assert_eq!(of(open), None);
    let all = of(search(&["ldap://localhost"], "(objectClass=*)")).expect("refused");
    assert!(all.contains("has no {user}"), "{all}");
    let lookup = LdapLookup::Search {
        bind: Some(("cn=restante".into(), Secret::new(""))),
        base: String::new(),
        filter: "(uid={user})".into(),
    };
    let unauthenticated = LdapSettings { lookup, ..by_uid(&["ldap://localhost"]) };
    assert_eq!(of(unauthenticated).as_deref(), Some("our own user needs a name and a password of UTF-8"));
}

/// What RFC 4515 §3 has escaped in filters, and RFC 4514 §2.4 in names, is escaped.
#[test]
fn escapes() {
    assert_eq!(ldap_escape("a*)(uid=\\b\0"), "a\\2a\\29\\28uid=\\5cb\\00");
    assert_eq!(dn_escape("a,b+c=\"d\""), "a\\2cb\\2bc\\3d\\22d\\22");
}
