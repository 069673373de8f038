//! One address of an MX host: every handshake with it, judged.

use std::net::{IpAddr, SocketAddr};

use rustls_pki_types::CertificateDer;

use super::certificate::Certificate;
use super::host::{AddressView, TlsaView, Variant, WebPki};
use super::judgement::Judgement;
use super::probe::{Hello, Probe, ProbeResult};
use super::prober::{Examined, Prober};
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

/// Examines the address, or takes the chains that were given for it, and judges.
pub(super) async fn look_at(
    address: IpAddr,
    sought: &Sought<'_>,
    prober: &Prober,
    roots: &WebRoots,
) -> AddressView {
    let at = SocketAddr::new(address, prober.settings().port);
    // Whoever captured it is taken to have asked as a sender does.
    let as_sender = Hello {
        sni: Some(sought.base),
        ..Hello::default()
    };
    let mut given = prober
        .given(&[sought.host, sought.base], address)
        .into_iter()
        .map(|given| {
            let result = ProbeResult::Given {
                chain: given.chain.clone(),
                from: given.from.clone(),
            };
            Probe::of(at, as_sender, result)
        });
    let seen = match given.next() {
        Some(main) => Examined {
            main,
            others: given.collect(),
        },
        None if prober.goes_out() => prober.examine(address, sought.base, sought.domain).await,
        None => return not_looked_at(address),
    };
    judged(address, seen, sought, roots)
}

fn judged(address: IpAddr, seen: Examined, sought: &Sought<'_>, roots: &WebRoots) -> AddressView {
    let Examined { main, others } = seen;
    let webpki = match main.result.chain() {
        Some(chain) => webpki::verify(&bytes(chain), sought.host, roots, main.at),
        None => WebPki::NotTold {
            why: "no certificate was seen".into(),
        },
    };
    let judgement = judgement(&main, sought.tlsa, sought.names);
    let variants = others
        .into_iter()
        .map(|probe| {
            // Most servers show the same chain each time.
            let same = probe.result.proven_chain() == main.result.proven_chain();
            let judgement = if same {
                judgement.clone()
            } else {
                self::judgement(&probe, sought.tlsa, sought.names)
            };
            Variant { probe, judgement }
        })
        .collect();
    AddressView {
        address,
        judgement,
        webpki,
        probe: main,
        variants,
    }
}

pub(super) fn not_looked_at(address: IpAddr) -> AddressView {
    let address = SocketAddr::new(address, 25);
    AddressView {
        address: address.ip(),
        probe: Probe::of(address, Hello::default(), ProbeResult::NotProbed),
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
    let chain = probe.result.proven_chain()?;
    Some(judge(records, &bytes(chain), names, probe.at))
}

fn bytes(chain: &[Certificate]) -> Vec<CertificateDer<'static>> {
    chain.iter().map(Certificate::bytes).collect()
}
