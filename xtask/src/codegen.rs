//! `codegen`: the committed gRPC code of the admin API, made from its `.proto` without `protoc`.
//!
//! The compiler of `.proto` files is heavy, so it stands behind the feature `codegen`; without it this chore runs
//! itself again with the feature on.

/// Writes the generated code, or with `check` compares it with what is committed.
#[cfg(not(feature = "codegen"))]
pub(super) fn run(check: bool) -> Result<(), String> {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "xtask", "--features", "codegen", "--", "codegen"]);
    if check {
        cargo.arg("--check");
    }
    let status = cargo.current_dir(crate::root()).status().map_err(|error| format!("cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err("codegen failed".into()) }
}

/// Writes the generated code, or with `check` compares it with what is committed.
#[cfg(feature = "codegen")]
pub(super) fn run(check: bool) -> Result<(), String> {
    let committed = crate::root().join("imap-server/src/admin/generated");
    let fresh = made::generate()?;
    let mut stale = Vec::new();
    for (name, octets) in fresh {
        let file = committed.join(name);
        if std::fs::read(&file).is_ok_and(|found| found == octets) {
            continue;
        }
        if check {
            stale.push(name);
        } else {
            std::fs::create_dir_all(&committed)
                .and_then(|()| std::fs::write(&file, octets))
                .map_err(|error| format!("{}: {error}", file.display()))?;
            println!("wrote {}", file.display());
        }
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale: {}; run `cargo xtask codegen` and commit what it writes", stale.join(", ")))
}

#[cfg(feature = "codegen")]
mod made {
    use prost::Message as _;

    /// What is compiled.
    const PROTOS: [&str; 3] = [
        "restante/admin/v1/admin.proto",
        "restante/admin/v1/store.proto",
        "restante/mailbox/v1/mailbox.proto",
    ];
    /// One file a package comes of it.
    const CODE: [&str; 2] = ["restante.admin.v1.rs", "restante.mailbox.v1.rs"];

    /// File names and contents, as they should be committed.
    pub(super) fn generate() -> Result<Vec<(&'static str, Vec<u8>)>, String> {
        let protos = crate::root().join("imap-server/proto");
        let mut descriptors = protox::compile(PROTOS, [protos]).map_err(|error| error.to_string())?;
        let out = std::env::temp_dir().join(format!("restante-codegen-{}", std::process::id()));
        std::fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
        let code = tonic_prost_build::configure()
            .out_dir(&out)
            .compile_fds(descriptors.clone())
            .and_then(|()| CODE.iter().map(|name| Ok((*name, std::fs::read(out.join(name))?))).collect());
        let _ = std::fs::remove_dir_all(&out);
        // Reflection needs no comments, and places in the source change with every edit.
        for file in &mut descriptors.file {
            file.source_code_info = None;
        }
        let mut files: Vec<(&'static str, Vec<u8>)> =
            code.map_err(|error: std::io::Error| format!("code: {error}"))?;
        files.push(("descriptors.bin", descriptors.encode_to_vec()));
        Ok(files)
    }
}
