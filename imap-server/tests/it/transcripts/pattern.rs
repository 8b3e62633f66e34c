//! What a line of the server must look like.

use std::collections::HashMap;

/// What `$name` stood for where it was first seen.
pub(super) type Captures = HashMap<String, String>;

/// Whether `line` is as `pattern` says: `$text` is anything but nothing, `$empty` is nothing (where an editor would cut a
/// space), `$name` is anything without spaces, brackets and parentheses, and the same wherever the name comes again.
pub(super) fn matches(pattern: &str, line: &str, captures: &mut Captures) -> bool {
    let mut trial = captures.clone();
    let matched = go(pattern, line, &mut trial);
    if matched {
        *captures = trial;
    }
    matched
}

fn go(pattern: &str, line: &str, captures: &mut Captures) -> bool {
    let Some(at) = pattern.find('$') else { return pattern == line };
    let (before, rest) = pattern.split_at(at);
    let Some(line) = line.strip_prefix(before) else { return false };
    let rest = &rest[1..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    match name {
        // A dollar sign alone is itself.
        "" => line.strip_prefix('$').is_some_and(|line| go(rest, line, captures)),
        "empty" => go(rest, line, captures),
        "text" => (1..=line.len())
            .rev()
            .filter(|&n| line.is_char_boundary(n))
            .any(|n| go(rest, &line[n..], captures)),
        name => {
            let len = line.find([' ', '(', ')', '[', ']']).unwrap_or(line.len());
            let value = &line[..len];
            let known = captures.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            len > 0 && known == value && go(rest, &line[len..], captures)
        }
    }
}

#[test]
fn patterns() {
    let mut captures = Captures::new();
    assert!(matches("* $n FETCH (UID $uid)", "* 2 FETCH (UID 7)", &mut captures));
    assert!(matches("$uid", "7", &mut captures));
    assert!(!matches("$uid", "8", &mut captures));
    assert!(matches("a OK [$uid] $text", "a OK [7] done", &mut captures));
    assert!(!matches("a OK $text", "a OK ", &mut captures));
    assert!(matches("+ $empty", "+ ", &mut captures));
}
