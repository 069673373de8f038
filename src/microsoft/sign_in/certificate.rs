//! A certificate and its RSA key from PEM, checked before anything is sent.

use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::Timestamp;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;

use crate::microsoft::redact;
use crate::microsoft::sign_in_error::SignInReason;

/// A certificate that its key belongs to. The key is never printable.
pub(super) struct Certificate {
    key: rsa::KeyPair,
    subject: String,
    thumbprint: String,
    from: Timestamp,
    until: Timestamp,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

impl Certificate {
    /// Reads certificates and key from PEM; `key` is the text that holds the key. Of several certificates, as in a chain,
    /// the one is taken to which the key belongs.
    pub(super) fn read(certificate: &str, key: &str) -> Result<Self, SignInReason> {
        let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(certificate.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|error| {
                unreadable(format!(
                    "its PEM is damaged ({})",
                    redact::plain(&error.to_string())
                ))
            })?;
        if chain.is_empty() {
            return Err(unreadable(
                "it holds no \"-----BEGIN CERTIFICATE-----\"".to_owned(),
            ));
        }
        let key = read_key(key)?;
        let mut first = None;
        for der in &chain {
            let (_, parsed) = x509_parser::parse_x509_certificate(der)
                .map_err(|_| unreadable("a certificate in it is no X.509".to_owned()))?;
            // For RSA the key bits of the certificate are the very RSAPublicKey (RFC 8017 A.1.1) of the pair.
            if *parsed.public_key().subject_public_key.data == *key.public_key().as_ref() {
                return Ok(Self {
                    thumbprint: BASE64.encode(digest::digest(&digest::SHA256, der)),
                    subject: subject(&parsed),
                    from: timestamp(parsed.validity().not_before)?,
                    until: timestamp(parsed.validity().not_after)?,
                    key,
                });
            }
            first.get_or_insert_with(|| subject(&parsed));
        }
        Err(SignInReason::CertificateKeyMismatch {
            subject: first.unwrap_or_default(),
        })
    }

    /// Fails outside its own validity, so that nothing is sent that Entra ID can only refuse.
    pub(super) fn check(&self, now: Timestamp) -> Result<(), SignInReason> {
        let (subject, from, until) = (self.subject.clone(), self.from, self.until);
        if now > until {
            Err(SignInReason::CertificateOver {
                subject,
                from,
                until,
                now,
            })
        } else if now < from {
            Err(SignInReason::CertificateNotYet {
                subject,
                from,
                until,
                now,
            })
        } else {
            Ok(())
        }
    }

    /// `x5t#S256` of RFC 7515 section 4.1.8.
    pub(super) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Signs with RSASSA-PSS and SHA-256: `PS256` of RFC 7518 section 3.5.
    pub(super) fn sign(&self, text: &str) -> Result<String, SignInReason> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &rand::SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .map_err(|_| unreadable("its key cannot sign".to_owned()))?;
        Ok(BASE64.encode(signature))
    }
}

fn read_key(text: &str) -> Result<rsa::KeyPair, SignInReason> {
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(unreadable(
            "its key is encrypted with a password; take the password off with `openssl pkey -in FILE -out key.pem`, \
             keep key.pem readable by its owner only, and name it under `key`"
                .to_owned(),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
        unreadable(
            "no private key is there; put the \"-----BEGIN PRIVATE KEY-----\" block beside the certificate, or name the \
             file that holds it under `key`"
                .to_owned(),
        )
    })?;
    let pair = match &key {
        PrivateKeyDer::Pkcs8(der) => rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(der) => rsa::KeyPair::from_der(der.secret_pkcs1_der()),
        _ => return Err(not_rsa()),
    };
    pair.map_err(|_| not_rsa())
}

fn not_rsa() -> SignInReason {
    unreadable(
        "its key is no RSA key of at least 2048 bits, and Entra ID takes no other; make a new certificate with an RSA key"
            .to_owned(),
    )
}

fn unreadable(detail: String) -> SignInReason {
    SignInReason::CertificateUnreadable { detail }
}

fn subject(certificate: &X509Certificate<'_>) -> String {
    redact::plain(&certificate.subject().to_string())
}

fn timestamp(time: x509_parser::time::ASN1Time) -> Result<Timestamp, SignInReason> {
    Timestamp::from_second(time.timestamp())
        .map_err(|_| unreadable("its validity is no date".to_owned()))
}
