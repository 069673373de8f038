//! A certification authority and the certificates of mail hosts, with their TLSA records.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};

/// An authority that a test trusts, or does not.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: Vec<u8>,
}

/// A host's certificate with its key, as PEM.
#[derive(Clone, Debug)]
pub struct HostCertificate {
    /// The host's certificate, then the authority's.
    pub chain_pem: String,
    /// The private key.
    pub key_pem: String,
    /// RDATA `3 1 1 …`: SHA-256 of the host's public key.
    pub tlsa_3_1_1: String,
    /// RDATA `2 0 1 …`: SHA-256 of the authority's certificate, which the chain carries.
    pub tlsa_2_0_1: String,
}

impl Authority {
    /// A new authority.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            der: certificate.der().to_vec(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The authority's own certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a TLS server called any of `names` (the first is also the common name).
    pub fn issue(&self, names: &[&str]) -> HostCertificate {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        if let Some(first) = names.first() {
            params.distinguished_name.push(DnType::CommonName, first);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        HostCertificate {
            chain_pem: certificate.pem() + &self.pem,
            tlsa_3_1_1: format!("3 1 1 {}", sha256(&key.subject_public_key_info())),
            tlsa_2_0_1: format!("2 0 1 {}", sha256(&self.der)),
            key_pem: key.serialize_pem(),
        }
    }
}

impl HostCertificate {
    /// Writes key and chain into one file, the form Postfix's `smtpd_tls_chain_files` reads.
    pub fn write_key_and_chain(&self, folder: &Path, name: &str) -> std::io::Result<PathBuf> {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, format!("{}{}", self.key_pem, self.chain_pem))?;
        Ok(file)
    }
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
