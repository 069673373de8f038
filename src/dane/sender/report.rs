//! What a sender would report about a failure (RFC 8460, 4.3).

use rustls_pki_types::CertificateDer;

use super::ResultType;
use crate::dane::{Probe, certificate, mta_sts};

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
