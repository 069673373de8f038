//! A mail server of a few lines that can be made to misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How a server behaves.
#[derive(Debug, Clone)]
pub(super) struct Manners {
    pub(super) banner: &'static str,
    pub(super) starttls: &'static str,
    pub(super) offers: bool,
    pub(super) injects: bool,
    pub(super) breaks_tls: bool,
    pub(super) rcpt: &'static str,
    pub(super) silent: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            banner: "220 mx ESMTP",
            starttls: "220 go ahead",
            offers: true,
            injects: false,
            breaks_tls: false,
            rcpt: "250 ok",
            silent: false,
        }
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) ecdsa: CertificateDer<'static>,
    pub(super) rsa: CertificateDer<'static>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(super) async fn start(at: SocketAddr, names: &[&str], manners: Manners) -> Self {
        let make = |algorithm| {
            let key = KeyPair::generate_for(algorithm).expect("key");
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            let certificate = CertificateParams::new(names)
                .expect("names")
                .self_signed(&key)
                .expect("signed");
            let der = certificate.der().clone();
            let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
            let signer = aws_lc_rs::sign::any_supported_type(&private).expect("a key");
            (der.clone(), Arc::new(CertifiedKey::new(vec![der], signer)))
        };
        let (ecdsa, ecdsa_key) = make(&PKCS_ECDSA_P256_SHA256);
        let (rsa, rsa_key) = make(&PKCS_RSA_SHA256);
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(TwoKeys {
                ecdsa: ecdsa_key,
                rsa: rsa_key,
            }));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(at).await.expect("bind");
        let address = listener.local_addr().expect("bound");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (manners, acceptor) = (manners.clone(), acceptor.clone());
                tokio::spawn(serve(stream, manners, acceptor));
            }
        });
        Self {
            address,
            ecdsa,
            rsa,
            task,
        }
    }
}

#[derive(Debug)]
struct TwoKeys {
    ecdsa: Arc<CertifiedKey>,
    rsa: Arc<CertifiedKey>,
}

impl ResolvesServerCert for TwoKeys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        [&self.ecdsa, &self.rsa]
            .into_iter()
            .find(|k| k.key.choose_scheme(hello.signature_schemes()).is_some())
            .cloned()
    }
}

async fn serve(mut stream: tokio::net::TcpStream, manners: Manners, acceptor: TlsAcceptor) {
    if manners.silent {
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        return;
    }
    say(&mut stream, manners.banner).await;
    if !talk(&mut stream, &manners).await {
        return;
    }
    if manners.breaks_tls {
        say(&mut stream, "this is not TLS").await;
        return;
    }
    if let Ok(mut secured) = acceptor.accept(stream).await {
        talk(&mut secured, &manners).await;
    }
}

/// Answers until the other side leaves; true if it wants TLS now.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, manners: &Manners) -> bool {
    while let Some(line) = hear(stream).await {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" if manners.offers => {
                say(stream, "250-mx\r\n250-SIZE 1000\r\n250 STARTTLS").await
            }
            "STARTTLS" => {
                let injected = if manners.injects { "\r\n250 extra" } else { "" };
                say(stream, &format!("{}{injected}", manners.starttls)).await;
                if manners.starttls.starts_with("220") {
                    return true;
                }
            }
            "RCPT" => say(stream, manners.rcpt).await,
            "DATA" => panic!("a probe must never send DATA"),
            _ => say(stream, "250 ok").await,
        }
    }
    false
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, line: &str) {
    // The client may be gone already.
    let _ = stream.write_all(format!("{line}\r\n").as_bytes()).await;
    let _ = stream.flush().await;
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(b'\n') => return String::from_utf8(line).ok().map(|l| l.trim().to_owned()),
            Ok(byte) => line.push(byte),
            Err(_) => return None,
        }
    }
}
