//! `docs/EXTENSIONS.md`: what the grammar of imap-proto knows, made from the tables and types that the parser itself
//! is made of, and from their doc comments, which name the standards.

use std::fmt::Write as _;
use std::path::Path;

const OUT: &str = "docs/EXTENSIONS.md";

/// Writes the document, or with `check` compares it with what is committed.
pub(super) fn run(check: bool) -> Result<(), String> {
    let root = crate::root();
    let fresh = document(&root.join("imap-proto/src"))?;
    let file = root.join(OUT);
    if std::fs::read_to_string(&file).is_ok_and(|found| found == fresh) {
        return Ok(());
    }
    if check {
        return Err(format!("stale: {OUT}; run `cargo xtask codegen` and commit what it writes"));
    }
    std::fs::write(&file, fresh).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("wrote {}", file.display());
    Ok(())
}

/// One thing with a doc comment.
struct Entry {
    /// What the comment says, without the standards.
    what: String,
    /// `RFC 4314`, several with commas; the base protocol where the comment names none.
    standard: String,
    /// The line of code behind the comment.
    code: String,
}

fn document(source: &Path) -> Result<String, String> {
    let read = |name: &str| {
        let file = source.join(name);
        std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))
    };
    let registry = read("command/mod.rs")?;
    let capabilities = read("response/known_capability.rs")?;
    let commands = entries(between(&registry, "\ncommands! {\n", "\n/// In which states")?);
    let mut known = entries(between(&capabilities, "\ncapabilities! {\n", "\nimpl")?);
    known.extend(entries(between(&capabilities, "$( $(#[$doc])* $variant, )*\n", "\n        }\n")?));
    known.sort_by_key(|entry| entry.what.to_ascii_lowercase());

    let mut out = String::from(
        "# What the grammar knows\n\n\
         Written by `cargo xtask codegen` from imap-proto's own tables and types; `cargo xtask ci` fails where it is stale. \
         All of it is parsed and written, in both\n\
         directions. What a server announces is decided by its listeners and users (docs/OPERATING.md). Without another \
         standard it is of RFC 9051 or of those that it replaces.\n\n\
         ## Capabilities\n\n| name | standard | commands |\n| --- | --- | --- |\n",
    );
    for entry in &known {
        let names =
            commands.iter().filter(|command| brings(&command.code, entry)).map(|command| name(&command.code));
        let names: Vec<_> = names.collect();
        row(&mut out, &[&entry.what, &entry.standard, &names.join(", ")]);
    }
    out.push_str("\n## Commands\n\n| name | standard | state | capability | module |\n| --- | --- | --- | --- | --- |\n");
    for command in &commands {
        let (state, capability) = state_and_capability(&command.code);
        let module = module(source, &command.code)?;
        row(&mut out, &[&name(&command.code), &command.standard, state, capability, &module]);
    }
    for (title, file, item) in [
        ("Items of FETCH that are asked for", "command/fetch.rs", "FetchItem"),
        ("Items of FETCH that are answered", "response/fetch/mod.rs", "FetchAttribute"),
        ("Items of STATUS", "command/status.rs", "StatusItem"),
        ("Responses", "response/mod.rs", "Response"),
        ("Response codes", "response/code/mod.rs", "Code"),
    ] {
        let text = read(file)?;
        let variants = entries(between(&text, &format!("\npub enum {item} {{\n"), "\n}\n")?);
        write!(out, "\n## {title}\n\n| what | standard |\n| --- | --- |\n").expect("a String takes all");
        for variant in &variants {
            row(&mut out, &[&variant.what, &variant.standard]);
        }
    }
    Ok(out)
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Result<&'t str, String> {
    let missing = |what: &str| format!("{OUT}: the sources have no {what:?} any more");
    let (_, text) = text.split_once(start).ok_or_else(|| missing(start))?;
    let (text, _) = text.split_once(end).ok_or_else(|| missing(end))?;
    Ok(text)
}

/// All doc comments at the depth of the first, with the code behind them.
fn entries(text: &str) -> Vec<Entry> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let documented = text.lines().filter(|line| line.trim_start().starts_with("///"));
    let Some(outer) = documented.map(depth).min() else { return Vec::new() };
    let mut entries = Vec::new();
    let mut comment = String::new();
    for line in text.lines().filter(|line| depth(line) == outer) {
        match line.trim_start().strip_prefix("///") {
            Some(text) => {
                comment.push_str(text);
            }
            None if comment.is_empty() => {}
            None => entries.push(entry(&std::mem::take(&mut comment), line.trim())),
        }
    }
    entries
}

/// Takes the standards out of a comment: `ACL (RFC 4314)`.
fn entry(comment: &str, code: &str) -> Entry {
    let mut what = comment.trim().to_owned();
    let mut standard = String::new();
    if let Some(start) = what.find(" (").filter(|&start| is_standard(&what[start + 2..]))
        && let Some(length) = what[start..].find(')')
    {
        standard = what[start + 2..start + length].to_owned();
        what.replace_range(start..=start + length, "");
    }
    Entry { what: what.replace('|', "\\|"), standard, code: code.to_owned() }
}

fn is_standard(text: &str) -> bool {
    ["RFC ", "Gmail", "IMAP2bis", "not registered"].iter().any(|start| text.starts_with(start))
}

/// `SETACL`, or `SEARCH, UID SEARCH`, of a line of the table of commands.
fn name(code: &str) -> String {
    let names: Vec<&str> = code
        .split("=>")
        .next()
        .unwrap_or_default()
        .split('|')
        .map(|name| name.trim().trim_matches('"'))
        .collect();
    names.join(", ")
}

fn state_and_capability(code: &str) -> (&'static str, &str) {
    let state = [
        ("NotAuthenticated", "before login"),
        ("Authenticated", "after login"),
        ("Selected", "with a mailbox"),
        ("Any", "any"),
    ];
    let found = state.into_iter().find(|(name, _)| code.contains(&format!(" {name}, ")));
    let capability = code.split_once("Some(\"").and_then(|(_, text)| text.split('"').next());
    (found.map_or("", |(_, text)| text), capability.unwrap_or_default())
}

/// Whether the command comes with that capability: it has its name, or what that begins with (`THREAD` for
/// `THREAD=REFERENCES`).
fn brings(code: &str, capability: &Entry) -> bool {
    let (_, needed) = state_and_capability(code);
    let name = capability.what.split([',', ' ']).next().unwrap_or_default();
    !needed.is_empty()
        && (name == needed || name.split('=').next() == Some(needed) && !name.contains("=DISPLAY"))
}

/// The file with the arguments of a command.
fn module(source: &Path, code: &str) -> Result<String, String> {
    let body = code.split_once("=> ").and_then(|(_, text)| text.split_once('(')?.1.split_once("),"));
    let Some((body, _)) = body.filter(|(body, _)| body.chars().all(char::is_alphanumeric)) else {
        return Ok("`command`".into());
    };
    let folder = source.join("command");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for file in files.flatten() {
        let text = std::fs::read_to_string(file.path()).unwrap_or_default();
        if text.contains(&format!("impl Body for {body} {{")) {
            return Ok(format!(
                "`command/{}`",
                file.path().file_stem().unwrap_or_default().to_string_lossy()
            ));
        }
    }
    Err(format!("{OUT}: no file has `impl Body for {body}`"))
}

fn row(out: &mut String, cells: &[&str]) {
    writeln!(out, "| {} |", cells.join(" | ")).expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_is_taken_out_of_a_comment() {
        let found = entry(" COPYUID validity source (RFC 4315); in order", "CopyUid(A),");
        assert_eq!((&*found.what, &*found.standard), ("COPYUID validity source; in order", "RFC 4315"));
        let found = entry(" FLAGS (...)", "Flags(A),");
        assert_eq!((&*found.what, &*found.standard), ("FLAGS (...)", ""));
    }

    #[test]
    fn a_line_of_the_registry() {
        let line = "\"THREAD\" | \"UID THREAD\" => Thread(Thread), Selected, Some(\"THREAD\");";
        assert_eq!(name(line), "THREAD, UID THREAD");
        assert_eq!(state_and_capability(line), ("with a mailbox", "THREAD"));
        assert!(brings(line, &entry(" THREAD=REFERENCES (RFC 5256)", "")));
    }
}
