//! [`Server`]: everything put together. Opens the store, binds, serves, stops.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use imap_auth::{Authenticator, Settings, Throttle};
use imap_store::{CommitTimes, OpenError, OpenReport, Options, Store};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::access::{self, AccessError};
use crate::admin::{self, Admin, ListenerInfo, SocketError};
use crate::config::{CertificateConfig, Config, TlsFiles};
use crate::net::acme::{Acme, HttpChallenges};
use crate::net::tls::{self, Certificates, TlsError};
use crate::net::{BindError, Listener, Listeners, raise_open_files};
use crate::runfile::RunFile;
use crate::users::Users;
use crate::{Logins, SearchThreads, Services, maintenance, metrics, net, recheck, secret_file};

/// Files that are no connections: the store's, the listeners', the admin API's.
const OTHER_FILES: u64 = 256;

/// A server that serves.
pub struct Server {
    data: PathBuf,
    store: Store,
    users: Users,
    listeners: Listeners,
    certificates: Certificates,
    tls_files: TlsFiles,
    tls_made: TlsMade,
    bound: Vec<ListenerInfo>,
    admin: Option<PathBuf>,
    admin_task: Option<tokio::task::JoinHandle<()>>,
    stop: CancellationToken,
    stop_timeout: std::time::Duration,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMade {
    /// The operator's.
    Given,
    /// Self-signed, made at an earlier start.
    Found,
    /// Self-signed, made just now.
    Now,
}

/// Why a server did not start. Nothing keeps running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// An address is taken or not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The admin API has no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Metrics have no address.
    #[error(transparent)]
    Metrics(#[from] metrics::MetricsError),
    /// Directories or tokens cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A file or directory of ours cannot be made.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Opening the store ended in a panic: a bug of ours.
    #[error("the store could not be opened: {reason}")]
    Panicked {
        /// What is known of it.
        reason: String,
    },
}

impl Server {
    /// Starts; when it returns, every listener answers.
    pub async fn start(mut config: Config) -> Result<Self, StartError> {
        let open_files = raise_open_files();
        if let Some(room) = open_files.map(|files| files.saturating_sub(OTHER_FILES).max(16)) {
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            config.limits.connections_max = config.limits.connections_max.min(room);
        }
        let io = |path: &Path, error| StartError::Io { path: path.to_owned(), error };
        make_private_dir(&config.data).map_err(|error| io(&config.data, error))?;
        let store = open_store(&config).await?;
        match Self::start_on(store.clone(), config).await {
            Ok(server) => Ok(server),
            Err(error) => {
                close(store).await;
                Err(error)
            }
        }
    }

    async fn start_on(store: Store, config: Config) -> Result<Self, StartError> {
        // We hold the store's lock: what an earlier server left here is stale.
        RunFile::remove(&config.data);
        let (tls_files, tls_made) = match config.tls.clone() {
            Some(files) => (files, TlsMade::Given),
            // One that was ordered earlier; while there is none yet, a self-signed one stands in for it.
            None if config.acme.is_some() && net::acme::files(&config.data).key.exists() => {
                (net::acme::files(&config.data), TlsMade::Given)
            }
            None => {
                let (files, new) = tls::self_signed(&config.data, &config.host_name)?;
                (files, if new { TlsMade::Now } else { TlsMade::Found })
            }
        };
        let certificates = load_certificates(&tls_files, &config)?;
        if tls_made != TlsMade::Given {
            warn!(certificate = %tls_files.certificate.display(), key = %tls_files.key.display(), "the certificate is self-signed");
        }
        let mut sockets = Vec::new();
        for listener in &config.listeners {
            sockets.extend(Listener::bind(listener)?);
        }
        let admin_socket = config.admin.as_deref().map(admin::bind).transpose()?;

        let server_secret = secret_file::read_or_make(&config.data)
            .map_err(|error| StartError::Io { path: secret_file::path(&config.data), error })?;
        let stop = CancellationToken::new();
        if let Some(address) = config.metrics {
            metrics::start(address, stop.clone())?;
        }
        let logins = Logins::new(stop.clone(), config.limits.connections_per_user_max);
        let users = Users::new(store.clone(), logins.clone(), config.password_octets_min);
        let throttle = config.throttle.clone().map(Throttle::new);
        let settings = access::settings(&config, server_secret, throttle.clone())?;
        let services = services(&store, &config, logins.clone(), &users, settings)?;
        let authenticator = services.authenticator.clone();
        let listeners = Listeners::new(services, certificates.clone(), stop.clone());
        let bound = told(&sockets, config.admin.as_deref());
        for socket in sockets {
            listeners.start(socket);
        }
        if let Some(acme) = config.acme.clone() {
            let challenges = HttpChallenges::default();
            for address in &acme.http_listen {
                let bound = net::acme::bind(*address).await;
                let listener = bound.map_err(|error| BindError { address: *address, error })?;
                tokio::spawn(challenges.clone().serve(listener, stop.clone()));
            }
            let is_default = config.tls.is_none();
            let acme = Acme::new(acme, &config.data, certificates.clone(), challenges, is_default);
            tokio::spawn(acme.run(stop.clone()));
        }
        tokio::spawn(maintenance::run(store.clone(), stop.clone()));
        tokio::spawn(recheck::run(authenticator, logins.clone(), stop.clone()));
        tokio::spawn(certificates.clone().follow_files(stop.clone()));
        let admin = Admin {
            store: store.clone(),
            users: users.clone(),
            gate: listeners.gate().clone(),
            logins,
            throttle,
            certificates: certificates.clone(),
            started_at: SystemTime::now(),
            listeners: bound.clone(),
        };
        let admin_task = admin_socket.map(|socket| {
            let serving = admin::serve(admin, socket, stop.clone());
            tokio::spawn(async move {
                if let Err(error) = serving.await {
                    error!(%error, "the admin API ended");
                }
            })
        });
        let server = Self {
            data: config.data,
            store,
            users,
            listeners,
            certificates,
            tls_files,
            tls_made,
            bound,
            admin: config.admin,
            admin_task,
            stop,
            stop_timeout: config.stop_timeout,
        };
        match server.run_file().write(&server.data) {
            Ok(()) => Ok(server),
            Err(error) => {
                server.stop.cancel();
                let path = server.data.clone();
                Err(StartError::Io { path, error })
            }
        }
    }

    /// `ready imap=ADDR imaps=ADDR lmtp=ADDR admin=PATH`, with real ports, several addresses of a listener between
    /// commas, and `none` for what is off.
    pub fn ready_line(&self) -> String {
        let told = |kind: &str| {
            let all: Vec<&str> = self
                .bound
                .iter()
                .filter(|info| info.kind == kind)
                .map(|info| info.address.as_str())
                .collect();
            if all.is_empty() { "none".to_owned() } else { all.join(",") }
        };
        format!(
            "ready imap={} imaps={} lmtp={} admin={}",
            told("imap"),
            told("imaps"),
            told("lmtp"),
            told("admin")
        )
    }

    /// What it listens on.
    pub fn listeners(&self) -> &[ListenerInfo] {
        &self.bound
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Makes and changes users.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// The certificate, and where it comes from.
    pub fn tls_files(&self) -> (&TlsFiles, TlsMade) {
        (&self.tls_files, self.tls_made)
    }

    /// Reads the certificate again; on an error the old one stays.
    pub fn reload(&self) {
        match self.certificates.reload() {
            Ok(()) => info!("certificates reloaded"),
            Err(error) => error!(%error, "the certificates stay as they are"),
        }
    }

    /// Stops: sessions get BYE, the admin API finishes, the store is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        let left = self.listeners.drained(self.stop_timeout).await;
        if left > 0 {
            warn!(left, "connections did not end in time");
        }
        if let Some(task) = self.admin_task {
            let abort = task.abort_handle();
            if tokio::time::timeout(self.stop_timeout, task).await.is_err() {
                abort.abort();
            }
        }
        if let Some(socket) = &self.admin {
            let _ = std::fs::remove_file(socket);
        }
        RunFile::remove(&self.data);
        close(self.store).await;
        info!("stopped");
    }

    fn run_file(&self) -> RunFile {
        RunFile::new(&self.data, self.admin.as_deref())
    }
}

fn load_certificates(default: &TlsFiles, config: &Config) -> Result<Certificates, TlsError> {
    let default = CertificateConfig { names: Vec::new(), files: default.clone() };
    let mut configured: Vec<_> =
        std::iter::once(default).chain(config.certificates.iter().cloned()).collect();
    let ordered = CertificateConfig { names: Vec::new(), files: net::acme::files(&config.data) };
    if config.acme.is_some() && ordered.files.key.exists() && !configured.contains(&ordered) {
        configured.push(ordered);
    }
    let client_cas = config.listeners.iter().filter_map(|listener| listener.client_ca.as_ref());
    let mut client_cas: Vec<PathBuf> = client_cas.map(|ca| ca.file.clone()).collect();
    client_cas.dedup();
    Certificates::load(configured, client_cas)
}

fn services(
    store: &Store,
    config: &Config,
    logins: Logins,
    users: &Users,
    settings: Settings,
) -> Result<Services, AccessError> {
    let directory = access::directories(config, store, users)?;
    Ok(Services {
        store: store.clone(),
        authenticator: Authenticator::new(directory, settings),
        users: Some(users.clone()),
        logins,
        search_threads: SearchThreads::new(config.limits.search_threads),
        limits: Arc::new(config.limits.clone()),
        host_name: config.host_name.as_str().into(),
    })
}

fn told(sockets: &[Listener], admin: Option<&Path>) -> Vec<ListenerInfo> {
    let network = sockets
        .iter()
        .map(|socket| ListenerInfo { kind: socket.kind().into(), address: socket.address().to_string() });
    let admin = admin.map(|path| ListenerInfo { kind: "admin".into(), address: path.display().to_string() });
    network.chain(admin).collect()
}

#[cfg(not(feature = "faults"))]
fn open_in(dir: &Path, options: Options) -> Result<(Store, OpenReport), OpenError> {
    Store::open(dir, options)
}

/// On a disk that fails from the moment on when the store is open.
#[cfg(feature = "faults")]
fn open_in(dir: &Path, options: Options) -> Result<(Store, OpenReport), OpenError> {
    let Some(disk) = crate::faults::FaultyDisk::wanted() else { return Store::open(dir, options) };
    let opened = Store::open_through(Arc::new(disk.clone()), dir, options)?;
    disk.arm();
    Ok(opened)
}

async fn open_store(config: &Config) -> Result<Store, StartError> {
    let dir = config.data.join("store");
    let options = Options { commit_times: CommitTimes::new(metrics::committed), ..config.store.clone() };
    let opening = tokio::task::spawn_blocking(move || open_in(&dir, options));
    let (store, report) =
        opening.await.map_err(|error| StartError::Panicked { reason: error.to_string() })??;
    info!(changes_replayed = report.changes_replayed, "store open");
    for finding in &report.findings {
        warn!(%finding, "the store was repaired or is damaged");
    }
    Ok(store)
}

async fn close(store: Store) {
    if tokio::task::spawn_blocking(move || store.close()).await.is_err() {
        error!("closing the store ended in a panic");
    }
}

/// Mail is nobody else's: the directory is made for its owner alone. One that is there keeps its mode.
fn make_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
