//! One address of an MX host: every handshake with it, judged.

use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::host::{AddressView, TlsaView, Variant, WebPki};
use super::judgement::Judgement;
use super::probe::{KeyType, Probe, ProbeResult};
use super::prober::Prober;
use super::tlsa::judge;
use super::webpki::{self, WebRoots};

/// What is expected of an address.
pub(super) struct Sought<'a> {
    /// The name in the MX record.
    pub(super) host: &'a str,
    /// The TLSA base domain, sent as SNI (RFC 7672, 8.1).
    pub(super) base: &'a str,
    /// The mail domain.
    pub(super) domain: &'a str,
    /// The reference names (RFC 7672, 3.2.2).
    pub(super) names: &'a [&'a str],
    /// The records.
    pub(super) tlsa: &'a TlsaView,
}

pub(super) async fn look_at(
    address: IpAddr,
    sought: &Sought<'_>,
    prober: &Prober,
    roots: &WebRoots,
) -> AddressView {
    let seen = prober.examine(address, sought.base, sought.domain).await;
    let judged = |probe: &Probe| judgement(probe, sought.tlsa, sought.names);
    let webpki = match chain_of(&seen.main) {
        Some(chain) => webpki::verify(&chain, sought.host, roots, seen.main.at),
        None => WebPki::NotTold {
            why: "no certificate was seen".into(),
        },
    };
    AddressView {
        address,
        judgement: judged(&seen.main),
        webpki,
        probe: seen.main,
        variants: seen
            .others
            .into_iter()
            .map(|probe| Variant {
                judgement: judged(&probe),
                probe,
            })
            .collect(),
    }
}

pub(super) fn not_looked_at(address: IpAddr) -> AddressView {
    AddressView {
        address,
        probe: Probe {
            address: SocketAddr::new(address, 25),
            sni: None,
            key: KeyType::Any,
            result: ProbeResult::NotProbed,
            banner: None,
            at: Timestamp::now(),
            took_ms: 0,
        },
        judgement: None,
        webpki: WebPki::NotTold {
            why: "the address was not probed".into(),
        },
        variants: Vec::new(),
    }
}

fn judgement(probe: &Probe, tlsa: &TlsaView, names: &[&str]) -> Option<Judgement> {
    let TlsaView::Secure { records, .. } = tlsa else {
        return None;
    };
    let ProbeResult::Ok { .. } = probe.result else {
        return None;
    };
    Some(judge(records, &chain_of(probe)?, names, probe.at))
}

fn chain_of(probe: &Probe) -> Option<Vec<CertificateDer<'static>>> {
    probe
        .result
        .chain()
        .map(|chain| chain.iter().map(super::Certificate::bytes).collect())
}
