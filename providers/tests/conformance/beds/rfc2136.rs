//! A real BIND 9 that takes updates and transfers signed with TSIG.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use rollout_providers::{FieldValue, Name, RecordType, Rrset};
use rollout_servers::{bind::Bind, programs, tsig::TsigKey, update};

use super::RECORDS;
use crate::bed::{APEX, Bed, IDN};

pub struct BindBed(Bind);

pub async fn start() -> Option<BindBed> {
    let purpose = "the contract on BIND";
    if !Bind::available(purpose) || !programs::available(purpose, &update::PROGRAMS) {
        return None;
    }
    let start = || BindBed(Bind::start(&[(APEX, RECORDS), (IDN, RECORDS)], None).unwrap());
    Some(super::one_at_a_time(start).await)
}

#[async_trait]
impl Bed for BindBed {
    fn slug(&self) -> &'static str {
        "rfc2136"
    }

    fn address(&self) -> SocketAddr {
        self.0.dns_addr
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        fields(address, self.0.key())
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        crate::proxy::dns_write
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        foreign(self.0.dns_addr, self.0.key(), zone, name, rtype, set).await;
    }

    async fn truth(&self, name: &Name, rtype: RecordType) -> Option<Rrset> {
        super::served(self.0.dns_addr, name, rtype).await
    }

    async fn sign_by_hand(&self) -> bool {
        tokio::task::block_in_place(|| self.0.sign(APEX).unwrap());
        true
    }

    async fn independent_ds(&self) -> Vec<String> {
        super::ds_of_served(self.0.dns_addr).await
    }
}

/// The fields to reach a server at `address` with that key.
pub fn fields(address: SocketAddr, key: &TsigKey) -> BTreeMap<String, FieldValue> {
    let plain = |text: &str| FieldValue::Plain(text.to_owned());
    BTreeMap::from([
        ("server".to_owned(), plain(&address.to_string())),
        ("key-name".to_owned(), plain(&key.name)),
        (
            "key-secret".to_owned(),
            FieldValue::Secret(key.secret.clone().into()),
        ),
        ("algorithm".to_owned(), plain(&key.algorithm)),
    ])
}

/// A change of somebody else, by BIND's own tool.
pub async fn foreign(
    server: SocketAddr,
    key: &TsigKey,
    zone: &str,
    name: &Name,
    rtype: RecordType,
    set: Option<Rrset>,
) {
    let mut lines = vec![format!("delete {} {rtype}", name.fqdn())];
    if let Some(set) = &set {
        lines.extend(
            set.values()
                .iter()
                .map(|value| format!("add {} {} {rtype} {value}", name.fqdn(), set.ttl())),
        );
    }
    let (key, zone) = (key.clone(), zone.to_owned());
    tokio::task::spawn_blocking(move || update::update(server, &key, &zone, &lines).unwrap())
        .await
        .unwrap();
}
