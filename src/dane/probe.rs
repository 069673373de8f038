//! What one SMTP conversation with one address came to: plain data, and the wishes behind it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;

/// How to talk SMTP.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// 25, except in a laboratory.
    pub port: u16,
    /// What to call ourselves in EHLO.
    pub helo: String,
    /// For each step of the dialogue.
    pub timeout: Duration,
    /// For one conversation in all: a server that drips a byte at a time keeps every single step within its time.
    pub conversation: Duration,
    /// Connections to one address at once; more is bad manners and gets throttled.
    pub per_address: usize,
    /// Connections to all addresses at once.
    pub at_once: usize,
    /// How many examinations a run with a memory remembers; beyond that the oldest are forgotten.
    pub remember: usize,
    /// Also ask whether mail for `postmaster` at the domain is taken (RFC 5321, 4.5.1).
    pub ask_recipient: bool,
    /// Also shake hands with the other type of server key, without SNI and with TLS 1.2 alone: a server may hold
    /// several certificates, and senders differ.
    pub every_key: bool,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            port: 25,
            helo: "rollout-probe.invalid".into(),
            timeout: Duration::from_secs(20),
            conversation: Duration::from_secs(60),
            per_address: 2,
            at_once: 256,
            remember: 8192,
            ask_recipient: true,
            every_key: true,
        }
    }
}

/// Which type of server key is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyType {
    /// Whatever the server prefers.
    #[default]
    Any,
    /// RSA only.
    Rsa,
    /// Elliptic curves only.
    Ecdsa,
}

/// Which versions of TLS are offered. Older ones than 1.2 never are (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3, as senders do.
    #[default]
    Both,
    /// TLS 1.2 alone.
    Only12,
    /// TLS 1.3 alone.
    Only13,
}

/// What a handshake offers and asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hello<'a> {
    /// The name to send as SNI, if any.
    pub sni: Option<&'a str>,
    /// The type of server key.
    pub key: KeyType,
    /// The versions of TLS.
    pub versions: TlsVersions,
}

/// One conversation with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The address.
    pub address: SocketAddr,
    /// The name sent as SNI, if any.
    pub sni: Option<String>,
    /// The type of server key asked for.
    pub key: KeyType,
    /// The versions of TLS offered.
    #[serde(default)]
    pub versions: TlsVersions,
    /// How it went.
    pub result: ProbeResult,
    /// The greeting, made safe for a terminal.
    pub banner: Option<String>,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took_ms: u64,
    /// Whether it was seen earlier in the same run, for another question, and not asked again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remembered: bool,
}

impl Probe {
    /// A conversation that begins now.
    #[must_use]
    pub fn of(address: SocketAddr, hello: Hello<'_>, result: ProbeResult) -> Self {
        Self {
            address,
            sni: hello.sni.map(str::to_owned),
            key: hello.key,
            versions: hello.versions,
            result,
            banner: None,
            at: Timestamp::now(),
            took_ms: 0,
            remembered: false,
        }
    }
}

/// How a probe went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "result")]
pub enum ProbeResult {
    /// TLS is up and the second EHLO was answered.
    Ok {
        /// The certificates sent, the server's own first. Shared by all that saw the same ones.
        chain: Arc<[Certificate]>,
        /// Such as `TLSv1.3`.
        tls_version: String,
        /// Such as `TLS13_AES_256_GCM_SHA384`.
        cipher: String,
        /// The group of the key exchange, such as `X25519`; `None` where it was not told.
        #[serde(default)]
        group: Option<String>,
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
        chain: Arc<[Certificate]>,
    },
    /// Could not tell: the server takes STARTTLS and finds no key exchange or cipher in common with this program, which
    /// speaks only those with forward secrecy and authenticated encryption. Senders that speak older ones may succeed.
    NothingInCommon {
        /// Why.
        why: String,
    },
    /// Something answers that does not take mail now (a 4xx or 5xx greeting, or a broken dialogue).
    Unwilling {
        /// Reply code, if it was one.
        code: Option<u16>,
        /// What it said, made safe for a terminal.
        text: String,
    },
    /// Not seen here: the chain was captured elsewhere and given.
    Given {
        /// The certificates, the server's own first.
        chain: Arc<[Certificate]>,
        /// Where they came from: a file, made safe for a terminal.
        from: String,
    },
    /// Nobody tried: only the DNS was asked for.
    NotProbed,
    /// Could not tell: nobody listens, or port 25 is blocked on the way, by a refusal or by closing the connection before
    /// a word is said. From one place these look the same.
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
    /// The chain, where one was seen or given.
    #[must_use]
    pub fn chain(&self) -> Option<&[Certificate]> {
        self.shared_chain().map(AsRef::as_ref)
    }

    /// The chain, to be kept without copying it.
    #[must_use]
    pub fn shared_chain(&self) -> Option<&Arc<[Certificate]>> {
        match self {
            Self::Ok { chain, .. } | Self::Given { chain, .. } => Some(chain),
            Self::TlsFailed { chain, .. } if !chain.is_empty() => Some(chain),
            _ => None,
        }
    }

    /// The same, to be replaced by an equal one.
    pub(super) fn shared_chain_mut(&mut self) -> Option<&mut Arc<[Certificate]>> {
        match self {
            Self::Ok { chain, .. } | Self::TlsFailed { chain, .. } => Some(chain),
            _ => None,
        }
    }

    /// The chain of a peer that proved (here, or to whoever captured it) that it holds the key.
    #[must_use]
    pub fn proven_chain(&self) -> Option<&[Certificate]> {
        match self {
            Self::Ok { chain, .. } | Self::Given { chain, .. } => Some(chain),
            _ => None,
        }
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
