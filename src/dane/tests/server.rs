//! A mail server of a few lines that can be made to misbehave, is strict with its clients, and keeps count.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::dane::TlsVersions;

/// How a server behaves.
#[derive(Debug, Clone)]
pub(super) struct Manners {
    pub(super) banner: &'static str,
    pub(super) starttls: &'static str,
    pub(super) offers: bool,
    /// Offers STARTTLS only from this connection on, counted from 0.
    pub(super) offers_from: usize,
    /// Another answer to EHLO.
    pub(super) ehlo: Option<&'static str>,
    /// Another answer to EHLO under TLS.
    pub(super) ehlo_secured: Option<&'static str>,
    pub(super) injects: bool,
    pub(super) breaks_tls: bool,
    /// What it answers to the client's first words of TLS.
    pub(super) raw_tls: Option<&'static [u8]>,
    pub(super) rcpt: &'static str,
    pub(super) silent: bool,
    /// When it closes the connection.
    pub(super) closes: Closes,
    /// Before each reply.
    pub(super) delay: Duration,
    pub(super) keys: Keys,
    pub(super) bare: Bare,
    pub(super) versions: TlsVersions,
}

/// When a server closes the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closes {
    Never,
    AtOnce,
    AfterEhlo,
    AfterTls,
}

/// Which keys it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    Both,
    Ecdsa,
    Rsa,
}

/// What it does without SNI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    Same,
    Refuses,
    /// Shows its ECDSA certificate to those with a name, the RSA one to those without (and the type offered allows).
    Another,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            banner: "220 mx ESMTP",
            starttls: "220 go ahead",
            offers: true,
            offers_from: 0,
            ehlo: None,
            ehlo_secured: None,
            injects: false,
            breaks_tls: false,
            raw_tls: None,
            rcpt: "250 ok",
            silent: false,
            closes: Closes::Never,
            delay: Duration::ZERO,
            keys: Keys::Both,
            bare: Bare::Same,
            versions: TlsVersions::Both,
        }
    }
}

/// What a server has met.
#[derive(Debug, Default)]
pub(super) struct Log {
    connections: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
    recipients: Mutex<Vec<String>>,
    /// What clients did that they must not.
    wrongs: Mutex<Vec<String>>,
}

impl Log {
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The most connections at the same time.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub(super) fn recipients(&self) -> Vec<String> {
        self.recipients.lock().expect("whole").clone()
    }

    fn wrong(&self, what: String) {
        self.wrongs.lock().expect("whole").push(what);
    }
}

/// A client while it is connected, as the server sees it.
struct Guest<'a> {
    log: &'a Log,
    here: AtomicBool,
}

impl Guest<'_> {
    /// It has said good-bye: what it does from then on is no burden.
    fn leaves(&self) {
        if self.here.swap(false, Ordering::SeqCst) {
            self.log.now.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.leaves();
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) ecdsa: CertificateDer<'static>,
    pub(super) rsa: CertificateDer<'static>,
    pub(super) log: Arc<Log>,
    identity: Identity,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        if !std::thread::panicking() {
            let wrongs = self.log.wrongs.lock().expect("whole");
            assert!(wrongs.is_empty(), "the client misbehaved: {wrongs:?}");
        }
    }
}

#[derive(Clone)]
struct Identity {
    ecdsa: Arc<CertifiedKey>,
    rsa: Arc<CertifiedKey>,
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
        let mut server = Self {
            address: at,
            ecdsa,
            rsa,
            log: Arc::default(),
            identity: Identity {
                ecdsa: ecdsa_key,
                rsa: rsa_key,
            },
            tasks: Vec::new(),
        };
        server.address = server.also_at(at, manners).await;
        server
    }

    /// Serves at another address too, with the same keys and the same log.
    pub(super) async fn also_at(&mut self, at: SocketAddr, manners: Manners) -> SocketAddr {
        let versions: &[&rustls::SupportedProtocolVersion] = match manners.versions {
            TlsVersions::Both => &[&TLS12, &TLS13],
            TlsVersions::Only12 => &[&TLS12],
            TlsVersions::Only13 => &[&TLS13],
        };
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Certificates {
                ecdsa: Arc::clone(&self.identity.ecdsa),
                rsa: Arc::clone(&self.identity.rsa),
                keys: manners.keys,
                bare: manners.bare,
            }));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(at).await.expect("bind");
        let address = listener.local_addr().expect("bound");
        let log = Arc::clone(&self.log);
        self.tasks.push(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = log.connections.fetch_add(1, Ordering::SeqCst);
                let now = log.now.fetch_add(1, Ordering::SeqCst) + 1;
                log.most.fetch_max(now, Ordering::SeqCst);
                let manners = Manners {
                    offers: manners.offers && number >= manners.offers_from,
                    ..manners.clone()
                };
                let (acceptor, log) = (acceptor.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    let guest = Guest {
                        log: &log,
                        here: AtomicBool::new(true),
                    };
                    serve(stream, manners, acceptor, &guest).await;
                });
            }
        }));
        address
    }
}

pub(super) fn anywhere() -> SocketAddr {
    SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0)
}

#[derive(Debug)]
struct Certificates {
    ecdsa: Arc<CertifiedKey>,
    rsa: Arc<CertifiedKey>,
    keys: Keys,
    bare: Bare,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().is_some();
        let own = match (self.keys, self.bare) {
            (_, Bare::Refuses) if !named => vec![],
            (_, Bare::Another) if named => vec![&self.ecdsa],
            (_, Bare::Another) => vec![&self.rsa],
            (Keys::Both, _) => vec![&self.ecdsa, &self.rsa],
            (Keys::Ecdsa, _) => vec![&self.ecdsa],
            (Keys::Rsa, _) => vec![&self.rsa],
        };
        own.into_iter()
            .find(|k| k.key.choose_scheme(hello.signature_schemes()).is_some())
            .cloned()
    }
}

async fn serve(
    mut stream: tokio::net::TcpStream,
    manners: Manners,
    acceptor: TlsAcceptor,
    guest: &Guest<'_>,
) {
    if manners.closes == Closes::AtOnce {
        return;
    }
    if manners.silent {
        tokio::time::sleep(Duration::from_secs(30)).await;
        return;
    }
    say(&mut stream, &manners, manners.banner).await;
    if !talk(&mut stream, &manners, guest, false).await {
        return;
    }
    if manners.breaks_tls {
        say(&mut stream, &manners, "this is not TLS").await;
        return;
    }
    if let Some(bytes) = manners.raw_tls {
        let _ = stream.read(&mut [0_u8; 4096]).await;
        let _ = stream.write_all(bytes).await;
        // Nothing more is said: without bytes of its own the server hangs here.
        let _ = stream.read(&mut [0_u8; 4096]).await;
        return;
    }
    if let Ok(mut secured) = acceptor.accept(stream).await {
        if manners.closes == Closes::AfterTls {
            return;
        }
        talk(&mut secured, &manners, guest, true).await;
    }
}

/// Answers until the other side leaves; true if it wants TLS now.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    manners: &Manners,
    guest: &Guest<'_>,
    secured: bool,
) -> bool {
    let mut greeted = false;
    while let Some(line) = hear(stream).await {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        if !greeted && !matches!(verb.as_str(), "EHLO" | "QUIT") {
            guest
                .log
                .wrong(format!("{verb} before EHLO (TLS: {secured})"));
        }
        match verb.as_str() {
            "EHLO" => {
                greeted = true;
                let other = if secured {
                    manners.ehlo_secured
                } else {
                    manners.ehlo
                };
                let usual = if manners.offers && !secured {
                    "250-mx\r\n250-SIZE 1000\r\n250 STARTTLS"
                } else {
                    "250-mx\r\n250 SIZE 1000"
                };
                say(stream, manners, other.unwrap_or(usual)).await;
                if manners.closes == Closes::AfterEhlo {
                    return false;
                }
            }
            "STARTTLS" => {
                if secured {
                    guest.log.wrong("STARTTLS under TLS".into());
                }
                let injected = if manners.injects { "\r\n250 extra" } else { "" };
                say(stream, manners, &format!("{}{injected}", manners.starttls)).await;
                if manners.starttls.starts_with("220") {
                    return true;
                }
            }
            "RCPT" => {
                guest.log.recipients.lock().expect("whole").push(line);
                say(stream, manners, manners.rcpt).await;
            }
            "MAIL" | "RSET" => {
                if !secured {
                    guest.log.wrong(format!("{verb} in the clear"));
                }
                say(stream, manners, "250 ok").await;
            }
            "QUIT" => {
                guest.leaves();
                say(stream, manners, "221 bye").await;
                return false;
            }
            _ => {
                guest.log.wrong(format!("a probe must never send {verb}"));
                return false;
            }
        }
    }
    false
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, manners: &Manners, line: &str) {
    tokio::time::sleep(manners.delay).await;
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
