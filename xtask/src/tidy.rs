//! `tidy`: the invariants of the code that a program can check. Each is the absence of something.

use std::path::{Path, PathBuf};

/// A rule: these words stand in no code line of these files, except where allowed.
struct Rule {
    /// What is kept, for the person who broke it.
    keeps: &'static str,
    /// Path prefixes (from the workspace's root) that the rule looks at; empty: every crate.
    within: &'static [&'static str],
    /// Path prefixes that the rule leaves alone.
    except: &'static [&'static str],
    /// Words that must not stand there.
    words: &'static [&'static str],
}

const RULES: &[Rule] = &[
    Rule {
        keeps: "only admin/ speaks gRPC",
        within: &["imap-server/src", "imap-client/src", "imap-store/src", "imap-auth/src", "imap-proto/src"],
        except: &["imap-server/src/admin/"],
        words: &["tonic::", "tonic_prost::", "tonic_health::", "tonic_reflection::"],
    },
    Rule {
        keeps: "only net/ names TLS and network sockets, and imap-auth's clients of LDAP and token servers",
        within: &["imap-server/src", "imap-client/src", "imap-store/src", "imap-auth/src", "imap-proto/src"],
        except: &[
            "imap-server/src/net/",
            "imap-client/src/net",
            "imap-server/src/admin/",
            "imap-auth/src/directory/ldap/",
            "imap-auth/src/oauth/",
        ],
        words: &["rustls::", "tokio_rustls::", "tokio::net", "std::net::TcpStream", "std::net::TcpListener"],
    },
    Rule {
        keeps: "only engine/sled.rs names sled, since it alone knows that sled blocks",
        within: &[],
        except: &["imap-store/src/engine/sled.rs"],
        words: &["sled::"],
    },
    Rule {
        keeps: "the protocol crate knows no socket, clock, task or file",
        within: &["imap-proto/src"],
        except: &[],
        words: &["tokio::", "std::fs", "std::net", "Instant::now", "SystemTime::now", "std::thread"],
    },
    Rule {
        keeps: "a session knows no socket, clock, task or file",
        within: &["imap-server/src/session/"],
        except: &[],
        words: &[
            "tokio::net",
            "tokio::time",
            "tokio::spawn",
            "tokio::fs",
            "std::fs",
            "std::thread",
            "TcpStream",
            "Instant::now",
            "SystemTime::now",
        ],
    },
    Rule {
        keeps: "the store knows types, not commands",
        within: &["imap-store/src"],
        except: &[],
        words: &["imap_proto::command", "imap_proto::response", "imap_proto::wire"],
    },
    Rule {
        keeps: "nothing is left to be written, and nothing prints for debugging",
        within: &[],
        except: &[],
        words: &["todo!(", "unimplemented!(", "dbg!("],
    },
];

/// Checks every rule over every source file of the crates; each breach is named with file and line.
pub(super) fn run() -> Result<(), String> {
    let root = crate::root();
    let mut breaches = Vec::new();
    for file in sources(&root)? {
        let path = file.strip_prefix(&root).unwrap_or(&file).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))?;
        breaches.extend(check(&path, &text));
    }
    breaches.extend(families(&root));
    if breaches.is_empty() {
        println!("tidy: all fine");
        return Ok(());
    }
    Err(breaches.join("\n"))
}

/// The breaches of one file.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    for rule in RULES {
        let inside = rule.within.is_empty() || rule.within.iter().any(|prefix| path.starts_with(prefix));
        if !inside || rule.except.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        for (index, line) in code_lines(text) {
            if let Some(word) = rule.words.iter().find(|word| names(line, word)) {
                breaches.push(format!("{path}:{}: `{word}`: {}", index + 1, rule.keeps));
            }
        }
    }
    breaches
}

/// The lines that are code: comments are out, and so are a file's unit tests, which stand last.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether `word` stands in `line` and is not the tail of a longer name (`rustls::` in `tokio_rustls::`).
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

/// Every folder of transcripts holds some, and every file of command handlers has a module comment that names its
/// commands.
fn families(root: &Path) -> Vec<String> {
    let mut breaches = Vec::new();
    for entry in entries(&root.join("imap-server/tests/transcripts")) {
        if entry.is_dir()
            && entries(&entry).iter().all(|file| file.extension().is_none_or(|ext| ext != "imap"))
        {
            breaches.push(format!("{}: a family without a transcript", entry.display()));
        }
    }
    for entry in entries(&root.join("imap-server/src/command")) {
        let text = std::fs::read_to_string(&entry).unwrap_or_default();
        if entry.extension().is_some_and(|ext| ext == "rs") && !text.starts_with("//!") {
            breaches.push(format!("{}: does not say what it handles", entry.display()));
        }
    }
    breaches
}

/// Every Rust file of the crates' sources that a person wrote; not this one, which must name what it looks for.
fn sources(root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for package in entries(root) {
        let source = package.join("src");
        if package.join("Cargo.toml").exists() && source.is_dir() {
            collect(&source, &mut found);
        }
    }
    if found.is_empty() { Err("no sources found".into()) } else { Ok(found) }
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in entries(dir) {
        if entry.is_dir() {
            if entry.file_name().is_none_or(|name| name != "generated") {
                collect(&entry, found);
            }
        } else if entry.extension().is_some_and(|extension| extension == "rs")
            && !entry.ends_with("xtask/src/tidy.rs")
        {
            found.push(entry);
        }
    }
}

/// What lies in a folder, sorted; nothing when it is missing.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_is_named_with_its_line() {
        let breaches = check("imap-store/src/store.rs", "use std::io;\nlet db = sled::open(dir);\n");
        assert_eq!(breaches.len(), 1);
        assert!(breaches[0].starts_with("imap-store/src/store.rs:2: `sled::`"), "{breaches:?}");
    }

    #[test]
    fn comments_tests_and_the_allowed_place_are_left_alone() {
        assert!(check("imap-store/src/engine/sled.rs", "sled::open(dir)").is_empty());
        assert!(check("imap-store/src/store.rs", "// not sled::open").is_empty());
        assert!(
            check("imap-proto/src/a.rs", "fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }").is_empty()
        );
    }

    #[test]
    fn a_longer_name_is_another_name() {
        assert!(!names("use unsled::x;", "sled::"));
        assert!(names("(sled::x)", "sled::"));
    }
}
