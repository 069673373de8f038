//! The second validator, guarded.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::base::opt::ExtendedError;
use domain::dnssec::validator::anchor::TrustAnchors;
use domain::dnssec::validator::context::{Config, Error, ValidationContext, ValidationState};
use futures::FutureExt as _;
use hickory_proto::op::Message;
use hickory_proto::rr::Name;

use super::upstream::{Upstream, wire};
use crate::dns::Dns;
use crate::dns::text::safe;

/// Zones it may know at once; an entry is a few keys.
const MOST_ZONES: u64 = 10_000;
/// Bad signatures over one record set before it gives up; the most that it allows. One good path is enough
/// (RFC 6840, 5.11), and zones leave expired signatures lying about.
const MOST_BAD_SIGNATURES: u8 = 8;

/// Reasons for "bogus" that are a limit of the validator, and say nothing about the zone.
const LIMITS: [&str; 3] = [
    "too many DS records",
    "Too many DNSKEYs that do not match DS record",
    "Too many NSEC3 hash calculations",
];

/// Its reason where a validly signed gap with opt-out covers the name.
pub(super) const OPT_OUT: &str = "NSEC3 with Opt-Out";

/// What it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::dns) enum Verdict {
    Secure,
    Insecure,
    /// With a reason.
    Bogus(String),
    /// With a reason.
    Unknown(String),
}

/// The validator, and what it found out about zones while it lives.
///
/// It takes a delegation for what it was for as long as the TTLs say; how long that may be in all is for its owner
/// to say.
pub(in crate::dns) struct Validator {
    context: Option<ValidationContext<Upstream>>,
    upstream: Upstream,
    /// Validators that start further down.
    deeper: Mutex<HashMap<Name, Arc<Self>>>,
}

impl Validator {
    /// One that trusts `anchors`, DNSKEY or DS records in zone-file form. It asks nothing yet.
    pub(super) fn new(dns: &Dns, anchors: &str) -> Self {
        let upstream = Upstream::new(dns);
        let mut config = Config::new();
        config.set_max_node_cache(MOST_ZONES);
        config.set_bad_signatures(MOST_BAD_SIGNATURES);
        // A bogus zone may be one that a fetch failed for; the least that it allows is a second.
        config.set_max_bogus_validity(std::time::Duration::from_secs(1));
        let context = TrustAnchors::from_u8(anchors.as_bytes())
            .ok()
            .map(|anchors| ValidationContext::with_config(anchors, upstream.clone(), config));
        Self {
            context,
            upstream,
            deeper: Mutex::default(),
        }
    }

    /// Its verdict over one message. It may ask for keys and DS sets. Should it panic, that is "could not tell".
    pub(super) async fn judge(&self, message: &Message) -> Verdict {
        let Some(context) = &self.context else {
            return Verdict::Unknown("the second validator does not read the trust anchor".into());
        };
        let Some(mut message) = wire(message) else {
            return Verdict::Unknown("the answer cannot be read again".into());
        };
        guarded(context.validate_msg::<Bytes, Vec<u8>>(&mut message)).await
    }

    /// A fetch that failed somewhere on the way to what `message` says.
    pub(super) fn failure_behind(&self, message: &Message) -> Option<String> {
        self.upstream.notes.failure_behind(message)
    }

    /// A zone above what `message` says that this validator calls insecure without having looked.
    pub(super) fn not_seen_through(&self, message: &Message) -> Option<Name> {
        self.upstream.notes.opaque_above(message)
    }

    /// The validator that starts at `zone`, if there is one.
    pub(super) fn deeper(&self, zone: &Name) -> Option<Arc<Self>> {
        let deeper = self.deeper.lock().unwrap_or_else(PoisonError::into_inner);
        deeper.get(zone).cloned()
    }

    pub(super) fn keep_deeper(&self, zone: &Name, validator: Self) -> Arc<Self> {
        let mut deeper = self.deeper.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            deeper
                .entry(zone.clone())
                .or_insert_with(|| Arc::new(validator)),
        )
    }
}

/// The outcome as a verdict; a panic as "could not tell".
async fn guarded(
    judged: impl Future<Output = Result<(ValidationState, Option<ExtendedError<Vec<u8>>>), Error>>,
) -> Verdict {
    match AssertUnwindSafe(judged).catch_unwind().await {
        Ok(Ok((state, why))) => weigh(state, why.as_ref()),
        Ok(Err(error)) => Verdict::Unknown(format!(
            "the second validator cannot read the answer ({error})"
        )),
        Err(_) => Verdict::Unknown("the second validator broke down over the answer".into()),
    }
}

fn weigh(state: ValidationState, why: Option<&ExtendedError<Vec<u8>>>) -> Verdict {
    let said = || {
        why.and_then(|e| e.text_slice().map(safe))
            .unwrap_or_else(|| "the second validator gives no reason".into())
    };
    match state {
        ValidationState::Secure => Verdict::Secure,
        ValidationState::Insecure => Verdict::Insecure,
        ValidationState::Bogus => {
            let why = said();
            if LIMITS.iter().any(|limit| why.contains(limit)) {
                Verdict::Unknown(format!("the second validator goes no further: {why}"))
            } else {
                Verdict::Bogus(why)
            }
        }
        ValidationState::Indeterminate => Verdict::Unknown(said()),
    }
}

#[cfg(test)]
mod tests {
    use domain::base::iana::ExtendedErrorCode;

    use super::*;

    fn said(text: &str) -> Option<ExtendedError<Vec<u8>>> {
        ExtendedError::new_with_str(ExtendedErrorCode::DNSSEC_BOGUS, text).ok()
    }

    #[tokio::test]
    async fn a_panic_or_an_error_within_is_no_verdict() {
        let panics = guarded(async { panic!("within") }).await;
        assert!(matches!(panics, Verdict::Unknown(why) if why.contains("broke down")));
        let fails = guarded(async { Err(Error::FormError) }).await;
        assert!(matches!(fails, Verdict::Unknown(_)));
        let fine = guarded(async { Ok((ValidationState::Secure, None)) }).await;
        assert_eq!(fine, Verdict::Secure);
    }

    #[test]
    fn its_own_limits_are_no_verdict() {
        let bogus = |text: &str| weigh(ValidationState::Bogus, said(text).as_ref());
        assert_eq!(
            bogus("Bad signature"),
            Verdict::Bogus("Bad signature".into())
        );
        assert!(matches!(bogus("too many DS records"), Verdict::Unknown(_)));
        assert!(matches!(
            weigh(ValidationState::Indeterminate, said("No trust anchor for root.").as_ref()),
            Verdict::Unknown(why) if why.contains("trust anchor")
        ));
        assert!(matches!(
            weigh(ValidationState::Bogus, None),
            Verdict::Bogus(_)
        ));
    }
}
