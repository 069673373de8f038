//! What a sender would report about a failure (RFC 8460, 4.3).

use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use crate::dane::{Probe, certificate, mta_sts};

/// A result type of TLS-RPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResultType {
    /// The host does not offer STARTTLS, or does not come through with it.
    #[serde(rename = "starttls-not-supported")]
    StartTlsNotSupported,
    /// The certificate is for other names.
    CertificateHostMismatch,
    /// The certificate is not valid at this time.
    CertificateExpired,
    /// No path to an anchor.
    CertificateNotTrusted,
    /// Anything else.
    ValidationFailure,
    /// No TLSA record can be used.
    TlsaInvalid,
    /// The DNS gave no valid answer.
    DnssecInvalid,
    /// The sender demands DANE and the domain has none.
    DaneRequired,
    /// The MTA-STS policy could not be fetched.
    StsPolicyFetchError,
    /// The MTA-STS policy is malformed.
    StsPolicyInvalid,
}

/// What is wrong with a certificate that ordinary validation, or usage 2, refuses.
pub(super) fn of_certificate(
    leaf: Option<&CertificateDer<'_>>,
    probe: &Probe,
    names: &[&str],
) -> ResultType {
    let Some(parsed) = leaf.and_then(|l| certificate::parse(l.as_ref())) else {
        return ResultType::ValidationFailure;
    };
    let now = probe.at.as_second();
    let validity = parsed.validity();
    if now > validity.not_after.timestamp() || now < validity.not_before.timestamp() {
        return ResultType::CertificateExpired;
    }
    let presented = certificate::dns_names(&parsed);
    let fits = names
        .iter()
        .any(|name| presented.iter().any(|p| mta_sts::matches(p, name)));
    if fits {
        ResultType::CertificateNotTrusted
    } else {
        ResultType::CertificateHostMismatch
    }
}
