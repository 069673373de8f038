//! A real Knot DNS that takes updates and transfers signed with TSIG.

use std::{collections::BTreeMap, net::SocketAddr};

use async_trait::async_trait;
use rollout_providers::{FieldValue, Name, RecordType, Rrset};
use rollout_servers::{
    knot::{Knot, KnotZone},
    programs, update,
};

use super::{RECORDS, rfc2136};
use crate::bed::{APEX, Bed, IDN};

pub struct KnotBed(Knot);

pub async fn start() -> Option<KnotBed> {
    let purpose = "the contract on Knot";
    if !Knot::available(purpose) || !programs::available(purpose, &update::PROGRAMS) {
        return None;
    }
    let zones = [APEX, IDN].map(|apex| KnotZone::unsigned(apex, RECORDS));
    let start = move || KnotBed(Knot::start(&zones, None).unwrap());
    Some(super::one_at_a_time(start).await)
}

#[async_trait]
impl Bed for KnotBed {
    fn slug(&self) -> &'static str {
        "rfc2136"
    }

    fn documents(&self) -> bool {
        false
    }

    fn address(&self) -> SocketAddr {
        self.0.dns_addr
    }

    fn fields(&self, address: SocketAddr) -> BTreeMap<String, FieldValue> {
        rfc2136::fields(address, &self.0.key)
    }

    fn is_write(&self) -> fn(&[u8]) -> bool {
        crate::proxy::dns_write
    }

    async fn foreign(&self, zone: &str, name: &Name, rtype: RecordType, set: Option<Rrset>) {
        rfc2136::foreign(self.0.dns_addr, &self.0.key, zone, name, rtype, set).await;
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
