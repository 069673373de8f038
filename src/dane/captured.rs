//! Certificate chains captured elsewhere, for a machine that cannot reach port 25.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::certificate::{Certificate, parse};
use crate::dns::text::safe;
use crate::dns::{Name, normal};

/// More than a server would ever send.
const LARGEST: u64 = 1 << 20;
/// More than a server would ever send.
const MOST_CERTIFICATES: usize = 64;

/// Chains by host, or by host and address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    chains: Vec<GivenChain>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenChain {
    host: Name,
    address: Option<IpAddr>,
    pub(super) chain: Arc<[Certificate]>,
    /// The file, made safe for a terminal.
    pub(super) from: String,
}

/// Why a chain cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CapturedError {
    /// It is not written as it must be.
    #[error(
        "{spec:?} does not say whose chain it is; write HOST=FILE, or HOST=ADDRESS=FILE for one address of the host"
    )]
    Form {
        /// What was given.
        spec: String,
    },
    /// The host is no host name.
    #[error("{host:?} in {spec:?} is no host name; give the name that stands in the MX record")]
    Host {
        /// The name.
        host: String,
        /// What was given.
        spec: String,
    },
    /// The file cannot be read.
    #[error("the chain in {} cannot be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is in it is no chain.
    #[error(
        "{} holds no certificate chain: {why}; give PEM, the server's own certificate first, as \
         `openssl s_client -starttls smtp -showcerts` prints it", .path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Captured {
    /// Reads chains given as `HOST=FILE`, or as `HOST=ADDRESS=FILE` for one address of the host alone. Several chains may
    /// be given for one host or address (a server may have an RSA and an ECDSA certificate): all of them must match.
    ///
    /// A file is PEM with the server's own certificate first, at most 1 MiB; other text around the certificates, as
    /// `openssl s_client` prints it, is passed over.
    ///
    /// # Errors
    /// The first that cannot be taken, and why.
    pub fn parse(specs: &[String]) -> Result<Self, CapturedError> {
        let chains = specs
            .iter()
            .map(|spec| {
                let (host, address, path) = split(spec)?;
                let pem = read(&path).map_err(|source| CapturedError::File {
                    path: path.clone(),
                    source,
                })?;
                let chain = chain_of(&pem).map_err(|why| CapturedError::Content {
                    path: path.clone(),
                    why,
                })?;
                Ok(GivenChain {
                    host,
                    address,
                    chain: chain.iter().map(|c| Certificate::read(c)).collect(),
                    from: safe(path.display().to_string().as_bytes()),
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { chains })
    }

    /// Whether none was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chains.is_empty()
    }

    /// For whom chains were given: to see that each was meant for a host that exists.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, Option<IpAddr>)> {
        self.chains
            .iter()
            .map(|given| (given.host.as_str(), given.address))
    }

    /// The chains for an address of the host with these names: those for this very address if there are any, else those
    /// for the host.
    pub(super) fn of(&self, names: &[&str], address: IpAddr) -> Vec<&GivenChain> {
        let of = |wanted: Option<IpAddr>| -> Vec<&GivenChain> {
            self.chains
                .iter()
                .filter(|given| given.address == wanted && names.contains(&given.host.as_str()))
                .collect()
        };
        let own = of(Some(address));
        if own.is_empty() { of(None) } else { own }
    }
}

fn split(spec: &str) -> Result<(Name, Option<IpAddr>, PathBuf), CapturedError> {
    let form = || CapturedError::Form {
        spec: safe(spec.as_bytes()),
    };
    let (host, rest) = spec.split_once('=').ok_or_else(form)?;
    let (address, path) = match rest.split_once('=') {
        Some((address, path)) => match literal(address) {
            Some(address) => (Some(address), path),
            // An equals sign in the file's name.
            None => (None, rest),
        },
        None => (None, rest),
    };
    if path.is_empty() || (address.is_none() && literal(path).is_some()) {
        return Err(form());
    }
    let host = normal(host);
    if !is_host(&host) {
        return Err(CapturedError::Host {
            host: safe(host.as_bytes()),
            spec: safe(spec.as_bytes()),
        });
    }
    Ok((host, address, PathBuf::from(path)))
}

/// An address, in brackets or without.
fn literal(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    bare.unwrap_or(text).parse().ok()
}

fn is_host(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than is allowed, whatever the size is said to be: it need not be a plain file.
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The certificates in a PEM text, the server's own first.
///
/// # Errors
/// What is wrong, as a part of a sentence.
pub(super) fn chain_of(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    if u64::try_from(pem.len()).is_ok_and(|length| length > LARGEST) {
        return Err("it is larger than 1 MiB".into());
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .take(MOST_CERTIFICATES + 1)
        .collect::<Result<_, _>>()
        .map_err(|_| "a PEM block in it is broken")?;
    if chain.is_empty() {
        return Err("no certificate in PEM form is in it".into());
    }
    if chain.len() > MOST_CERTIFICATES {
        return Err(format!(
            "more than {MOST_CERTIFICATES} certificates are in it"
        ));
    }
    if let Some(depth) = chain.iter().position(|c| parse(c.as_ref()).is_none()) {
        return Err(format!("certificate {depth} in it cannot be read"));
    }
    Ok(chain)
}
