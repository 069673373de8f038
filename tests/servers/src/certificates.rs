//! A certification authority and the certificates of mail hosts, with their TLSA records.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};

/// An authority that a test trusts, or does not.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    own: Published,
}

/// What a TLSA record can hold of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Published {
    whole: Vec<u8>,
    key: Vec<u8>,
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
    leaf_pem: String,
    leaf: Published,
    anchor: Published,
}

/// What kind of certificate an authority issues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// An RSA key instead of an ECDSA one.
    pub rsa: bool,
    /// It ended in 2021.
    pub expired: bool,
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
            own: Published::of(&certificate, &key),
            issuer: Issuer::new(params, key),
        }
    }

    /// The authority's own certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a TLS server called any of `names` (the first is also the common name).
    pub fn issue(&self, names: &[&str]) -> HostCertificate {
        self.issue_as(names, Wanted::default())
    }

    /// The same, of another kind.
    pub fn issue_as(&self, names: &[&str], wanted: Wanted) -> HostCertificate {
        let key = if wanted.rsa {
            KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap()
        } else {
            KeyPair::generate().unwrap()
        };
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        if let Some(first) = names.first() {
            params.distinguished_name.push(DnType::CommonName, first);
        }
        if wanted.expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let leaf = Published::of(&certificate, &key);
        HostCertificate {
            chain_pem: certificate.pem() + &self.pem,
            tlsa_3_1_1: format!("3 1 1 {}", leaf.data(1, 1)),
            tlsa_2_0_1: format!("2 0 1 {}", self.own.data(0, 1)),
            key_pem: key.serialize_pem(),
            leaf_pem: certificate.pem(),
            leaf,
            anchor: self.own.clone(),
        }
    }
}

impl Published {
    fn of(certificate: &Certificate, key: &KeyPair) -> Self {
        Self {
            whole: certificate.der().to_vec(),
            key: key.subject_public_key_info(),
        }
    }

    fn data(&self, selector: u8, matching: u8) -> String {
        let selected = if selector == 0 {
            &self.whole
        } else {
            &self.key
        };
        match matching {
            0 => hex(selected),
            1 => hex(digest(&SHA256, selected).as_ref()),
            _ => hex(digest(&SHA512, selected).as_ref()),
        }
    }
}

impl HostCertificate {
    /// The RDATA of the TLSA record with these parameters (RFC 6698 section 2.1): of the authority for usages 0 and 2, of
    /// the host for the others.
    pub fn tlsa(&self, usage: u8, selector: u8, matching: u8) -> String {
        let published = if matches!(usage, 0 | 2) {
            &self.anchor
        } else {
            &self.leaf
        };
        let data = published.data(selector, matching);
        format!("{usage} {selector} {matching} {data}")
    }

    /// The same host when its server does not send the authority's certificate.
    #[must_use]
    pub fn without_anchor(mut self) -> Self {
        self.chain_pem.clone_from(&self.leaf_pem);
        self
    }

    /// A host with two keys, of which the handshake chooses one; TLSA records are those of the first.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.chain_pem += &format!("{}{}", other.key_pem, other.chain_pem);
        self
    }

    /// Writes key and chain into one file, the form Postfix's `smtpd_tls_chain_files` reads.
    pub fn write_key_and_chain(&self, folder: &Path, name: &str) -> std::io::Result<PathBuf> {
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, format!("{}{}", self.key_pem, self.chain_pem))?;
        Ok(file)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
