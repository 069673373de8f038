//! The places where providers are tried.

pub mod azure;
pub mod cloudflare;
pub mod desec;
pub mod digitalocean;
pub mod gandi;
pub mod godaddy;
pub mod google;
pub mod hetzner;
pub mod ionos;
pub mod ovh;
pub mod porkbun;
pub mod powerdns;
pub mod rfc2136;

use std::net::SocketAddr;

use hickory_proto::rr::{RData, RecordType as WireType};
use rollout_providers::{Name, RecordData, RecordType, Rrset};
use rollout_servers::ask::Ask;

/// Starts a server while no other test starts one: between choosing a free port and listening on it, another could take it.
pub async fn one_at_a_time<S: Send + 'static>(start: impl FnOnce() -> S + Send + 'static) -> S {
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _alone = STARTING.lock().await;
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// What a name server serves, asked by DNS.
pub async fn served(server: SocketAddr, name: &Name, rtype: RecordType) -> Option<Rrset> {
    let (owner, name) = (name.fqdn(), name.clone());
    let wire = match rtype {
        RecordType::Mx => WireType::MX,
        RecordType::Txt => WireType::TXT,
        RecordType::Cname => WireType::CNAME,
    };
    tokio::task::spawn_blocking(move || {
        let ask = Ask {
            recursion: false,
            ..Ask::default()
        };
        let answer = ask.send(server, &owner, wire).unwrap();
        let records: Vec<_> = answer
            .answers
            .iter()
            .filter(|record| record.record_type() == wire)
            .collect();
        let ttl = records.first()?.ttl;
        let values = records.iter().map(|record| match &record.data {
            RData::MX(mx) => RecordData::mx(mx.preference, mx.exchange.to_ascii().parse().unwrap()),
            RData::TXT(txt) => RecordData::Txt(txt.txt_data.concat()),
            RData::CNAME(target) => RecordData::Cname(target.0.to_ascii().parse().unwrap()),
            other => panic!("{other:?}"),
        });
        Some(Rrset::new(name, rtype, ttl, values).unwrap())
    })
    .await
    .unwrap()
}

/// The DS records of what is served, computed by BIND's tool.
pub async fn ds_of_served(server: SocketAddr) -> Vec<String> {
    tokio::task::spawn_blocking(move || {
        rollout_servers::update::ds_records(server, super::bed::APEX).unwrap()
    })
    .await
    .unwrap()
}

/// What both zones hold at first, besides SOA and NS.
pub const RECORDS: &str = "www 300 A 192.0.2.1\n\
     @ 3600 TXT \"v=spf1 include:spf.example -all\"\n\
     @ 3600 TXT \"MS=ms12345678\"\n\
     @ 3600 MX 0 old.mail.example.\n\
     deep.name 300 A 192.0.2.2\n\
     other 900 MX 5 other.mail.example.\n";
