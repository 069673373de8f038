//! TSIG keys (RFC 8945).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A shared secret that lets its holder change and transfer zones.
#[derive(Clone, Debug)]
pub struct TsigKey {
    /// The key's name, without the final dot.
    pub name: String,
    /// The secret in base64.
    pub secret: String,
    /// The algorithm's name as servers write it, for example `hmac-sha256`.
    pub algorithm: String,
}

impl TsigKey {
    /// A new key for HMAC-SHA256 with a random secret.
    pub fn random(name: &str) -> Self {
        let mut secret = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut secret).expect("the system gives random bytes");
        Self {
            name: name.to_owned(),
            secret: STANDARD.encode(secret),
            algorithm: "hmac-sha256".to_owned(),
        }
    }

    /// The clause of named.conf and of a key file for `nsupdate -k`.
    pub fn bind_clause(&self) -> String {
        format!(
            "key \"{}\" {{ algorithm {}; secret \"{}\"; }};\n",
            self.name, self.algorithm, self.secret
        )
    }
}
