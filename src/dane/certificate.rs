//! Reads certificates: what people want to see, and the bytes that TLSA records are about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};
use x509_parser::time::ASN1Time;

use super::digest::digest_of;
use super::key;
use crate::dns::text::{hex, safe};

/// A certificate, as sent, with what people want to see of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// DER, base64.
    pub der: String,
    /// Subject, made safe for a terminal. Empty where the certificate cannot be read.
    pub subject: String,
    /// Issuer, made safe for a terminal.
    pub issuer: String,
    /// DNS names it is for, made safe for a terminal.
    pub names: Vec<String>,
    /// Valid from.
    pub not_before: Option<Timestamp>,
    /// Valid until.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the certificate: the data of `x 0 1`.
    pub sha256: String,
    /// SHA-256 of the public key: the data of `x 1 1`.
    pub spki_sha256: Option<String>,
    /// The type of its key: `rsa`, `ecdsa`, `ed25519`, or the dotted object identifier of its algorithm; `unreadable` where
    /// it cannot be read.
    #[serde(default)]
    pub key: String,
    /// The size of its key, in bits.
    #[serde(default)]
    pub key_bits: Option<u32>,
    /// What its issuer signed it with, such as `ecdsa-with-SHA256`. Empty where it cannot be read.
    #[serde(default)]
    pub signed_with: String,
}

impl Certificate {
    /// Reads what can be read; a certificate that cannot be parsed keeps its bytes and digest.
    #[must_use]
    pub fn read(der: &[u8]) -> Self {
        let parsed = parse(der);
        let key_info = spki_of(der);
        let read_key = key_info
            .and_then(|key| SubjectPublicKeyInfo::from_der(key).ok())
            .map(|(_, key)| key);
        let time = |t: ASN1Time| Timestamp::from_second(t.timestamp()).ok();
        Self {
            der: STANDARD.encode(der),
            subject: parsed
                .as_ref()
                .map(|c| safe(c.subject().to_string().as_bytes()))
                .unwrap_or_default(),
            issuer: parsed
                .as_ref()
                .map(|c| safe(c.issuer().to_string().as_bytes()))
                .unwrap_or_default(),
            names: parsed.as_ref().map(dns_names).unwrap_or_default(),
            not_before: parsed.as_ref().and_then(|c| time(c.validity().not_before)),
            not_after: parsed.as_ref().and_then(|c| time(c.validity().not_after)),
            sha256: hex(&digest_of(1, der)),
            spki_sha256: key_info.map(|key| hex(&digest_of(1, key))),
            key: read_key
                .as_ref()
                .map_or_else(|| "unreadable".into(), key::kind),
            key_bits: read_key.as_ref().and_then(key::bits),
            signed_with: parsed
                .as_ref()
                .map(|c| key::signature(&c.signature_algorithm.algorithm))
                .unwrap_or_default(),
        }
    }

    /// `rsa`, `ecdsa`, `ed25519`, or the dotted object identifier of the key's algorithm (RFC 5280, 4.1.2.7).
    #[must_use]
    pub fn key_type(&self) -> String {
        self.key.clone()
    }

    /// The DER bytes; empty if the text is no base64, which only an edited file can bring about.
    #[must_use]
    pub fn bytes(&self) -> CertificateDer<'static> {
        CertificateDer::from(STANDARD.decode(&self.der).unwrap_or_default())
    }
}

/// A certificate without anything after it.
pub(super) fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Some(certificate),
        _ => None,
    }
}

/// The public key info of a certificate, as encoded in it (RFC 5280, 4.1).
///
/// Walks there by hand: dates, names and extensions that a parser would stumble over do not matter to a record about the
/// key.
pub(super) fn spki_of(der: &[u8]) -> Option<&[u8]> {
    let (after, certificate) = element(der)?;
    let (_, mut fields) = element(certificate)?;
    if !after.is_empty() {
        return None;
    }
    if fields.first() == Some(&0xa0) {
        // The version.
        fields = element(fields)?.0;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for _ in 0..5 {
        fields = element(fields)?.0;
    }
    let (rest, _) = element(fields)?;
    let key = &fields[..fields.len() - rest.len()];
    is_public_key(key).then_some(key)
}

/// What comes after the first element, and what is inside it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, element) = Any::from_der(der).ok()?;
    Some((rest, element.data))
}

/// Whether the bytes are a public key info and nothing else.
pub(super) fn is_public_key(der: &[u8]) -> bool {
    matches!(SubjectPublicKeyInfo::from_der(der), Ok(([], _)))
}

/// The DNS names of the subject alternative name, lower case.
pub(super) fn dns_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(safe(name.as_bytes()).to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}
