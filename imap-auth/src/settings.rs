//! [`Settings`] of the server's side.

use crate::{CertificateMapping, HashCost, Secret};

/// Settings of the server's side: `Settings { anonymous: .., ..Settings::new(secret) }`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What a hash costs when a password is set, and so what an unknown user costs.
    pub cost: HashCost,
    /// How many passwords may be hashed at once, at least 1.
    pub hashes_at_once: usize,
    /// 32 random octets, the same after every restart and known to nobody else. SCRAM shows an unknown user the salt
    /// that it makes of them: who sees the salt change, or can compute it, knows that there is no such user.
    pub server_secret: Secret,
    /// Whose a client certificate is: for EXTERNAL.
    pub certificates: CertificateMapping,
    /// The user whose mail those see that come with ANONYMOUS (RFC 4505), which is not offered where there is none.
    /// The user is in no directory; the server opens that mail read-only ([`crate::Identity::anonymous`]).
    pub anonymous: Option<String>,
    /// Who is refused after too many failures; `None`: nobody.
    pub throttle: Option<crate::Throttle>,
    /// Who checks tokens: for OAUTHBEARER and XOAUTH2, which are not offered where there is nobody.
    #[cfg(feature = "oauth")]
    pub tokens: Option<std::sync::Arc<crate::Tokens>>,
}

impl Settings {
    /// The defaults: the hash cost of [`HashCost::default`], as many hashes at once as there are processors, mail
    /// addresses in certificates, nobody anonymous, no tokens.
    pub fn new(server_secret: Secret) -> Self {
        Self {
            cost: HashCost::default(),
            hashes_at_once: std::thread::available_parallelism().map_or(2, usize::from),
            server_secret,
            certificates: CertificateMapping::default(),
            anonymous: None,
            throttle: None,
            #[cfg(feature = "oauth")]
            tokens: None,
        }
    }
}
