//! The three traits a DNS host can fill, and what they talk about.

use std::{
    collections::BTreeMap,
    fmt,
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{
    Budget, Change, DelegationKey, Ds, Info, Instructions, Name, RecordType, Result, Rrset,
    Standing, Tokens,
};

/// A DNS host: finds a zone, reads a record set, changes a record set.
///
/// The contract, each rule a case of `tests/conformance`:
/// 1. [`zone`](Self::zone) matches the apex exactly. A parent or look-alike is `NotFound`; two matches are `Rejected`.
/// 2. [`read`](Self::read) returns canonical values and the TTL that will be served; absent is `None`, not an error.
/// 3. [`write`](Self::write) with a `before` that is not live is `Conflict`, with an `after` that is live already
///    is `Unchanged`; both with no write request at all.
/// 4. A set that exists before and after is never empty between. No other name or type is touched, and what the vendor
///    keeps beside a record (comments, tags) stays.
/// 5. A TTL outside [`Zone::ttl`] is `Rejected` before any request. A vendor that stores another TTL than asked is found out.
/// 6. No answer to a write is `Unknown`; a refused connection is `Transient`; too many requests are `Throttled`.
/// 7. Secrets are in no `Debug`, no `Display`, no log.
/// 8. [`Signer::enable`] twice is `Unchanged`; a digest that does not fit its key is an error. So is
///    [`Registrar::set_delegation`], and what is on file and was not expected is a `Conflict`.
/// 9. Null MX, internationalised names, long TXT with quotes, backslashes and semicolons survive.
/// 10. A future dropped halfway leaves nothing that `read` cannot explain.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// What this provider is.
    fn info(&self) -> &'static Info;

    /// Finds the zone with exactly this apex. Writes nothing.
    ///
    /// # Errors
    /// `NotFound` when these credentials see no such zone; `Rejected` when it cannot be written here (a secondary, two of the name).
    async fn zone(&self, apex: &Name) -> Result<Zone>;

    /// Reads one record set as it will be served.
    ///
    /// # Errors
    /// `Unsupported` where the provider cannot read (the caller asks DNS then). Never an error because the set is absent.
    async fn read(&self, zone: &Zone, name: &Name, rtype: RecordType) -> Result<Option<Rrset>>;

    /// Changes one record set, if it is what `change.before()` says.
    ///
    /// # Errors
    /// See the contract above. After `Unknown` nothing is known but by reading.
    async fn write(&self, zone: &Zone, change: &Change) -> Result<Outcome>;

    /// The largest TTL of any record in the zone, in seconds, where the provider can list them; `None` where it cannot.
    /// Needed to wait for the end of unsigned answers before a DS is published. What a host serves without listing it
    /// (often NS and SOA at the apex) is not in it.
    ///
    /// # Errors
    /// When the listing failed for another reason than that there is none.
    async fn largest_ttl(&self, zone: &Zone) -> Result<Option<u32>>;

    /// What the provider says of the credentials themselves; `None` where its interface does not tell. Writes nothing.
    ///
    /// # Errors
    /// When it does not tell for these credentials, which need not mean that they are wrong.
    async fn standing(&self) -> Result<Option<Standing>> {
        Ok(None)
    }

    /// Signing of zones, where the provider does it.
    fn signer(&self) -> Option<&dyn Signer> {
        None
    }

    /// Delegation at the parent, where the provider reaches it.
    fn registrar(&self) -> Option<&dyn Registrar> {
        None
    }
}

/// A host that signs zones.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Whether the zone is signed, and with which keys, where the provider tells them ([`Capabilities::keys`](crate::Capabilities::keys)).
    ///
    /// # Errors
    /// `Protocol` when a reported digest does not belong to its reported key.
    async fn status(&self, zone: &Zone) -> Result<Signing>;

    /// Signs the zone. It does not make the parent trust it.
    ///
    /// # Errors
    /// As for a write.
    async fn enable(&self, zone: &Zone) -> Result<Outcome>;

    /// Stops signing. Only safe when no parent server has a DS any more and the TTL of the last one is over; that is
    /// the caller's to know.
    ///
    /// # Errors
    /// As for a write.
    async fn disable(&self, zone: &Zone) -> Result<Outcome>;
}

/// A party that reaches the parent zone.
#[async_trait]
pub trait Registrar: Send + Sync {
    /// The DS records it has on file for the domain.
    ///
    /// # Errors
    /// `Unsupported` where it cannot tell; the parent's own servers know in any case.
    async fn delegation(&self, apex: &Name) -> Result<Vec<Ds>>;

    /// Replaces the DS records by those of `keys`, if they are what `before` says; no keys take the delegation's trust away.
    /// Who only announces to the parent has nothing on file, and `before` says nothing to it.
    ///
    /// # Errors
    /// As for a write: `Conflict` with no write request when something else is on file.
    async fn set_delegation(
        &self,
        apex: &Name,
        before: &[Ds],
        keys: &[DelegationKey],
    ) -> Result<Outcome>;
}

/// A zone at a provider. Facts such as the smallest TTL belong to it, not to the provider: they differ by plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Zone {
    /// The provider's own handle.
    pub id: String,
    /// Name of the zone.
    pub apex: Name,
    /// Name servers the provider says serve it; empty where it does not say.
    pub nameservers: Vec<Name>,
    /// TTLs that can be written, in seconds.
    pub ttl: RangeInclusive<u32>,
    /// How well a write is guarded.
    pub writes: Writes,
    /// Whether signing the zone brings the DS to the parent without being asked.
    pub hands_over: HandsOver,
    /// Sentences a person should read before changing this zone.
    pub notes: Vec<String>,
}

/// Whether a provider brings the DS to the parent by itself once it signs a zone, at a time of its own.
///
/// Such a DS does not wait until answers without signatures have left the caches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandsOver {
    /// No: somebody has to bring it there, or the zone only announces it.
    #[default]
    Never,
    /// Where the domain is registered there, too, which its API does not say here.
    IfRegisteredThere,
    /// Yes.
    Always,
}

/// How well a provider guards a write against somebody else's at the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    /// The provider itself refuses when the set changed since it was read.
    Guarded,
    /// The set changes at once, but the provider does not compare: it is read directly before and after.
    Atomic,
    /// One record at a time: in-place changes, then additions, then deletions.
    Stepwise,
    /// The provider takes only whole zones.
    WholeZone,
    /// A person does it.
    ByHand,
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was so already; nothing was sent.
    Unchanged,
    /// The provider took it and has it. What name servers serve is another matter.
    Done,
    /// A person has to do it.
    Asked(Instructions),
}

/// Whether a zone is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signing {
    /// No.
    Off,
    /// On its way there or back: ask again later.
    Pending,
    /// Yes, and these keys may be published by the parent. At least one where the provider tells its keys; none where only
    /// DNS does.
    On(Vec<DelegationKey>),
}

/// What one request to a provider was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Proving who asks, where that takes a request of its own.
    SignIn,
    /// Finding a zone.
    Zone,
    /// Reading a record set.
    Read,
    /// Changing a record set.
    Write,
    /// Listing a zone.
    List,
    /// Asking whether a zone is signed.
    ReadSigning,
    /// Signing or unsigning.
    WriteSigning,
    /// Asking for the delegation.
    ReadDelegation,
    /// Changing the delegation.
    WriteDelegation,
}

impl Call {
    /// Whether the request can change something. Only others are ever repeated.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(
            self,
            Self::Write | Self::WriteSigning | Self::WriteDelegation
        )
    }
}

/// Counts the requests that really went out, by kind. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Mutex<BTreeMap<Call, u64>>>);

impl Counter {
    /// Takes note of one request.
    pub fn on_request(&self, call: Call) {
        *self.lock().entry(call).or_default() += 1;
    }

    /// The requests so far.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<Call, u64> {
        self.lock().clone()
    }

    /// All requests so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    /// The requests so far that could change something.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.lock()
            .iter()
            .filter(|(call, _)| call.is_write())
            .map(|(_, count)| count)
            .sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Call, u64>> {
        // A panic elsewhere cannot leave a counter half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all providers can be told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Counts the requests.
    pub counter: Counter,
    /// Most time for one request, in all. 30 s.
    pub timeout: Duration,
    /// How often a read that failed for a passing reason is sent again. 2. A write never is.
    pub read_retries: u32,
    /// Roots to trust for HTTPS besides the operating system's, each a PEM bundle.
    pub extra_roots: Vec<Vec<u8>>,
    /// What was spent of each credential's quota, shared by all who are given the same.
    pub budget: Budget,
    /// The program's own sign-in at Microsoft Entra, for a provider that takes its tokens.
    pub tokens: Option<Arc<dyn Tokens>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            counter: Counter::default(),
            timeout: Duration::from_secs(30),
            read_retries: 2,
            extra_roots: Vec::new(),
            budget: Budget::default(),
            tokens: None,
        }
    }
}
