//! TLS as mail servers use it: take any certificate, keep it, and let DANE decide afterwards (RFC 7672 2.2).

use std::sync::Arc;

use aws_lc_rs::digest;
use hickory_proto::rr::rdata::TLSA;
use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Whether a certificate is the one that TLSA records name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// One record names it.
    Authenticated,
    /// There are records, but none of a kind that can be used: TLS is needed, the peer is not checked.
    Unusable,
    /// None names it.
    Mismatch,
}

/// Compares end-entity records (usage 3) with the certificate (RFC 7671 5.1: no names, no dates).
pub(super) fn judge(records: &[TLSA], certificate: &CertificateDer<'_>) -> Match {
    let usable: Vec<&TLSA> = records
        .iter()
        .filter(|r| {
            r.cert_usage == CertUsage::DaneEe
                && matches!(r.selector, Selector::Full | Selector::Spki)
                && matches!(
                    r.matching,
                    Matching::Raw | Matching::Sha256 | Matching::Sha512
                )
        })
        .collect();
    if usable.is_empty() {
        return Match::Unusable;
    }
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return Match::Mismatch;
    };
    let names_it = usable.iter().any(|record| {
        let data: &[u8] = match record.selector {
            Selector::Full => certificate,
            _ => parsed.public_key().raw,
        };
        match record.matching {
            Matching::Sha256 => digest::digest(&digest::SHA256, data).as_ref() == record.cert_data,
            Matching::Sha512 => digest::digest(&digest::SHA512, data).as_ref() == record.cert_data,
            _ => data == record.cert_data,
        }
    });
    if names_it {
        Match::Authenticated
    } else {
        Match::Mismatch
    }
}

/// A client that accepts any certificate but still demands the key behind it.
pub(super) fn client() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
