//! Ordinary certificate validation, as an MTA-STS sender does it (RFC 8461, 4.2): trusted roots, dates, names.

use std::borrow::Cow;
use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
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

    /// The anchors, without copying the system's where they are all.
    fn anchors(&self) -> Cow<'static, [TrustAnchor<'static>]> {
        let system = if self.system { system_roots() } else { &[] };
        if self.extra.is_empty() {
            return Cow::Borrowed(system);
        }
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(self.extra.iter().cloned());
        store.roots.extend(system.iter().cloned());
        Cow::Owned(store.roots)
    }
}

/// The operating system's roots, read once: there are more than a hundred.
fn system_roots() -> &'static [TrustAnchor<'static>] {
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
    let anchors = roots.anchors();
    if anchors.is_empty() {
        return WebPki::NotTold {
            why: "this machine has no trusted roots to check with".into(),
        };
    }
    match check(chain, host, &anchors, at) {
        Ok(()) => WebPki::Valid,
        Err(why) => WebPki::Invalid { why },
    }
}

fn check(
    chain: &[CertificateDer<'_>],
    host: &str,
    anchors: &[TrustAnchor<'_>],
    at: Timestamp,
) -> Result<(), String> {
    let (leaf, others) = chain.split_first().ok_or("no certificate was sent")?;
    let leaf = EndEntityCert::try_from(leaf).map_err(|e| e.to_string())?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(
        u64::try_from(at.as_second()).unwrap_or_default(),
    ));
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        anchors,
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
