//! What a case needs to know about the place where a provider is tried.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use async_trait::async_trait;
use rollout_providers::{
    Budget, Counter, DelegationKey, FieldValue, HandsOver, Name, Options, Outcome, Provider,
    RecordData, RecordType, Rrset, Token, Tokens, Zone, find,
};
use secrecy::{ExposeSecret, SecretString};

/// The zone every bed has, unsigned.
pub const APEX: &str = "example.test";
/// Another, internationalised.
pub const IDN: &str = "xn--bcher-kva.test";

/// A server that holds [`APEX`] and [`IDN`], reached in two ways: by the provider, and by another that judges it.
#[async_trait]
pub trait Bed: Send + Sync {
    /// The provider's slug.
    fn slug(&self) -> &'static str;

    /// Whether the documents tell of the provider as it is here; one bed of each provider does.
    fn documents(&self) -> bool {
        true
    }

    /// Why a case cannot hold here, whatever the provider does: something that the server, other than the vendor it stands for, cannot
    /// do. Such a case must fail, so that none stays left out longer than it has to.
    fn lacks(&self, _case: &str) -> Option<&'static str> {
        None
    }

    /// Where it listens.
    fn address(&self) -> SocketAddr;

    /// The fields to reach it, or something at `address` in its place.
    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue>;

    /// The same fields with other secrets of the same form.
    fn wrong_fields(&self) -> BTreeMap<String, FieldValue> {
        turned_fields(self.fields(self.address()))
    }

    /// Secrets that are in no field, such as a token of the program's own sign-in.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether octets from a client ask for a change.
    fn is_write(&self) -> fn(&[u8]) -> bool;

    /// What somebody else makes of a set, by another way than the provider.
    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>);

    /// What the server really has, seen by another way than the provider.
    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset>;

    /// Whether the set was ever absent since the last call, as far as the server itself can tell; `None` when it cannot.
    fn was_ever_empty(&self, _: &Name, _: RecordType) -> Option<bool> {
        None
    }

    /// What the vendor keeps beside the records of the set, such as comments.
    async fn vendor_fields(&self, _: &Name, _: RecordType) -> Option<String> {
        None
    }

    /// Whether the vendor says which name servers it uses for a zone.
    fn tells_nameservers(&self) -> bool {
        true
    }

    /// Whether signing a zone there brings the DS to the parent.
    fn hands_over(&self) -> HandsOver {
        HandsOver::Never
    }

    /// Whether the vendor can hold the set at all. Most take whatever DNS takes.
    fn holds(&self, _: &Rrset) -> bool {
        true
    }

    /// Whether one change can take several requests, so that what is cut off in the middle leaves a part of it.
    fn in_parts(&self) -> bool {
        false
    }

    /// The DS records on file at the registrar for [`APEX`], as text, seen by another way than the provider; `None` where the
    /// bed has no registrar.
    async fn on_file(&self) -> Option<Vec<String>> {
        None
    }

    /// What somebody else puts on file at the registrar for [`APEX`]: the keys of these DNSKEY records.
    async fn foreign_on_file(&self, _: &[DelegationKey]) {
        panic!("this bed has no registrar");
    }

    /// Signs the zone where that is not the provider's to do. `false` when it is.
    async fn sign_by_hand(&self) -> bool {
        false
    }

    /// The DS records of the signed zone, from others' code; asked only where the provider tells its keys.
    async fn independent_ds(&self) -> Vec<String> {
        panic!("this bed signs nothing")
    }

    /// Whether `largest_ttl` can list.
    fn lists(&self) -> bool {
        true
    }
}

/// The provider under test, with its zone and what counts its requests.
pub struct Subject {
    pub provider: Box<dyn Provider>,
    pub zone: Zone,
    pub counter: Counter,
}

impl Subject {
    pub async fn at(bed: &dyn Bed, address: SocketAddr, timeout: Duration) -> Self {
        let (provider, counter) = open(bed, bed.fields(address), timeout);
        let zone = provider.zone(&name(APEX)).await.unwrap();
        Self {
            provider,
            zone,
            counter,
        }
    }

    pub async fn of(bed: &dyn Bed) -> Self {
        Self::at(bed, bed.address(), Duration::from_secs(10)).await
    }

    pub async fn read(&self, owner: &str, rtype: RecordType) -> Option<Rrset> {
        self.provider
            .read(&self.zone, &name(owner), rtype)
            .await
            .unwrap()
    }

    /// Makes `set` live, whatever was there.
    pub async fn put(&self, set: &Rrset) {
        let before = self
            .provider
            .read(&self.zone, set.name(), set.rtype())
            .await
            .unwrap();
        let change = rollout_providers::Change::new(
            set.name().clone(),
            set.rtype(),
            before,
            Some(set.clone()),
        )
        .unwrap();
        let outcome = self.provider.write(&self.zone, &change).await.unwrap();
        assert!(
            matches!(outcome, Outcome::Done | Outcome::Unchanged),
            "{outcome:?}"
        );
    }
}

pub fn open(
    bed: &dyn Bed,
    fields: BTreeMap<String, FieldValue>,
    timeout: Duration,
) -> (Box<dyn Provider>, Counter) {
    open_as(bed, fields, timeout, ENTRA_TOKEN.to_owned())
}

/// The same where the program's own sign-in hands out `token`.
pub fn open_as(
    bed: &dyn Bed,
    fields: BTreeMap<String, FieldValue>,
    timeout: Duration,
    token: String,
) -> (Box<dyn Provider>, Counter) {
    let counter = Counter::default();
    let options = Options {
        counter: counter.clone(),
        timeout,
        read_retries: 0,
        // A stand-in has no quota, and nobody wants to wait for one.
        budget: Budget::unlimited(),
        tokens: Some(Arc::new(EntraTokens(token.into()))),
        ..Options::default()
    };
    (
        find(bed.slug()).unwrap().open(&fields, options).unwrap(),
        counter,
    )
}

/// What the program's own sign-in hands out, to whoever asks for the scope of Azure's interface.
pub const ENTRA_TOKEN: &str = "synthetic-entra-token";

#[derive(Debug)]
struct EntraTokens(SecretString);

#[async_trait]
impl Tokens for EntraTokens {
    async fn token(&self, scope: &str) -> Result<Token, String> {
        assert_eq!(scope, "https://management.azure.com/.default");
        Ok(Token {
            secret: self.0.clone(),
            good_for: Duration::from_secs(3600),
        })
    }
}

/// Another secret of the same form.
pub fn turned(secret: &str) -> String {
    let turn = |(at, c)| match (at, c) {
        (3, 'A') => 'B',
        (3, _) => 'A',
        _ => c,
    };
    secret.chars().enumerate().map(turn).collect()
}

pub fn turned_fields(mut fields: BTreeMap<String, FieldValue>) -> BTreeMap<String, FieldValue> {
    for value in fields.values_mut() {
        if let FieldValue::Secret(secret) = value {
            *value = FieldValue::Secret(turned(secret.expose_secret()).into());
        }
    }
    fields
}

/// Whether `live` is what a change that stopped anywhere leaves: values of either side, never none, at a TTL of either side.
pub fn is_between(live: &Rrset, before: &Rrset, after: &Rrset) -> bool {
    let known = |value| before.values().contains(value) || after.values().contains(value);
    live.values().iter().all(known) && [before.ttl(), after.ttl()].contains(&live.ttl())
}

/// Whether a case ends in a panic.
pub async fn fails(case: impl Future<Output = ()>) -> bool {
    let mut case = pin!(case);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| case.as_mut().poll(context)));
        polled.map_or(Poll::Ready(true), |poll| poll.map(|()| false))
    })
    .await
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn mx(owner: &str, ttl: u32, hosts: &[(u16, &str)]) -> Rrset {
    let values = hosts
        .iter()
        .map(|(preference, host)| RecordData::mx(*preference, name(host)));
    Rrset::new(name(owner), RecordType::Mx, ttl, values).unwrap()
}

pub fn txt(owner: &str, ttl: u32, texts: &[&[u8]]) -> Rrset {
    Rrset::new(
        name(owner),
        RecordType::Txt,
        ttl,
        texts.iter().map(|text| RecordData::txt(text.to_vec())),
    )
    .unwrap()
}

pub fn cname(owner: &str, ttl: u32, target: &str) -> Rrset {
    Rrset::new(
        name(owner),
        RecordType::Cname,
        ttl,
        [RecordData::Cname(name(target))],
    )
    .unwrap()
}
