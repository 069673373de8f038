//! Ordinary certificate validation, as an MTA-STS sender does it (RFC 8461, 4.2): trusted roots, dates, names.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

use super::host::WebPki;

/// The roots trusted for HTTPS and for the certificates of MX hosts under MTA-STS. Never used to judge DANE.
#[derive(Debug, Clone)]
pub struct WebRoots {
    /// Trust what the operating system trusts.
    pub system: bool,
    /// Further roots, for a laboratory or an inspecting proxy.
    pub extra: Vec<CertificateDer<'static>>,
}

impl Default for WebRoots {
    fn default() -> Self {
        Self {
            system: true,
            extra: Vec::new(),
        }
    }
}

impl WebRoots {
    /// What the operating system trusts.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Only the certificates in a PEM text; set the field `system` to have them besides the system's.
    ///
    /// # Errors
    /// When the text holds no certificate, or a broken one: what is wrong, as a sentence.
    pub fn pem(pem: &[u8]) -> Result<Self, String> {
        let extra: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|e| format!("it is no PEM text: {e:?}"))?;
        if extra.is_empty() {
            return Err("it holds no certificate in PEM form".into());
        }
        let mut store = RootCertStore::empty();
        for certificate in &extra {
            store
                .add(certificate.clone())
                .map_err(|e| format!("it holds a certificate that cannot be a root: {e}"))?;
        }
        Ok(Self {
            system: false,
            extra,
        })
    }

    fn store(&self) -> RootCertStore {
        let mut store = RootCertStore::empty();
        if self.system {
            store.roots.extend(system_roots().iter().cloned());
        }
        store.add_parsable_certificates(self.extra.iter().cloned());
        store
    }
}

/// The operating system's roots, read once: there are more than a hundred.
fn system_roots() -> &'static [rustls_pki_types::TrustAnchor<'static>] {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    &ROOTS
        .get_or_init(|| {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            store
        })
        .roots
}

/// Whether the chain is valid for `host` at `at` under these roots.
#[must_use]
pub fn verify(chain: &[CertificateDer<'_>], host: &str, roots: &WebRoots, at: Timestamp) -> WebPki {
    let store = roots.store();
    if store.is_empty() {
        return WebPki::NotTold {
            why: "this machine has no trusted roots to check with".into(),
        };
    }
    match check(chain, host, &store, at) {
        Ok(()) => WebPki::Valid,
        Err(why) => WebPki::Invalid { why },
    }
}

fn check(
    chain: &[CertificateDer<'_>],
    host: &str,
    store: &RootCertStore,
    at: Timestamp,
) -> Result<(), String> {
    let (leaf, others) = chain.split_first().ok_or("no certificate was sent")?;
    let leaf = EndEntityCert::try_from(leaf).map_err(|e| e.to_string())?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(at.as_second()).unwrap_or_default(),
    ));
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &store.roots,
        others,
        time,
        KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|e| format!("no valid path to a trusted root: {e}"))?;
    let name = ServerName::try_from(host.to_owned()).map_err(|e| e.to_string())?;
    leaf.verify_is_valid_for_subject_name(&name)
        .map_err(|e| format!("not for the name {host}: {e}"))
}
