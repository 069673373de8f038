//! TLS that keeps the certificate chain and accepts it: whether it is the right one is judged afterwards.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::version::{TLS12, TLS13};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible,
    ProtocolVersion, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer as _, SubjectPublicKeyInfo};

use super::certificate::spki_of;
use super::probe::{Hello, KeyType, TlsVersions};

/// What a handshake brought.
pub(super) struct Handshake<S> {
    pub(super) outcome: Result<Session<S>, String>,
    /// The certificates sent, also where the handshake failed after them.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether the failure was that of the connection, not of TLS.
    pub(super) cut: bool,
    /// Whether the server said that both sides have nothing in common (alert handshake_failure).
    pub(super) nothing_in_common: bool,
}

/// An open session.
pub(super) struct Session<S> {
    pub(super) stream: TlsStream<S>,
    pub(super) version: String,
    pub(super) cipher: String,
    pub(super) group: Option<String>,
}

/// Shakes hands; without SNI in the `hello` no name is sent.
pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    hello: Hello<'_>,
) -> Handshake<S> {
    let Hello { sni, key, versions } = hello;
    let failed = |why: String| Handshake {
        outcome: Err(why),
        chain: Vec::new(),
        cut: false,
        nothing_in_common: false,
    };
    let seen = Arc::new(Seen {
        provider: Arc::new(provider_for(key)),
        key,
        chain: Mutex::new(Vec::new()),
    });
    // An explicit provider: two are linked in, and the process-wide one is not ours to choose.
    let config = ClientConfig::builder_with_provider(Arc::clone(&seen.provider))
        .with_protocol_versions(offered(versions));
    let mut config = match config {
        Ok(builder) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth(),
        Err(error) => return failed(error.to_string()),
    };
    config.enable_sni = sni.is_some();
    // Each conversation shows its own certificate, so none takes up where another ended.
    config.resumption = Resumption::disabled();
    let name = match ServerName::try_from(sni.unwrap_or("no-name.invalid").to_owned()) {
        Ok(name) => name,
        Err(error) => return failed(format!("the name cannot be sent in TLS: {error}")),
    };
    let result = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await;
    let chain = seen
        .chain
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match result {
        Ok(stream) => {
            let (_, connection) = stream.get_ref();
            let version = match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
                other => format!("{other:?}"),
            };
            let cipher = connection
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()))
                .unwrap_or_default();
            let group = connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name()));
            Handshake {
                outcome: Ok(Session {
                    stream,
                    version,
                    cipher,
                    group,
                }),
                chain,
                cut: false,
                nothing_in_common: false,
            }
        }
        Err(error) => Handshake {
            cut: matches!(
                error.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable
            ),
            nothing_in_common: matches!(
                of_tls(&error),
                Some(Error::AlertReceived(AlertDescription::HandshakeFailure))
            ),
            outcome: Err(words(&error, versions)),
            chain,
        },
    }
}

/// The versions offered.
fn offered(versions: TlsVersions) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
    match versions {
        TlsVersions::Both => &BOTH,
        TlsVersions::Only13 => &BOTH[..1],
        TlsVersions::Only12 => &BOTH[1..],
    }
}

/// The library's error inside.
fn of_tls(error: &io::Error) -> Option<&Error> {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
}

/// Why a handshake failed, in words for somebody who runs a mail server.
fn words(error: &io::Error, versions: TlsVersions) -> String {
    let tls = of_tls(error);
    let spoken = match versions {
        TlsVersions::Both => "neither TLS 1.2 nor TLS 1.3",
        TlsVersions::Only12 => "no TLS 1.2",
        TlsVersions::Only13 => "no TLS 1.3",
    };
    match tls {
        Some(Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            "the server speaks only TLS 1.1 or older, which senders have given up (RFC 8996)".into()
        }
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig),
        ) => {
            let old = match versions {
                TlsVersions::Both => ": only TLS 1.1 or older, which senders have given up (RFC 8996)",
                _ => "",
            };
            format!("the server speaks {spoken}{old}")
        }
        Some(Error::AlertReceived(AlertDescription::HandshakeFailure)) => {
            "the server found no key, cipher and group that both sides have (alert handshake_failure)"
                .into()
        }
        Some(Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            "the server does not know the name sent as SNI (alert unrecognized_name)".into()
        }
        Some(Error::AlertReceived(alert)) => format!("the server ended the handshake: {alert:?}"),
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection during the handshake".into()
        }
        _ => error.to_string(),
    }
}

/// The library's cryptography, held to one type of server key where one is wanted.
fn provider_for(key: KeyType) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| match suite {
        rustls::SupportedCipherSuite::Tls12(suite) => suite.sign.iter().any(|s| key.takes(*s)),
        rustls::SupportedCipherSuite::Tls13(_) => true,
    });
    provider
}

impl KeyType {
    fn takes(self, scheme: SignatureScheme) -> bool {
        let rsa = matches!(
            scheme,
            SignatureScheme::RSA_PKCS1_SHA1
                | SignatureScheme::RSA_PKCS1_SHA256
                | SignatureScheme::RSA_PKCS1_SHA384
                | SignatureScheme::RSA_PKCS1_SHA512
                | SignatureScheme::RSA_PSS_SHA256
                | SignatureScheme::RSA_PSS_SHA384
                | SignatureScheme::RSA_PSS_SHA512
        );
        match self {
            Self::Any => true,
            Self::Rsa => rsa,
            Self::Ecdsa => !rsa,
        }
    }
}

#[derive(Debug)]
struct Seen {
    provider: Arc<CryptoProvider>,
    key: KeyType,
    chain: Mutex<Vec<CertificateDer<'static>>>,
}

impl Seen {
    /// Checks the handshake's signature with the key alone, for certificates that the library does not take (DANE does
    /// not mind the rest of them).
    fn verify_by_key(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
        tls13: bool,
    ) -> Option<HandshakeSignatureValid> {
        let spki = spki_of(certificate)?;
        let (_, spki) = SubjectPublicKeyInfo::from_der(spki).ok()?;
        let (_, algorithms) = self
            .provider
            .signature_verification_algorithms
            .mapping
            .iter()
            .find(|(scheme, _)| *scheme == dss.scheme)?;
        // In TLS 1.3 a scheme binds the curve, and the first of the list is the one meant.
        let count = if tls13 { 1 } else { algorithms.len() };
        algorithms
            .iter()
            .take(count)
            .any(|algorithm| {
                algorithm
                    .verify_signature(&spki.subject_public_key.data, message, dss.signature())
                    .is_ok()
            })
            .then(HandshakeSignatureValid::assertion)
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = std::iter::once(end_entity)
            .chain(intermediates)
            .map(|c| c.clone().into_owned())
            .collect();
        Ok(ServerCertVerified::assertion())
    }

    // That the server holds the key is checked always: without it a certificate proves nothing.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
            .or_else(|error| self.verify_by_key(message, cert, dss, false).ok_or(error))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
            .or_else(|error| self.verify_by_key(message, cert, dss, true).ok_or(error))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
            .into_iter()
            .filter(|scheme| self.key.takes(*scheme))
            .collect()
    }
}
