//! Holds a certificate chain against TLSA records, as RFC 7671 and RFC 7672 tell a sender to.

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::certificate::{is_public_key, spki_of};
pub(super) use super::digest::digest_of;
use super::judgement::{Judgement, Outcome, RecordResult, RecordVerdict};
use super::path::{self, Anchor};
use crate::dns::Tlsa;
use crate::dns::text::unhex;

/// Certificate usages.
const PKIX_TA: u8 = 0;
const PKIX_EE: u8 = 1;
const DANE_TA: u8 = 2;
const DANE_EE: u8 = 3;
/// Matching type: the data are the thing itself.
const FULL: u8 = 0;

/// What a sender concludes about one connection.
///
/// - `records`: the secure TLSA set; an insecure one must not be given here.
/// - `chain`: as sent, the server's own certificate first.
/// - `names`: the reference names for usage 2 (RFC 7672, 3.2.2): the TLSA base domain, and if the MX set was secure the
///   next-hop domain too. Usage 3 looks at no name.
/// - `at`: the time for validity dates; usage 3 looks at no date (RFC 7672, 3.1.1).
///
/// No system roots are used: a sender without them must come to the same result.
#[must_use]
pub fn judge(
    records: &[Tlsa],
    chain: &[CertificateDer<'_>],
    names: &[&str],
    at: Timestamp,
) -> Judgement {
    let read: Vec<Result<Usable, String>> = records.iter().map(usable).collect();
    let results: Vec<RecordResult> = read
        .iter()
        .map(|record| match record {
            Err(why) => RecordResult::Unusable { why: why.clone() },
            Ok(record) => match stronger(record, &read) {
                Some(by) => RecordResult::Superseded { by },
                None => match hold(record, chain, names, at) {
                    Ok(depth) => RecordResult::Matches { depth },
                    Err(why) => RecordResult::Differs { why },
                },
            },
        })
        .collect();
    let outcome = if records.is_empty() {
        Outcome::None
    } else if let Some((record, depth)) =
        records
            .iter()
            .zip(&results)
            .find_map(|(record, result)| match result {
                RecordResult::Matches { depth } => Some((record.clone(), *depth)),
                _ => None,
            })
    {
        Outcome::Authenticated { record, depth }
    } else if read.iter().all(Result::is_err) {
        Outcome::Unusable
    } else {
        Outcome::Mismatch
    };
    Judgement {
        outcome,
        records: records
            .iter()
            .cloned()
            .zip(results)
            .map(|(record, result)| RecordVerdict { record, result })
            .collect(),
    }
}

/// A record that a sender may use.
struct Usable {
    usage: u8,
    selector: u8,
    matching: u8,
    data: Vec<u8>,
}

/// Why a record is to be ignored (RFC 6698, 4.1; RFC 7672, 3.1.3).
fn usable(record: &Tlsa) -> Result<Usable, String> {
    match record.usage {
        DANE_TA | DANE_EE => {}
        PKIX_TA | PKIX_EE => {
            return Err(format!(
                "usage {} is not for SMTP: use 3 1 1 (RFC 7672, 3.1.3)",
                record.usage
            ));
        }
        other => return Err(format!("usage {other} is unknown")),
    }
    if record.selector > 1 {
        return Err(format!("selector {} is unknown", record.selector));
    }
    let data = unhex(&record.data)
        .filter(|d| !d.is_empty())
        .ok_or("the data are empty or no hexadecimal number")?;
    let expected = match record.matching {
        FULL => None,
        1 => Some(32),
        2 => Some(64),
        other => return Err(format!("matching type {other} is unknown")),
    };
    match expected {
        Some(length) if data.len() != length => {
            return Err(format!(
                "a digest of matching type {} has {length} bytes, this has {}",
                record.matching,
                data.len()
            ));
        }
        Some(_) => {}
        None if record.selector == 0 => {
            if spki_of(&data).is_none() {
                return Err("the data are not a certificate".into());
            }
        }
        None => {
            if !is_public_key(&data) {
                return Err("the data are not a public key".into());
            }
        }
    }
    Ok(Usable {
        usage: record.usage,
        selector: record.selector,
        matching: record.matching,
        data,
    })
}

/// The matching type that counts instead of this record's (RFC 7671, 9): of the digests for one usage and selector
/// only the strongest, besides those with the full data.
fn stronger(record: &Usable, all: &[Result<Usable, String>]) -> Option<u8> {
    if record.matching == FULL {
        return None;
    }
    let best = all
        .iter()
        .flatten()
        .filter(|r| r.usage == record.usage && r.selector == record.selector)
        .map(|r| r.matching)
        .max()?;
    (best > record.matching).then_some(best)
}

/// Whether the record authenticates the chain, and at which depth.
fn hold(
    record: &Usable,
    chain: &[CertificateDer<'_>],
    names: &[&str],
    at: Timestamp,
) -> Result<usize, String> {
    let Some(leaf) = chain.first() else {
        return Err("the server sent no certificate".into());
    };
    if record.usage == DANE_EE {
        return match selected(record.selector, leaf) {
            Some(bytes) if digest_of(record.matching, bytes) == record.data => Ok(0),
            Some(_) => Err(format!(
                "the server's {} is another one",
                thing(record.selector)
            )),
            None => Err("the server's certificate cannot be read".into()),
        };
    }
    issuer(record, chain, leaf, names, at)
}

/// Usage 2: an issuer, and everything between it and the server's certificate must hold.
fn issuer(
    record: &Usable,
    chain: &[CertificateDer<'_>],
    leaf: &CertificateDer<'_>,
    names: &[&str],
    at: Timestamp,
) -> Result<usize, String> {
    path::name_fits(leaf, names)?;
    let mut refusal = None;
    for (depth, certificate) in chain.iter().enumerate().skip(1) {
        let matches = selected(record.selector, certificate)
            .is_some_and(|bytes| digest_of(record.matching, bytes) == record.data);
        // The server's own certificate is no issuer, even when it is sent twice.
        if !matches || certificate == leaf {
            continue;
        }
        match path::verify(chain, &Anchor::Certificate(certificate), at) {
            Ok(()) => return Ok(depth),
            Err(why) => refusal = Some(why),
        }
    }
    if let Some(why) = refusal {
        return Err(why);
    }
    if record.matching == FULL {
        // The anchor need not be sent when the DNS holds all of it (RFC 7671, 5.2.2 and 5.2.3).
        let held = CertificateDer::from(record.data.as_slice());
        let anchor = if record.selector == 0 {
            if held.as_ref() == leaf.as_ref() {
                return Err(
                    "the record holds the server's own certificate, which is no issuer".into(),
                );
            }
            Anchor::Certificate(&held)
        } else {
            Anchor::Key(&record.data)
        };
        return path::verify(chain, &anchor, at).map(|()| chain.len());
    }
    let own = selected(record.selector, leaf)
        .is_some_and(|bytes| digest_of(record.matching, bytes) == record.data);
    Err(if own {
        "the record is for the server's own certificate, which is no issuer: usage 3 would fit"
            .into()
    } else {
        format!(
            "no issuing certificate that the server sends has this {}; the issuer must be sent along",
            thing(record.selector)
        )
    })
}

const fn thing(selector: u8) -> &'static str {
    if selector == 0 {
        "certificate"
    } else {
        "public key"
    }
}

fn selected<'a>(selector: u8, certificate: &'a CertificateDer<'_>) -> Option<&'a [u8]> {
    if selector == 0 {
        Some(certificate.as_ref())
    } else {
        spki_of(certificate.as_ref())
    }
}
