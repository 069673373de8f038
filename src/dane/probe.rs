//! Talks SMTP with STARTTLS to one address and keeps the certificate chain.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::certificate::Certificate;
use super::smtp::{Broken, Conversation, Reply};
use super::tls::{Handshake, Session, shake_hands};
use crate::dns::text::safe;

/// How to talk SMTP.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// 25, except in a laboratory.
    pub port: u16,
    /// What to call ourselves in EHLO.
    pub helo: String,
    /// For each step of the dialogue.
    pub timeout: Duration,
    /// Connections to one address at once; more is bad manners and gets throttled.
    pub per_address: usize,
    /// Also ask whether mail for `postmaster` at the domain is taken (RFC 5321, 4.5.1).
    pub ask_recipient: bool,
    /// Also shake hands without SNI and with each type of server key alone: a server may hold several certificates.
    pub every_key: bool,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            port: 25,
            helo: "rollout-probe.invalid".into(),
            timeout: Duration::from_secs(20),
            per_address: 2,
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

/// One conversation with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The address.
    pub address: SocketAddr,
    /// The name sent as SNI, if any.
    pub sni: Option<String>,
    /// The type of server key asked for.
    pub key: KeyType,
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
    /// Nobody tried: only the DNS was asked for.
    NotProbed,
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
            Self::NotProbed | Self::Refused | Self::Timeout { .. } | Self::NoRoute { .. }
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

/// Talks to one address: greeting, EHLO, STARTTLS, EHLO again, and if `recipient` is given `MAIL FROM:<>` and `RCPT TO`.
/// Never DATA.
pub async fn probe(
    settings: &SmtpSettings,
    address: SocketAddr,
    sni: Option<&str>,
    key: KeyType,
    recipient: Option<&str>,
) -> Probe {
    let mut out = Probe {
        address,
        sni: sni.map(str::to_owned),
        key,
        result: ProbeResult::Refused,
        banner: None,
        at: Timestamp::now(),
        took_ms: 0,
    };
    let begun = Instant::now();
    let mut talk = Talk {
        settings,
        banner: &mut out.banner,
    };
    let result = match talk.all(address, sni, key, recipient).await {
        Ok(result) | Err(result) => result,
    };
    out.result = result;
    out.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    out
}

struct Talk<'a> {
    settings: &'a SmtpSettings,
    banner: &'a mut Option<String>,
}

/// A step either goes on or ends the probe with a result.
type Step<T> = Result<T, ProbeResult>;

impl Talk<'_> {
    async fn all(
        &mut self,
        address: SocketAddr,
        sni: Option<&str>,
        key: KeyType,
        recipient: Option<&str>,
    ) -> Step<ProbeResult> {
        let stream = self
            .step("connecting", TcpStream::connect(address))
            .await?
            .map_err(|e| unreachable(&e))?;
        // Short lines back and forth; without this some take longer.
        let _ = stream.set_nodelay(true);
        let mut plain = Conversation::new(stream);
        let greeting = self.reply("greeting", plain.reply()).await?;
        *self.banner = Some(greeting.text());
        willing(&greeting)?;
        let offers = self.ehlo(&mut plain).await?;
        if !offers.offers("STARTTLS") {
            self.quit(&mut plain).await;
            return Err(ProbeResult::NoStartTls {
                why: "the server does not offer STARTTLS".into(),
            });
        }
        let go = self.reply("STARTTLS", plain.command("STARTTLS")).await?;
        if go.code != 220 {
            self.quit(&mut plain).await;
            return Err(ProbeResult::NoStartTls {
                why: format!("STARTTLS was answered {} {}", go.code, go.text()),
            });
        }
        let (stream, more) = plain.into_stream();
        if more {
            return Err(ProbeResult::TlsFailed {
                why: "the server, or somebody on the way, sent text after agreeing to STARTTLS"
                    .into(),
                chain: Vec::new(),
            });
        }
        let Handshake {
            outcome,
            chain,
            cut,
        } = self
            .step("TLS handshake", shake_hands(stream, sni, key))
            .await?;
        let chain: Vec<Certificate> = chain.iter().map(|c| Certificate::read(c)).collect();
        let Session {
            stream,
            version,
            cipher,
        } = match outcome {
            Ok(session) => session,
            Err(_) if cut => {
                return Err(ProbeResult::Timeout {
                    stage: "TLS handshake".into(),
                });
            }
            Err(why) => {
                return Err(ProbeResult::TlsFailed {
                    why: safe(why.as_bytes()),
                    chain,
                });
            }
        };
        // What was offered before TLS may have been forged: ask again (RFC 3207, 4.2).
        let mut secured = Conversation::new(stream);
        self.ehlo(&mut secured).await?;
        let rcpt = match recipient {
            Some(recipient) => self.recipient(&mut secured, recipient).await?,
            None => None,
        };
        self.quit(&mut secured).await;
        Ok(ProbeResult::Ok {
            chain,
            tls_version: version,
            cipher,
            rcpt,
        })
    }

    async fn ehlo<S>(&self, on: &mut Conversation<S>) -> Step<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let line = format!("EHLO {}", self.settings.helo);
        let reply = self.reply("EHLO", on.command(&line)).await?;
        willing(&reply)?;
        Ok(reply)
    }

    /// Whether the server would take mail for the recipient. Nothing is sent.
    async fn recipient<S>(
        &self,
        on: &mut Conversation<S>,
        recipient: &str,
    ) -> Step<Option<Recipient>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // It goes into a command line: no blank, bracket or control character may be in it.
        let fit = recipient
            .bytes()
            .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>');
        if !fit {
            return Ok(None);
        }
        let from = self.reply("MAIL FROM", on.command("MAIL FROM:<>")).await?;
        let verdict = if from.is_positive() {
            let to = format!("RCPT TO:<{recipient}>");
            self.reply("RCPT TO", on.command(&to)).await?
        } else {
            from
        };
        Ok(Some(match verdict.code / 100 {
            2 => Recipient::Accepted,
            5 => Recipient::Rejected {
                code: verdict.code,
                text: verdict.text(),
            },
            _ => Recipient::Deferred {
                code: verdict.code,
                text: verdict.text(),
            },
        }))
    }

    /// Takes leave; whatever comes of it changes nothing.
    async fn quit<S>(&self, on: &mut Conversation<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let wait = self.settings.timeout.min(Duration::from_secs(2));
        let _ = timeout(wait, async {
            let _ = on.command("RSET").await;
            on.command("QUIT").await
        })
        .await;
    }

    async fn reply(
        &self,
        stage: &str,
        work: impl Future<Output = Result<Reply, Broken>>,
    ) -> Step<Reply> {
        match self.step(stage, work).await? {
            Ok(reply) => Ok(reply),
            Err(Broken::NotSmtp(text)) => Err(ProbeResult::Unwilling { code: None, text }),
            Err(Broken::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(ProbeResult::Timeout {
                    stage: stage.to_owned(),
                })
            }
            Err(Broken::Io(error)) => Err(ProbeResult::Unwilling {
                code: None,
                text: safe(format!("the connection ended at {stage}: {error}").as_bytes()),
            }),
        }
    }

    async fn step<T>(&self, stage: &str, work: impl Future<Output = T>) -> Step<T> {
        timeout(self.settings.timeout, work)
            .await
            .map_err(|_| ProbeResult::Timeout {
                stage: stage.to_owned(),
            })
    }
}

fn willing(reply: &Reply) -> Step<()> {
    if reply.is_positive() {
        return Ok(());
    }
    Err(ProbeResult::Unwilling {
        code: Some(reply.code),
        text: reply.text(),
    })
}

fn unreachable(error: &io::Error) -> ProbeResult {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => ProbeResult::Refused,
        io::ErrorKind::TimedOut => ProbeResult::Timeout {
            stage: "connecting".into(),
        },
        _ => ProbeResult::NoRoute {
            detail: safe(error.to_string().as_bytes()),
        },
    }
}
