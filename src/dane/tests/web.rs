//! A web server of any manner, for policies.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::dane::{HttpsSettings, WebRoots};

/// Whoever signs the servers' certificates.
pub(super) struct Web {
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Web {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        Self {
            authority: CertifiedIssuer::self_signed(params, key).expect("signed"),
        }
    }

    /// Serves one fixed response, with a certificate for `name`.
    pub(super) async fn serve(&self, name: &str, response: String) -> SocketAddr {
        let manner = Manner::answer(response);
        self.serve_like(&[name], |_| {}, manner).await.0
    }

    /// Serves in some manner, with a certificate for `names`, changed by `edit`; counts the connections.
    pub(super) async fn serve_like(
        &self,
        names: &[&str],
        edit: impl FnOnce(&mut CertificateParams),
        manner: Manner,
    ) -> (SocketAddr, Arc<AtomicUsize>) {
        let key = KeyPair::generate().expect("key");
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        edit(&mut params);
        let certificate = params.signed_by(&key, &self.authority).expect("signed");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .expect("certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = listener.local_addr().expect("bound");
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (acceptor, manner) = (acceptor.clone(), manner.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).await;
                    for piece in manner.pieces {
                        let _ = stream.write_all(&piece).await;
                        tokio::time::sleep(manner.pause).await;
                    }
                    let _ = stream.shutdown().await;
                });
            }
        });
        (address, count)
    }

    pub(super) fn settings(&self, address: SocketAddr) -> HttpsSettings {
        HttpsSettings {
            address: Some(address),
            roots: WebRoots::pem(self.authority.pem().as_bytes()).expect("roots"),
            timeout: Duration::from_secs(3),
        }
    }
}

/// What is sent, piece by piece, and how long between.
#[derive(Clone)]
pub(super) struct Manner {
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) pause: Duration,
}

impl Manner {
    pub(super) fn answer(response: impl Into<Vec<u8>>) -> Self {
        Self {
            pieces: vec![response.into()],
            pause: Duration::ZERO,
        }
    }
}

pub(super) fn http(status: &str, media: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Location: https://elsewhere.test/\r\n\r\n{body}",
        body.len()
    )
}
