//! The bed around a stand-in.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use reqwest::Url;
use rollout_providers::{DelegationKey, FieldValue, HandsOver, Name, RecordType, Rrset};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::Shelf;
use crate::bed::{APEX, Bed, IDN, turned_fields};

/// How one vendor answers.
pub trait Vendor: Send + 'static {
    /// The provider's slug.
    const SLUG: &'static str;
    /// Whether the vendor is a registrar, too.
    const REGISTRAR: bool = false;
    /// Whether the vendor keeps something beside a record ([`super::Record::extra`]) that a write must leave alone.
    const KEEPS: bool = false;
    /// Whether one change can take several requests.
    const IN_PARTS: bool = false;
    /// Whether it says which name servers it uses for a zone.
    const NAMESERVERS: bool = true;
    /// Whether `largest_ttl` can list.
    const LISTS: bool = true;
    /// Whether signing a zone there brings the DS to the parent.
    const HANDS_OVER: HandsOver = HandsOver::Never;

    /// The fields to reach it at `address`.
    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue>;

    /// The same with other secrets of the same form, where changing a character would leave no secret of that form.
    fn wrong_fields(&self, _: SocketAddr) -> Option<BTreeMap<String, FieldValue>> {
        None
    }

    /// Secrets that are in no field.
    fn secrets() -> Vec<String> {
        Vec::new()
    }

    /// Whether octets from a client ask for a change; by the method unless the vendor asks by POST, too.
    fn is_write() -> fn(&[u8]) -> bool {
        crate::proxy::http_write
    }

    /// Whether the vendor can hold the set at all.
    fn holds(_: &Rrset) -> bool {
        true
    }

    /// What happens at the vendor by itself, whenever somebody looks: tasks come to their end.
    fn passes(&mut self, _: &mut Shelf) {}

    /// What it answers.
    fn answer(&mut self, shelf: &mut Shelf, request: &Request) -> ResponseTemplate;
}

struct Held<V> {
    vendor: V,
    shelf: Shelf,
    /// Whether something was put beside the records.
    marked: bool,
}

struct Answering<V>(Arc<Mutex<Held<V>>>);

impl<V: Vendor> Respond for Answering<V> {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Held { vendor, shelf, .. } = &mut *self.0.lock().unwrap();
        vendor.passes(shelf);
        vendor.answer(shelf, request)
    }
}

/// A stand-in with [`APEX`] and [`IDN`], and with zones whose names look alike.
pub struct FakeBed<V> {
    server: MockServer,
    held: Arc<Mutex<Held<V>>>,
}

impl<V: Vendor> FakeBed<V> {
    pub async fn start(vendor: V) -> Self {
        let mut shelf = Shelf::default();
        for zone in ["badexample.test", APEX, IDN] {
            shelf.add_zone(zone);
        }
        let held = Arc::new(Mutex::new(Held {
            vendor,
            shelf,
            marked: false,
        }));
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(Answering(held.clone()))
            .mount(&server)
            .await;
        Self { server, held }
    }

    /// Looks at, or meddles with, what it holds.
    pub fn with<T>(&self, work: impl FnOnce(&mut V, &mut Shelf) -> T) -> T {
        let Held { vendor, shelf, .. } = &mut *self.held.lock().unwrap();
        work(vendor, shelf)
    }
}

#[async_trait]
impl<V: Vendor> Bed for FakeBed<V> {
    fn slug(&self) -> &'static str {
        V::SLUG
    }

    fn address(&self) -> SocketAddr {
        *self.server.address()
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        self.with(|vendor, _| vendor.fields(address))
    }

    fn wrong_fields(&self) -> BTreeMap<String, FieldValue> {
        let address = self.address();
        match self.with(|vendor, _| vendor.wrong_fields(address)) {
            Some(fields) => fields,
            None => turned_fields(self.fields(address)),
        }
    }

    fn secrets(&self) -> Vec<String> {
        V::secrets()
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        V::is_write()
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        self.with(|_, shelf| shelf.put(zone, name, rtype, set.as_ref()));
    }

    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        self.with(|_, shelf| shelf.zone_of(name).set(name, rtype))
    }

    fn was_ever_empty(&self, name: &Name, rtype: RecordType) -> Option<bool> {
        Some(self.with(|_, shelf| shelf.was_ever_empty(name, rtype)))
    }

    /// What is beside the records of the set; put there at the first call.
    async fn vendor_fields(&self, name: &Name, rtype: RecordType) -> Option<String> {
        if !V::KEEPS {
            return None;
        }
        let Held { shelf, marked, .. } = &mut *self.held.lock().unwrap();
        let first = !std::mem::replace(marked, true);
        let zone = shelf.zone_of(name).name.clone();
        let zone = shelf.zone_mut(&zone).unwrap();
        let of = |record: &&mut super::Record| {
            record.name == name.as_str() && record.rtype == rtype.as_str()
        };
        let kept: Vec<_> = zone
            .records
            .iter_mut()
            .filter(of)
            .map(|record| {
                if first {
                    record.extra = json!("kept for the postmaster");
                }
                record.extra.clone()
            })
            .filter(|extra| *extra != Value::Null)
            .collect();
        Some(format!("{kept:?}"))
    }

    fn tells_nameservers(&self) -> bool {
        V::NAMESERVERS
    }

    fn hands_over(&self) -> HandsOver {
        V::HANDS_OVER
    }

    fn holds(&self, set: &Rrset) -> bool {
        V::holds(set)
    }

    fn in_parts(&self) -> bool {
        V::IN_PARTS
    }

    async fn on_file(&self) -> Option<Vec<String>> {
        V::REGISTRAR.then(|| {
            self.with(|vendor, shelf| {
                vendor.passes(shelf);
                let keys = &shelf.zone(APEX).unwrap().on_file;
                keys.iter()
                    .map(|key| key.preferred_ds().unwrap().to_string())
                    .collect()
            })
        })
    }

    async fn foreign_on_file(&self, keys: &[DelegationKey]) {
        self.with(|_, shelf| shelf.zone_mut(APEX).unwrap().on_file = keys.to_vec());
    }

    async fn independent_ds(&self) -> Vec<String> {
        self.with(|_, shelf| vec![shelf.zone(APEX).unwrap().ds()])
    }

    fn lists(&self) -> bool {
        V::LISTS
    }
}

/// Whether the request has this value in its `Authorization`.
pub fn bearer(request: &Request, wanted: &str) -> bool {
    request
        .headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        == Some(wanted)
}

/// The address as the client asked for it: the stand-in's server does not know under which name and port it was reached.
pub fn here(request: &Request) -> Url {
    let host = request.headers.get("host").unwrap().to_str().unwrap();
    let mut url = request.url.clone();
    let (name, port) = host.split_once(':').unwrap();
    url.set_host(Some(name)).unwrap();
    url.set_port(Some(port.parse().unwrap())).unwrap();
    url
}

/// One parameter of the query.
pub fn query(request: &Request, key: &str) -> Option<String> {
    request
        .url
        .query_pairs()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.into_owned())
}

/// The segments of the path, decoded.
pub fn split(request: &Request) -> Vec<String> {
    let decode = |segment: &str| {
        let mut bytes = Vec::new();
        let mut rest = segment.as_bytes();
        while let [first, after @ ..] = rest {
            let hex = after
                .get(..2)
                .filter(|_| *first == b'%')
                .and_then(|hex| std::str::from_utf8(hex).ok());
            match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => {
                    bytes.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    request.url.path_segments().unwrap().map(decode).collect()
}
