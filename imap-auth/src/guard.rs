//! The guard around rsasl: whatever it does with a peer's octets, the process lives.
//!
//! Every step of an rsasl session goes through [`step`]. What a session says of its outcome is never trusted
//! here: [`rsasl::prelude::State::Finished`] is no success, only a validation that our own verdict filled in is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rsasl::prelude::{ChannelBindingCallback, Session, Validation};
use zeroize::Zeroizing;

/// rsasl refused the message or panicked; neither tells more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StepFailed;

/// One step; gives what has to be sent. The session is not used again after an error.
pub(crate) fn step<V: Validation, B: ChannelBindingCallback>(
    session: &mut Session<V, B>,
    input: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, StepFailed> {
    let mut output = Zeroizing::new(Vec::new());
    contain(|| match session.step(input, &mut *output) {
        Ok(_) => Ok(()),
        Err(error) => {
            // The error names the rule that was broken, not the octets.
            tracing::debug!(%error, "SASL message refused");
            Err(StepFailed)
        }
    })?;
    Ok(output)
}

/// Runs `work`; a panic becomes [`StepFailed`]. rsasl 2.3.1 has slices without a length check in its SCRAM
/// parser, so three octets from the network can make it panic.
fn contain<T>(work: impl FnOnce() -> Result<T, StepFailed>) -> Result<T, StepFailed> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        tracing::error!("the SASL library panicked on a peer's message");
        Err(StepFailed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(contain::<()>(|| panic!("as rsasl does")), Err(StepFailed));
        assert_eq!(contain(|| Ok(1)), Ok(1));
    }

    /// rsasl 2.3.1 panics at these; should a newer one refuse them instead, so much the better. Without the check of
    /// shapes that stands before it, only the guard keeps the process alive.
    #[cfg(feature = "server")]
    #[test]
    fn rsasl_panics_are_contained() {
        use rsasl::callback::SessionCallback;
        use rsasl::config::SASLConfig;
        use rsasl::mechanisms::scram::SCRAM_SHA256;
        use rsasl::prelude::{Mechanism, Registry, SASLServer};
        use rsasl::validate::NoValidation;
        struct Silent;
        impl SessionCallback for Silent {}
        static REGISTRY: [Mechanism; 1] = [SCRAM_SHA256];
        for message in [&b"n,,,"[..], b"n,x,n=user,r=abc", b"n,,n", b"", b"\xff"] {
            let config = SASLConfig::builder()
                .with_registry(Registry::with_mechanisms(&REGISTRY))
                .with_callback(Silent)
                .expect("a configuration");
            let server = SASLServer::<NoValidation>::new(config);
            let mut session = server.start_suggested(SCRAM_SHA256.mechanism).expect("known");
            assert_eq!(step(&mut session, Some(message)).err(), Some(StepFailed));
        }
    }
}
