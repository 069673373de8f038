//! Usage 2: from the server's certificate to the anchor, and the name it is for.
//!
//! Signatures, dates, CA flags, key usage and name constraints below the anchor are the library's work. What it
//! takes on trust about an anchor (its dates, its CA flag, its path length) is looked at here, because here the
//! anchor is only what a DNS record points to.

use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, Der, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::x509::X509Version;

use super::certificate::{dns_names, parse};
use crate::dns::normal;

/// Where trust begins.
pub(super) enum Anchor<'a> {
    /// An issuing certificate, sent or held in the DNS.
    Certificate(&'a CertificateDer<'a>),
    /// A public key held in the DNS, whoever's it is.
    Key(&'a [u8]),
}

/// Whether the chain leads to the anchor.
pub(super) fn verify(
    chain: &[CertificateDer<'_>],
    anchor: &Anchor<'_>,
    at: Timestamp,
) -> Result<(), String> {
    let (leaf, others) = chain
        .split_first()
        .ok_or("the server sent no certificate")?;
    let leaf = EndEntityCert::try_from(leaf)
        .map_err(|e| format!("the server's certificate cannot be used: {e}"))?;
    let longest = match anchor {
        Anchor::Certificate(certificate) => fit_to_issue(certificate, at)?,
        Anchor::Key(_) => None,
    };
    let anchors = match anchor {
        Anchor::Certificate(certificate) => vec![
            anchor_from_trusted_cert(certificate)
                .map_err(|e| format!("the issuing certificate cannot be used: {e}"))?
                .to_owned(),
        ],
        Anchor::Key(key) => bare_anchors(chain, key),
    };
    let time = UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(at.as_second()).unwrap_or_default(),
    ));
    let path = leaf
        .verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &anchors,
            others,
            time,
            KeyUsage::server_auth(),
            None,
            None,
        )
        .map_err(|e| format!("the chain does not lead to the issuer in the record: {e}"))?;
    if let Some(longest) = longest {
        // Self-issued certificates do not count (RFC 5280, 4.2.1.9).
        let between = path
            .intermediate_certificates()
            .filter(|c| c.issuer() != c.subject())
            .count();
        if between > longest {
            return Err(format!(
                "the issuer in the record allows {longest} certificates below it before the server's, there are {between}"
            ));
        }
    }
    Ok(())
}

/// Whether a certificate may issue others at this time; its path length limit.
fn fit_to_issue(der: &CertificateDer<'_>, at: Timestamp) -> Result<Option<usize>, String> {
    let certificate = parse(der.as_ref()).ok_or("the issuing certificate cannot be read")?;
    let seconds = at.as_second();
    let validity = certificate.validity();
    if seconds < validity.not_before.timestamp() {
        return Err("the issuing certificate is not yet valid".into());
    }
    if seconds > validity.not_after.timestamp() {
        return Err("the issuing certificate has expired".into());
    }
    let signs = match certificate.key_usage() {
        Ok(usage) => usage.map(|u| u.value.key_cert_sign()),
        Err(_) => return Err("the issuing certificate's key usage cannot be read".into()),
    };
    if signs == Some(false) {
        return Err("the issuing certificate may not sign certificates (key usage)".into());
    }
    match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => Ok(constraints
            .value
            .path_len_constraint
            .and_then(|n| usize::try_from(n).ok())),
        // From before such extensions, and its own issuer: an old root.
        Ok(None) if certificate.version() == X509Version::V1 && is_self_issued(&certificate) => {
            Ok(None)
        }
        Ok(None) if signs == Some(true) => Ok(None),
        Ok(_) => Err("the certificate in the record is no CA certificate".into()),
        Err(_) => Err("the issuing certificate's basic constraints cannot be read".into()),
    }
}

fn is_self_issued(certificate: &X509Certificate<'_>) -> bool {
    certificate.subject().as_raw() == certificate.issuer().as_raw()
}

/// The key as an anchor under the name of each issuer that a sent certificate names: whose key it is, only the
/// signatures tell.
fn bare_anchors(chain: &[CertificateDer<'_>], key: &[u8]) -> Vec<TrustAnchor<'static>> {
    let Some(key) = contents(key) else {
        return Vec::new();
    };
    let mut anchors: Vec<TrustAnchor<'static>> = Vec::new();
    for certificate in chain {
        let Some(parsed) = parse(certificate.as_ref()) else {
            continue;
        };
        let Some(issuer) = contents(parsed.issuer().as_raw()) else {
            continue;
        };
        if anchors.iter().any(|a| a.subject.as_ref() == issuer) {
            continue;
        }
        anchors.push(TrustAnchor {
            subject: Der::from(issuer.to_vec()),
            subject_public_key_info: Der::from(key.to_vec()),
            name_constraints: None,
        });
    }
    anchors
}

/// What is inside an outermost DER element.
fn contents(der: &[u8]) -> Option<&[u8]> {
    match Any::from_der(der) {
        Ok(([], any)) => Some(any.data),
        _ => None,
    }
}

/// Whether the certificate is for one of the reference names (RFC 7672, 3.2.3): its DNS names if it has any, else its
/// common name; a wildcard is a whole first label.
pub(super) fn name_fits(leaf: &CertificateDer<'_>, names: &[&str]) -> Result<(), String> {
    let certificate = parse(leaf.as_ref()).ok_or("the server's certificate cannot be read")?;
    let mut presented = dns_names(&certificate);
    if presented.is_empty() {
        presented = certificate
            .subject()
            .iter_common_name()
            .filter_map(|cn| cn.as_str().ok())
            .map(str::to_ascii_lowercase)
            .collect();
    }
    if presented
        .iter()
        .any(|p| names.iter().any(|n| presents(p, n)))
    {
        return Ok(());
    }
    Err(format!(
        "the certificate is for {}, not for {}",
        list(&presented),
        names.join(" or ")
    ))
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "no name".into();
    }
    let shown: Vec<String> = names
        .iter()
        .take(5)
        .map(|n| crate::dns::text::safe(n.as_bytes()))
        .collect();
    let more = if names.len() > 5 { " and others" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Whether a presented name stands for a reference name.
fn presents(presented: &str, reference: &str) -> bool {
    let presented = normal(presented);
    let reference = normal(reference);
    if reference.is_empty() {
        return false;
    }
    match presented.strip_prefix("*.") {
        // A wildcard for a whole top-level domain stands for nothing.
        Some(rest) if rest.contains('.') => reference
            .split_once('.')
            .is_some_and(|(first, tail)| !first.is_empty() && tail == rest),
        Some(_) => false,
        None => presented == reference,
    }
}
