//! Certificates of the laboratory: a CA of its own and one leaf per kind of server.

use std::sync::Arc;

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::error::LabError;

/// A certificate with its key, as PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    certificate: String,
    key: String,
}

/// Everything the laboratory's servers present.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Certificates {
    /// The CA, to be trusted by clients.
    pub(crate) root: String,
    pub(crate) legacy: Identity,
    pub(crate) new: Identity,
    /// The right names with a key that no TLSA record names.
    pub(crate) new_wrong_key: Identity,
    pub(crate) gateway: Identity,
    pub(crate) policy: Identity,
}

impl Certificates {
    /// New keys and certificates; `partitions` are the zones below `mx.microsoft`, `domains` the customers'.
    pub(crate) fn generate(partitions: &[String], domains: &[String]) -> Result<Self, LabError> {
        let ca_key = KeyPair::generate().map_err(failed)?;
        let mut ca = params(Vec::new(), "rollout laboratory CA")?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = ca.self_signed(&ca_key).map_err(failed)?.pem();
        let issuer = Issuer::new(ca, ca_key);
        let mut new_names = vec!["mx.microsoft".to_owned(), "*.mx.microsoft".to_owned()];
        new_names.extend(partitions.iter().map(|p| format!("*.{p}")));
        let policy_names = domains.iter().map(|d| format!("mta-sts.{d}")).collect();
        Ok(Self {
            root,
            legacy: leaf(
                &issuer,
                vec![
                    "mail.protection.outlook.com".to_owned(),
                    "*.mail.protection.outlook.com".to_owned(),
                ],
            )?,
            new: leaf(&issuer, new_names.clone())?,
            new_wrong_key: leaf(&issuer, new_names)?,
            gateway: leaf(&issuer, vec![crate::seed::GATEWAY_HOST.to_owned()])?,
            policy: leaf(&issuer, policy_names)?,
        })
    }
}

impl Identity {
    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, LabError> {
        CertificateDer::pem_slice_iter(self.certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(failed)
    }

    /// What a TLSA record `3 1 1` holds for this key: SHA-256 over the public key (RFC 6698 2.1).
    pub(crate) fn public_key_digest(&self) -> Result<Vec<u8>, LabError> {
        let chain = self.chain()?;
        let first = chain
            .first()
            .ok_or_else(|| failed("a saved certificate is empty"))?;
        public_key_digest(first)
    }

    /// A TLS server that presents this identity.
    pub(crate) fn server(&self) -> Result<Arc<ServerConfig>, LabError> {
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(failed)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_no_client_auth()
            .with_single_cert(self.chain()?, key)
            .map_err(failed)?;
        Ok(Arc::new(config))
    }
}

/// SHA-256 over the public key of a certificate.
pub(crate) fn public_key_digest(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, LabError> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(failed)?;
    let key = parsed.public_key().raw;
    Ok(digest::digest(&digest::SHA256, key).as_ref().to_vec())
}

fn params(names: Vec<String>, common_name: &str) -> Result<CertificateParams, LabError> {
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = rcgen::date_time_ymd(2024, 1, 1);
    params.not_after = rcgen::date_time_ymd(2049, 12, 31);
    Ok(params)
}

fn leaf(issuer: &Issuer<'_, KeyPair>, names: Vec<String>) -> Result<Identity, LabError> {
    let key = KeyPair::generate().map_err(failed)?;
    let common_name = names.first().cloned().unwrap_or_default();
    let mut params = params(names, &common_name)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, issuer).map_err(failed)?;
    Ok(Identity {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    })
}

fn failed(error: impl std::fmt::Display) -> LabError {
    LabError::Certificate(error.to_string())
}
