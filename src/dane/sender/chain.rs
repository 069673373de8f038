//! One handshake's certificates against the TLSA records, as each kind of sender holds them against each other.

use rustls_pki_types::{CertificateDer, ServerName};
use webpki::EndEntityCert;

use super::Profile;
use super::{ResultType, report};
use crate::dane::{Certificate, Judgement, Outcome, Probe, judge};
use crate::dns::Tlsa;

/// Usage 2: an issuer.
const DANE_TA: u8 = 2;

/// Whether the sender takes the peer for authenticated.
///
/// `judged`: the judgement by RFC 7671, where it was made already.
pub(super) fn authenticates(
    profile: Profile,
    probe: &Probe,
    judged: Option<&Judgement>,
    records: &[Tlsa],
    names: &[&str],
) -> Result<(), ResultType> {
    let chain: Vec<CertificateDer<'static>> = probe
        .result
        .chain()
        .unwrap_or_default()
        .iter()
        .map(Certificate::bytes)
        .collect();
    let matches = |records: &[Tlsa]| {
        let judgement = judge(records, &chain, names, probe.at);
        matches!(judgement.outcome, Outcome::Authenticated { .. })
    };
    let good = match profile {
        Profile::AnyMatch => {
            by_rfc(judged).unwrap_or_else(|| matches(records)) || {
                // Agility only ever takes records away.
                records.iter().any(|r| matches(std::slice::from_ref(r)))
            }
        }
        Profile::WebPki => records
            .iter()
            .any(|r| matches(std::slice::from_ref(r)) && fits_webpki(r, &chain, names)),
        _ => by_rfc(judged).unwrap_or_else(|| matches(records)),
    };
    if good {
        return Ok(());
    }
    let usable = |r: &&Tlsa| {
        !matches!(
            judge(&[(*r).clone()], &[], &[], probe.at).outcome,
            Outcome::Unusable
        )
    };
    // Names and dates count for usage 2 alone (RFC 7672, 3.1.1).
    let issuers_only = records.iter().filter(usable).all(|r| r.usage == DANE_TA);
    Err(if issuers_only {
        report::of_certificate(chain.first(), probe, names)
    } else {
        ResultType::ValidationFailure
    })
}

fn by_rfc(judged: Option<&Judgement>) -> Option<bool> {
    judged.map(|j| matches!(j.outcome, Outcome::Authenticated { .. }))
}

/// What such a sender asks beyond RFC 7671 of a record that matches: for an issuer, a DNS name in the certificate
/// (never its common name), and a certificate above the server's own when the DNS holds a bare key.
fn fits_webpki(record: &Tlsa, chain: &[CertificateDer<'_>], names: &[&str]) -> bool {
    if record.usage != DANE_TA {
        return true;
    }
    if record.selector == 1 && record.matching == 0 && chain.len() < 2 {
        return false;
    }
    let Some(leaf) = chain.first().and_then(|l| EndEntityCert::try_from(l).ok()) else {
        return false;
    };
    names.iter().any(|name| {
        ServerName::try_from(*name)
            .is_ok_and(|name| leaf.verify_is_valid_for_subject_name(&name).is_ok())
    })
}
