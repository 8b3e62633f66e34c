//! `licences`: every dependency that a Linux build links has a licence that we may take, and none of the crates that
//! must not be in the graph is there.

use cargo_metadata::{CargoOpt, MetadataCommand};
use spdx::{Expression, LicenseReq, ParseMode};

/// The licences that a dependency may be under.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The exceptions that may follow a WITH.
const EXCEPTIONS: &[&str] = &["LLVM-exception"];

/// Crates that must not be linked, and why.
const BANNED: &[(&str, &str)] = &[
    ("aws-lc-sys", "rustls runs on ring only; two providers in one graph panic at run time"),
    ("openssl-sys", "TLS is rustls"),
    ("native-tls", "TLS is rustls"),
];

/// Checks the graph of a Linux build with every feature on.
pub(super) fn run() -> Result<(), String> {
    let metadata = MetadataCommand::new()
        .current_dir(crate::root())
        .features(CargoOpt::AllFeatures)
        .other_options(vec!["--filter-platform".into(), "x86_64-unknown-linux-gnu".into(), "--locked".into()])
        .exec()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let resolved = metadata.resolve.as_ref().ok_or("cargo metadata resolved nothing")?;
    let mut faults = Vec::new();
    let mut seen = 0;
    for node in &resolved.nodes {
        let package = &metadata[&node.id];
        seen += 1;
        if let Some((_, reason)) = BANNED.iter().find(|(name, _)| *name == package.name.as_str()) {
            faults.push(format!("{} {} must not be there: {reason}", package.name, package.version));
        }
        if let Err(fault) = judge(package.license.as_deref()) {
            faults.push(format!("{} {}: {fault}", package.name, package.version));
        }
    }
    if faults.is_empty() {
        println!("licences: {seen} packages, all fine");
        return Ok(());
    }
    Err(faults.join("\n"))
}

/// Whether a licence expression can be met with the allow-list alone.
fn judge(licence: Option<&str>) -> Result<(), String> {
    let text = licence.ok_or("names no licence")?;
    let expression =
        Expression::parse_mode(text, ParseMode::LAX).map_err(|error| format!("{text}: {error}"))?;
    if expression.evaluate(allowed) { Ok(()) } else { Err(format!("{text} is not on the allow-list")) }
}

fn allowed(wanted: &LicenseReq) -> bool {
    let licence = wanted.license.id().is_some_and(|id| ALLOWED.contains(&id.name));
    let exception = match &wanted.addition {
        None => true,
        Some(addition) => addition.id().is_some_and(|id| EXCEPTIONS.contains(&id.name)),
    };
    licence && exception
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_need_one_good_side_and_sums_need_both() {
        for good in ["MIT", "MIT/Apache-2.0", "Apache-2.0 WITH LLVM-exception", "GPL-3.0-only OR ISC"] {
            assert_eq!(judge(Some(good)), Ok(()), "{good}");
        }
        for bad in ["AGPL-3.0-only", "MIT AND MPL-2.0", "LGPL-2.0-or-later", "no licence at all"] {
            assert!(judge(Some(bad)).is_err(), "{bad}");
        }
        assert!(judge(None).is_err());
    }
}
