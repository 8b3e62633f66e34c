//! Configurations that are right, and what is said of wrong ones.

use super::*;

fn read(text: &str) -> Result<Config, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.into_config(Overrides::default()).map_err(|error| error.to_string())
}

#[test]
fn without_a_file_it_listens_on_loopback_only() {
    let config = Config::load(None, Overrides::default()).expect("the defaults are fine");
    let mut all = config.listeners.iter().flat_map(|listener| &listener.listen.addresses);
    assert!(all.all(|address| address.ip().is_loopback()));
    assert_eq!(config.data, Path::new(DEFAULT_DATA));
    let told: Vec<_> =
        config.listeners.iter().map(|one| (&*one.name, one.tls, one.allow_cleartext)).collect();
    assert_eq!(told, [("imap", TlsMode::Starttls, false), ("imaps", TlsMode::Implicit, false)]);
}

#[test]
fn an_unknown_key_is_named() {
    for (text, key) in [
        ("hostname = 'a'", "hostname"),
        ("[imap]\nport = 143", "port"),
        ("[limits]\nconnections = 4", "connections"),
        ("[[listener]]\nname = 'a'\nadress = '127.0.0.1:1'", "adress"),
        ("[imap.dialect]\nceling = 1", "celing"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(&format!("unknown field `{key}`")), "{error}");
    }
}

#[test]
fn clear_text_stays_on_loopback() {
    let error = read("[imap]\nlisten = ['0.0.0.0:143']\nallow-cleartext = true").expect_err("not loopback");
    assert!(error.contains("0.0.0.0:143"), "{error}");
    assert!(read("[imap]\nlisten = ['127.0.0.1:143']\nallow-cleartext = true").is_ok());
    assert!(read("[imap]\nlisten = ['0.0.0.0:143']").is_ok());
}

#[test]
fn the_documented_file_is_read_and_flags_win() {
    let documented = include_str!("../../../docs/restante.toml");
    let file: File = toml::from_str(documented).expect("the documentation is right");
    let overrides = Overrides { imap: Some(None), data: Some("/elsewhere".into()), ..Overrides::default() };
    let config = file.into_config(overrides).expect("valid");
    assert!(config.listeners[0].listen.addresses.is_empty());
    assert_eq!(config.listeners[1].listen.addresses.len(), 2);
    assert_eq!(config.admin.as_deref(), Some(Path::new("/elsewhere/admin.sock")));
    let (throttle, default) = (config.throttle, ThrottleSettings::default());
    assert_eq!(format!("{throttle:?}"), format!("{:?}", Some(default)));
    assert_eq!(config.client_certificates, CertificateMapping::default());
    let (found, default) = (config.limits, Limits::default());
    assert_eq!(format!("{found:?}"), format!("{default:?}"), "the documented defaults are the defaults");
}

#[test]
fn half_of_tls_is_refused() {
    assert!(read("[tls]\nkey = 'a'").expect_err("half").contains("belong together"));
}

#[test]
fn listener_tables_stand_in_place_of_the_defaults() {
    let config = read("[[listener]]\nname = 'old'\nlisten = '127.0.0.1:143'\ntls = 'none'").expect("valid");
    assert_eq!(config.listeners.len(), 1);
    assert!(config.listeners[0].allow_cleartext, "by decision");
    let both = "[imaps]\n[[listener]]\nname = 'mx'\nlisten = ['0.0.0.0:143']\nmechanisms = ['plain']";
    let config = read(both).expect("valid");
    let names: Vec<_> = config.listeners.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["imaps", "mx"]);
    assert_eq!(config.listeners[1].mechanisms.names().collect::<Vec<_>>(), ["PLAIN"]);
}

#[test]
fn a_flag_moves_the_listener_of_its_name() {
    let file: File = toml::from_str("[[listener]]\nname = 'imap'\nlisten = '127.0.0.1:143'").expect("TOML");
    let moved = Some(Some(([127, 0, 0, 1], 7).into()));
    let overrides = Overrides { imap: moved, imaps: moved, allow_cleartext: true, ..Overrides::default() };
    let config = file.into_config(overrides).expect("valid");
    let ports: Vec<_> = config.listeners.iter().map(|one| one.listen.addresses[0].port()).collect();
    assert_eq!(ports, [7, 7]);
    let cleartext: Vec<_> = config.listeners.iter().map(|one| (&*one.name, one.allow_cleartext)).collect();
    assert_eq!(cleartext, [("imaps", false), ("imap", true)]);
}

#[test]
fn a_wrong_listener_is_named() {
    for (text, words) in [
        ("[[listener]]\nlisten = '127.0.0.1:1'", "needs a name"),
        ("[[listener]]\nname = 'a'", "`listen` is missing"),
        ("[[listener]]\nname = 'a'\nlisten = 'here'", "ADDRESS:PORT"),
        ("[[listener]]\nname = 'a'\nlisten = '10.0.0.1:143'\ntls = 'none'", "loopback"),
        ("[imaps]\nallow-cleartext = true", "implicit TLS"),
        ("[imaps]\nmechanisms = ['CRAM-MD5']", "CRAM-MD5"),
        ("[imaps]\ntrusted-proxies = ['10.0.0.0/33']", "10.0.0.0/33"),
        ("[imaps]\nclient-certificate = 'require'", "client-ca"),
        ("[imap]\n[[listener]]\nname = 'imap'\nlisten = '127.0.0.1:1'", "two of that name"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.contains(words), "{error}");
    }
    let decided =
        "[[listener]]\nname = 'a'\nlisten = '10.0.0.1:143'\ntls = 'none'\ncleartext-beyond-loopback = true";
    assert!(read(decided).is_ok());
}

#[test]
fn directories_and_tokens() {
    let ldap = "[[directory]]\nkind = 'ldap'\nname = 'staff'\nurls = ['ldaps://a']\nbase = 'dc=a'";
    let config = read(&format!("[[directory]]\nkind = 'internal'\n{ldap}")).expect("valid");
    assert_eq!(config.directories.len(), 2);
    for (text, words) in [
        (format!("{ldap}\nfliter = '(uid={{user}})'"), "fliter"),
        ("[[directory]]\nkind = 'nis'".into(), "nis"),
        ("[[directory]]\nkind = 'passwd-file'\nname = 'a'\nfile = 'b'\nmode = 1".into(), "mode"),
        ("[[directory]]\nkind = 'passwd-file'\nname = 'a'".into(), "file"),
        ("[oauth]\nalgorithms = ['none']".into(), "none"),
        ("[oauth]\nissuer = 'a'".into(), "issuer"),
        ("[client-certificates]\nfields = ['serial']".into(), "serial"),
        ("[throttle]\nnever = ['here']".into(), "here"),
    ] {
        let error = read(&text).expect_err(&text);
        assert!(error.contains(words), "{error}");
    }
    assert!(read("[throttle]\nenabled = false").expect("valid").throttle.is_none());
    assert!(read("").expect("valid").throttle.is_some());
}

/// What stands in comments is right as well.
#[test]
fn the_commented_examples_are_read() {
    let documented = include_str!("../../../docs/restante.toml");
    let is_key = |line: &str| {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        bare.starts_with('[') || bare.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
    };
    let lines = documented.lines().filter(|line| is_key(line)).map(|line| line.trim_start_matches("# "));
    let text: Vec<&str> = lines.collect();
    read(&text.join("\n")).expect("the documentation is right");
}
