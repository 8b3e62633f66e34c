//! [`Certificates`]: all that the server has, by the name that a client asks for; read again when their files change.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::sign::CertifiedKey;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::certificate::{Certificate, read_chain};
use super::{CertificateInfo, TlsError};
use crate::config::CertificateConfig;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The server's certificates. Cheap to clone; all clones see a reloaded one.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    /// The first one is for clients that ask for no name, or for one that nobody has.
    configured: Mutex<Vec<CertificateConfig>>,
    client_cas: Vec<PathBuf>,
    table: ArcSwap<Table>,
    /// What TLS-ALPN-01 shows for a name (RFC 8737).
    challenges: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// What was read at one time.
pub(super) struct Table {
    /// At least one.
    pub(super) certificates: Vec<Certificate>,
    /// Name to place in `certificates`.
    names: HashMap<String, usize>,
    /// What client certificates are verified against, by the file.
    pub(super) client_roots: HashMap<PathBuf, Arc<RootCertStore>>,
    seen: Seen,
}

/// What tells that files were written again: time, length and number of each; `None`: it is missing.
type Seen = Vec<Option<(SystemTime, u64, u64)>>;

impl Certificates {
    /// Reads every certificate, the default one first, and the CAs of client certificates.
    pub fn load(configured: Vec<CertificateConfig>, client_cas: Vec<PathBuf>) -> Result<Self, TlsError> {
        let table = Table::read(&configured, &client_cas)?;
        Ok(Self(Arc::new(Shared {
            configured: Mutex::new(configured),
            client_cas,
            table: ArcSwap::from_pointee(table),
            challenges: Mutex::default(),
        })))
    }

    /// Reads the files again; on an error everything stays as it is. New handshakes get the new ones, and what earlier
    /// ones may resume with is forgotten.
    pub fn reload(&self) -> Result<(), TlsError> {
        let table = Table::read(&locked(&self.0.configured), &self.0.client_cas)?;
        self.0.table.store(Arc::new(table));
        Ok(())
    }

    /// Takes a certificate, new or renewed; as the default one in the place of a self-signed one where `is_default`.
    pub(in crate::net) fn install(
        &self,
        config: CertificateConfig,
        is_default: bool,
    ) -> Result<(), TlsError> {
        let mut configured = locked(&self.0.configured);
        let mut fresh = configured.clone();
        match fresh.iter().position(|one| *one == config) {
            Some(_) => {}
            None if is_default => fresh[0] = config,
            None => fresh.push(config),
        }
        let table = Table::read(&fresh, &self.0.client_cas)?;
        *configured = fresh;
        self.0.table.store(Arc::new(table));
        Ok(())
    }

    /// Shows, or shows no longer, an answer to TLS-ALPN-01 for a name.
    pub(in crate::net) fn show_challenge(&self, name: &str, answer: Option<Arc<CertifiedKey>>) {
        let mut challenges = locked(&self.0.challenges);
        match answer {
            Some(answer) => challenges.insert(name.to_owned(), answer),
            None => challenges.remove(name),
        };
    }

    /// What there is, the default one first.
    pub fn list(&self) -> Vec<CertificateInfo> {
        self.0.table.load().certificates.iter().map(|certificate| certificate.info.clone()).collect()
    }

    /// Reads the files again when they change, until `stop`. An error is logged once, and tried again when they change
    /// again.
    pub async fn follow_files(self, stop: CancellationToken) {
        let mut failed = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let this = self.clone();
            let looked = tokio::task::spawn_blocking(move || this.reload_changed(failed));
            let Ok(outcome) = looked.await else { return };
            failed = outcome;
        }
    }

    /// Reads the files again where they changed. Returns what they looked like when that failed; the same is not tried
    /// again.
    fn reload_changed(&self, failed: Option<Seen>) -> Option<Seen> {
        let now = stamps(&locked(&self.0.configured), &self.0.client_cas);
        if now == self.0.table.load().seen {
            return None;
        }
        if failed.as_ref() == Some(&now) {
            return failed;
        }
        match self.reload() {
            Ok(()) => {
                info!("certificates have changed and were read again");
                None
            }
            Err(error) => {
                error!(%error, "certificates have changed and cannot be read: the old ones stay");
                Some(now)
            }
        }
    }

    pub(super) fn table(&self) -> Arc<Table> {
        self.0.table.load_full()
    }

    /// What is shown to a validation server that asks for `name` by TLS-ALPN-01.
    pub(super) fn challenge(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        locked(&self.0.challenges).get(name).cloned()
    }
}

impl Table {
    fn read(configured: &[CertificateConfig], client_cas: &[PathBuf]) -> Result<Self, TlsError> {
        // Before the files are read: what is written meanwhile is seen as a change.
        let seen = stamps(configured, client_cas);
        let certificates = configured.iter().map(Certificate::read).collect::<Result<Vec<_>, _>>()?;
        let mut names = HashMap::new();
        for (place, certificate) in certificates.iter().enumerate() {
            for name in &certificate.info.names {
                names.entry(name.clone()).or_insert(place);
            }
        }
        let client_roots = client_cas.iter().map(|file| Ok((file.clone(), Arc::new(roots(file)?))));
        let client_roots = client_roots.collect::<Result<_, TlsError>>()?;
        Ok(Self { certificates, names, client_roots, seen })
    }

    /// The place of the certificate for a name: its own, else that of the wildcard above it, else the default one.
    pub(super) fn place(&self, name: Option<&str>) -> usize {
        let Some(name) = name.map(str::to_ascii_lowercase) else { return 0 };
        let wildcard = || self.names.get(&format!("*.{}", name.split_once('.')?.1));
        self.names.get(&name).or_else(wildcard).copied().unwrap_or(0)
    }
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in read_chain(file)? {
        roots.add(certificate).map_err(|error| TlsError::Pem {
            file: file.to_owned(),
            wanted: "certificate",
            reason: error.to_string(),
        })?;
    }
    Ok(roots)
}

fn stamps(configured: &[CertificateConfig], client_cas: &[PathBuf]) -> Seen {
    let files = configured.iter().flat_map(|one| [&one.files.certificate, &one.files.key]);
    files.chain(client_cas).map(|file| stamp(file)).collect()
}

fn stamp(file: &Path) -> Option<(SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(file).ok()?;
    Some((found.modified().ok()?, found.len(), found.ino()))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is behind these locks is changed in single steps.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TlsFiles;

    fn made(dir: &Path, file: &str, names: &[&str]) -> CertificateConfig {
        let key = rcgen::KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate =
            rcgen::CertificateParams::new(names).expect("names").self_signed(&key).expect("signed");
        let files =
            TlsFiles { certificate: dir.join(format!("{file}.pem")), key: dir.join(format!("{file}.key")) };
        std::fs::write(&files.certificate, certificate.pem()).expect("written");
        std::fs::write(&files.key, key.serialize_pem()).expect("written");
        CertificateConfig { names: Vec::new(), files }
    }

    #[test]
    fn the_name_that_is_asked_for_chooses() {
        let dir = tempfile::tempdir().expect("a directory");
        let configured = vec![
            made(dir.path(), "a", &["mail.example.org"]),
            made(dir.path(), "b", &["*.example.net", "example.com"]),
            CertificateConfig { names: vec!["Imap.Example.EDU".into()], ..made(dir.path(), "c", &["x.org"]) },
        ];
        let table = Table::read(&configured, &[]).expect("readable");
        for (asked, place) in [
            (None, 0),
            (Some("mail.example.org"), 0),
            (Some("MAIL.example.NET"), 1),
            (Some("example.com"), 1),
            (Some("example.net"), 0),
            (Some("a.b.example.net"), 0),
            (Some("imap.example.edu"), 2),
            (Some("x.org"), 0),
        ] {
            assert_eq!(table.place(asked), place, "{asked:?}");
        }
    }

    #[test]
    fn a_changed_pair_is_read_again_and_a_broken_one_leaves_the_old() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = made(dir.path(), "a", &["one.example.org"]);
        let certificates = Certificates::load(vec![config.clone()], Vec::new()).expect("usable");
        assert_eq!(certificates.reload_changed(None), None, "nothing has changed");
        std::fs::write(&config.files.key, "no key").expect("written");
        let failed = certificates.reload_changed(None);
        assert!(failed.is_some());
        assert_eq!(certificates.list()[0].names, ["one.example.org"]);
        made(dir.path(), "a", &["another.example.org"]);
        assert_eq!(certificates.reload_changed(failed), None);
        assert_eq!(certificates.list()[0].names, ["another.example.org"]);
        assert!(certificates.list()[0].not_after > certificates.list()[0].not_before);
    }

    #[test]
    fn a_missing_certificate_is_named() {
        let files = TlsFiles { certificate: "/nowhere/cert.pem".into(), key: "/nowhere/key.pem".into() };
        let missing = CertificateConfig { names: Vec::new(), files };
        let Err(error) = Certificates::load(vec![missing], Vec::new()) else { panic!("loaded from nowhere") };
        assert!(error.to_string().contains("/nowhere/cert.pem"), "{error}");
    }
}
