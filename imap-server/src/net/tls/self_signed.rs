//! The self-signed certificate of the first start.

use std::fs;
use std::path::Path;

use super::TlsError;
use crate::config::TlsFiles;
use crate::durable_file;

/// Makes `DATA/tls/cert.pem` and `key.pem` (mode 0600) where they are missing: self-signed, for localhost, the loopback
/// addresses and `host_name`. Returns the files, and whether they are new.
pub fn self_signed(data: &Path, host_name: &str) -> Result<(TlsFiles, bool), TlsError> {
    let dir = data.join("tls");
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    if files.certificate.exists() && files.key.exists() {
        return Ok((files, false));
    }
    fs::create_dir_all(&dir).map_err(|error| TlsError::Io { file: dir.clone(), error })?;
    let made = |error: rcgen::Error| TlsError::Made { reason: error.to_string() };
    let key = rcgen::KeyPair::generate().map_err(made)?;
    let certificate = certificate_params(host_name).map_err(made)?.self_signed(&key).map_err(made)?;
    write(&files.key, 0o600, &key.serialize_pem())?;
    write(&files.certificate, 0o644, &certificate.pem())?;
    Ok((files, true))
}

fn certificate_params(host_name: &str) -> Result<rcgen::CertificateParams, rcgen::Error> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    if !names.iter().any(|name| name == host_name) {
        names.push(host_name.to_owned());
    }
    let mut params = rcgen::CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, format!("{host_name} (self-signed by Restante)"));
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let year = i32::from(today.year());
    // A day's date may be yesterday's where the client lives; ten years spare a test installation the renewal.
    params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
    params.not_after = rcgen::date_time_ymd(year + 10, 1, 1);
    params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn write(file: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let failed = |error| TlsError::Io { file: file.to_owned(), error };
    durable_file::replace(file, mode, text.as_bytes()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_made_certificate_is_kept_and_its_key_is_private() {
        let data = tempfile::tempdir().expect("a directory");
        let (files, new) = self_signed(data.path(), "mail.example.org").expect("made");
        assert!(new);
        let mode = fs::metadata(&files.key).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let before = fs::read(&files.certificate).expect("there");
        let (files, new) = self_signed(data.path(), "mail.example.org").expect("found");
        assert!(!new);
        assert_eq!(fs::read(&files.certificate).expect("there"), before);
    }
}
