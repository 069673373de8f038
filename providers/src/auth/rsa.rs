//! Signatures with an RSA key from a PEM file.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA512, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

/// The signature of `message` by RSASSA-PKCS1-v1_5 with SHA-512 in base64; `None` when the text is no private RSA key of at
/// least 2048 bits, PKCS #8 (RFC 5208) or PKCS #1 (RFC 8017), in PEM.
pub(crate) fn sign_sha512(pem: &SecretString, message: &[u8]) -> Option<String> {
    let key = key(pem.expose_secret())?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA512,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .ok()?;
    Some(STANDARD.encode(signature))
}

/// Line ends do not matter: a key in an environment variable has often lost them.
fn key(pem: &str) -> Option<RsaKeyPair> {
    let inner = |label: &str| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
        let (inner, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let inner = inner.replace("\\n", "");
        let text: String = inner.split_whitespace().collect();
        STANDARD.decode(text).ok()
    };
    if let Some(der) = inner("PRIVATE KEY") {
        return RsaKeyPair::from_pkcs8(&der).ok();
    }
    RsaKeyPair::from_der(&inner("RSA PRIVATE KEY")?).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
        signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey},
    };

    use super::*;

    #[test]
    fn keys_in_pem_sign() {
        let made = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = made.as_der().unwrap();
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        for between in ["\n", "\r\n", " ", "\\n"] {
            let body = lines.join(between);
            let pem = format!(
                "-----BEGIN PRIVATE KEY-----{between}{body}{between}-----END PRIVATE KEY-----"
            );
            let signature = sign_sha512(&pem.into(), b"message").unwrap();
            let public =
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA512, made.public_key().as_ref());
            let signature = STANDARD.decode(signature).unwrap();
            assert!(public.verify(b"message", &signature).is_ok());
            assert!(public.verify(b"another", &signature).is_err());
        }
        for wrong in [
            "",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
            "key",
        ] {
            assert_eq!(sign_sha512(&wrong.to_owned().into(), b"message"), None);
        }
    }
}
