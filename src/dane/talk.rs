//! Talks SMTP with STARTTLS to one address and keeps the certificate chain.

use std::any::Any;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::certificate::Certificate;
use super::probe::{Hello, Probe, ProbeResult, Recipient, SmtpSettings};
use super::smtp::{Broken, Conversation, Reply};
use super::tls::{Handshake, Session, shake_hands};
use crate::dns::text::safe;

/// What a guest holds while it talks, such as its place at the address: let go when the last word is said.
pub(super) type Hold = Box<dyn Any + Send + Sync>;

/// Before the first word of the server: what comes of these does not depend on the name one asks for.
pub(super) const CONNECTING: &str = "connecting";
pub(super) const GREETING: &str = "greeting";

/// Talks to one address: greeting, EHLO, STARTTLS, EHLO again, and if `recipient` is given `MAIL FROM:<>` and `RCPT TO`.
/// Never DATA. What the guest holds is let go when the last word is said.
pub(super) async fn converse(
    settings: &SmtpSettings,
    address: SocketAddr,
    hello: Hello<'_>,
    recipient: Option<&str>,
    hold: Hold,
) -> Probe {
    let mut out = Probe::of(address, hello, ProbeResult::Refused);
    let begun = Instant::now();
    let mut talk = Talk {
        settings,
        until: begun + settings.conversation,
        banner: &mut out.banner,
        hold: Some(hold),
    };
    let (Ok(result) | Err(result)) = talk.all(address, hello, recipient).await;
    out.result = result;
    out.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    out
}

struct Talk<'a> {
    settings: &'a SmtpSettings,
    /// When all of it must be over.
    until: Instant,
    banner: &'a mut Option<String>,
    hold: Option<Hold>,
}

/// A step either goes on or ends the probe with a result.
type Step<T> = Result<T, ProbeResult>;

impl Talk<'_> {
    async fn all(
        &mut self,
        address: SocketAddr,
        hello: Hello<'_>,
        recipient: Option<&str>,
    ) -> Step<ProbeResult> {
        let stream = self
            .step(CONNECTING, TcpStream::connect(address))
            .await?
            .map_err(|e| unreachable(&e))?;
        // Short lines back and forth; without this some take longer.
        let _ = stream.set_nodelay(true);
        let mut plain = Conversation::new(stream);
        let greeting = match self.step(GREETING, plain.reply()).await? {
            // Closed before a word was said: so do firewalls that let connections through and then cut them.
            Err(Broken::Io(error)) if plain.heard() == 0 && is_closed(&error) => {
                return Err(ProbeResult::Refused);
            }
            said => reply(GREETING, said)?,
        };
        *self.banner = Some(greeting.text());
        if !greeting.is_positive() {
            self.leave(plain, false);
            return Err(unwilling(&greeting));
        }
        let offers = self.command("EHLO", &mut plain, &self.ehlo()).await?;
        if let Some(why) = no_starttls(&offers) {
            self.leave(plain, false);
            return Err(ProbeResult::NoStartTls { why });
        }
        if !offers.is_positive() {
            self.leave(plain, false);
            return Err(unwilling(&offers));
        }
        let go = self.command("STARTTLS", &mut plain, "STARTTLS").await?;
        if go.code != 220 {
            self.leave(plain, false);
            return Err(ProbeResult::NoStartTls {
                why: format!("STARTTLS was answered {} {}", go.code, go.text()),
            });
        }
        let (stream, more) = plain.into_stream();
        if more {
            return Err(ProbeResult::TlsFailed {
                why: "the server, or somebody on the way, sent text after agreeing to STARTTLS"
                    .into(),
                chain: Arc::default(),
            });
        }
        let Handshake {
            outcome,
            chain,
            cut,
            nothing_in_common,
        } = self
            .step("TLS handshake", shake_hands(stream, hello))
            .await?;
        let chain: Arc<[Certificate]> = chain.iter().map(|c| Certificate::read(c)).collect();
        let session = match outcome {
            Ok(session) => session,
            Err(_) if cut => {
                return Err(ProbeResult::Timeout {
                    stage: "TLS handshake".into(),
                });
            }
            // Held to one type of key or version, it only says that the server has no such thing.
            Err(why) if nothing_in_common && hello == as_senders(hello.sni) => {
                return Err(ProbeResult::NothingInCommon {
                    why: safe(why.as_bytes()),
                });
            }
            Err(why) => {
                return Err(ProbeResult::TlsFailed {
                    why: safe(why.as_bytes()),
                    chain,
                });
            }
        };
        let Session {
            stream,
            version,
            cipher,
            group,
        } = session;
        // What was offered before TLS may have been forged: ask again (RFC 3207, 4.2).
        let mut secured = Conversation::new(stream);
        let offers = self
            .command("EHLO after TLS", &mut secured, &self.ehlo())
            .await?;
        if !offers.is_positive() {
            self.leave(secured, false);
            return Err(unwilling(&offers));
        }
        let rcpt = match recipient {
            Some(recipient) => self.recipient(&mut secured, recipient).await?,
            None => None,
        };
        self.leave(secured, rcpt.is_some());
        Ok(ProbeResult::Ok {
            chain,
            tls_version: version,
            cipher,
            group,
            rcpt,
        })
    }

    fn ehlo(&self) -> String {
        format!("EHLO {}", self.settings.helo)
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
        let from = self.command("MAIL FROM", on, "MAIL FROM:<>").await?;
        let verdict = if from.is_positive() {
            let to = format!("RCPT TO:<{recipient}>");
            self.command("RCPT TO", on, &to).await?
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

    /// Takes leave (RFC 5321, 4.1.1.10); whatever comes of it changes nothing, so nobody waits for it. The place at the
    /// address is kept until then.
    fn leave<S>(&mut self, mut on: Conversation<S>, reset: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let hold = self.hold.take();
        let wait = self.settings.timeout.min(Duration::from_secs(2));
        tokio::spawn(async move {
            let _ = timeout(wait, async {
                if reset {
                    let _ = on.command("RSET").await;
                }
                on.command("QUIT").await
            })
            .await;
            drop((on, hold));
        });
    }

    async fn command<S>(&self, stage: &str, on: &mut Conversation<S>, line: &str) -> Step<Reply>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        reply(stage, self.step(stage, on.command(line)).await?)
    }

    async fn step<T>(&self, stage: &str, work: impl Future<Output = T>) -> Step<T> {
        let until = self.until.min(Instant::now() + self.settings.timeout);
        timeout_at(until, work)
            .await
            .map_err(|_| ProbeResult::Timeout {
                stage: stage.to_owned(),
            })
    }
}

fn reply(stage: &str, said: Result<Reply, Broken>) -> Step<Reply> {
    match said {
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

/// Why this EHLO reply leaves no way to TLS, if it does.
fn no_starttls(reply: &Reply) -> Option<String> {
    match reply.code {
        // Unknown command: a server from before EHLO, or something on the way that hides it.
        500 | 502 => Some(format!(
            "the server does not know EHLO ({} {}), so it cannot offer STARTTLS",
            reply.code,
            reply.text()
        )),
        _ if !reply.is_positive() || reply.offers("STARTTLS") => None,
        _ if reply.has_blanked_extension() => Some(
            "the server does not offer STARTTLS; a keyword in its EHLO reply is crossed out, as some firewalls do \
             with STARTTLS, on its side or on the way"
                .into(),
        ),
        _ => Some("the server does not offer STARTTLS".into()),
    }
}

/// What senders offer, with this name.
fn as_senders(sni: Option<&str>) -> Hello<'_> {
    Hello {
        sni,
        ..Hello::default()
    }
}

fn unwilling(reply: &Reply) -> ProbeResult {
    ProbeResult::Unwilling {
        code: Some(reply.code),
        text: reply.text(),
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

fn unreachable(error: &io::Error) -> ProbeResult {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => ProbeResult::Refused,
        io::ErrorKind::TimedOut => ProbeResult::Timeout {
            stage: CONNECTING.into(),
        },
        _ => ProbeResult::NoRoute {
            detail: safe(error.to_string().as_bytes()),
        },
    }
}
