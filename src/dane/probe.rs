//! Talks SMTP with STARTTLS to one address and keeps the certificate chain.

use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;

/// One conversation with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The address.
    pub address: SocketAddr,
    /// The name sent as SNI, if any.
    pub sni: Option<String>,
    /// How it went.
    pub result: ProbeResult,
    /// The greeting, made safe for a terminal.
    pub banner: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum ProbeResult {
    /// TLS is up and the second EHLO was answered.
    Ok {
        /// The certificates sent, the server's own first.
        chain: Vec<Certificate>,
        /// Such as `TLSv1.3`.
        tls_version: String,
        /// Such as `TLS13_AES_256_GCM_SHA384`.
        cipher: String,
        /// What became of `RCPT TO`, if it was asked for.
        rcpt: Option<Recipient>,
    },
    /// The server does not offer STARTTLS, or does not take it.
    NoStartTls {
        /// What it said instead.
        why: String,
    },
    /// The TLS handshake failed.
    TlsFailed {
        /// Why.
        why: String,
        /// Certificates seen before it failed.
        chain: Vec<Certificate>,
    },
    /// Something answers that does not take mail now (a 4xx or 5xx greeting, or a broken dialogue).
    Unwilling {
        /// Reply code, if it was one.
        code: Option<u16>,
        /// What it said, made safe for a terminal.
        text: String,
    },
    /// Could not tell: nobody listens, or port 25 is blocked on the way. From one place these look the same.
    Refused,
    /// Could not tell: no answer in time. Often the prober's own network blocks port 25.
    Timeout {
        /// At which point of the dialogue.
        stage: String,
    },
    /// Could not tell: this machine has no path there.
    NoRoute {
        /// The operating system's words.
        detail: String,
    },
}

impl ProbeResult {
    /// The chain, where one was seen.
    #[must_use]
    pub fn chain(&self) -> Option<&[Certificate]> {
        match self {
            Self::Ok { chain, .. } => Some(chain),
            Self::TlsFailed { chain, .. } if !chain.is_empty() => Some(chain),
            _ => None,
        }
    }

    /// Whether nothing at all can be said about the server.
    #[must_use]
    pub const fn could_not_tell(&self) -> bool {
        matches!(
            self,
            Self::Refused | Self::Timeout { .. } | Self::NoRoute { .. }
        )
    }
}

/// What became of `RCPT TO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Recipient {
    /// 2xx.
    Accepted,
    /// 5xx: mail would bounce.
    Rejected {
        /// Reply code.
        code: u16,
        /// The server's words, made safe for a terminal.
        text: String,
    },
    /// 4xx: mail would wait.
    Deferred {
        /// Reply code.
        code: u16,
        /// The server's words, made safe for a terminal.
        text: String,
    },
}
