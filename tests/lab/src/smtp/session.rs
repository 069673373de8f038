//! One SMTP conversation, before or inside TLS.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::BufStream;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

use super::{Mail, MailHost, wait};
use crate::places::MailRole;

/// The longest line taken, and the longest mail (RFC 5321 4.5.3.1 asks for less).
const LONGEST_LINE: u64 = 4096;
const LONGEST_MAIL: usize = 1 << 20;
/// A silent client is left after this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a conversation ended.
pub(super) enum Ended<S> {
    /// The client asked for TLS and was told to go ahead.
    StartTls(S),
    /// It is over.
    Over,
}

/// A conversation's surroundings.
pub(super) struct Session<'a> {
    pub(super) host: &'a MailHost,
    pub(super) peer: IpAddr,
    pub(super) tls: bool,
    pub(super) offers_tls: bool,
    /// How long each reply waits.
    pub(super) delay: Duration,
}

impl Session<'_> {
    /// Talks until the client leaves or asks for TLS. Inside TLS there is no second greeting (RFC 3207 4.2).
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: S,
        greet: bool,
    ) -> std::io::Result<Ended<S>> {
        let mut stream = BufStream::new(stream);
        let name = self.host.greeting_name();
        if greet {
            wait(self.delay).await;
            let greeting = if self.host.role == MailRole::Gateway {
                format!("220 {name} ESMTP")
            } else {
                let now = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S +0000");
                format!("220 {name} Microsoft ESMTP MAIL Service ready at {now}")
            };
            say(&mut stream, &greeting).await?;
        }
        let mut sender = false;
        let mut recipients: Vec<String> = Vec::new();
        loop {
            let Some(line) = read_line(&mut stream).await? else {
                return Ok(Ended::Over);
            };
            wait(self.delay).await;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let answer = match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.capabilities(),
                "HELO" => format!("250 {name}"),
                "STARTTLS" if self.offers_tls && !self.tls => {
                    say(&mut stream, "220 2.0.0 SMTP server ready").await?;
                    // Whatever the client sent in plain text before TLS is thrown away with the buffer.
                    return Ok(Ended::StartTls(stream.into_inner()));
                }
                "MAIL" => {
                    sender = true;
                    recipients.clear();
                    "250 2.1.0 Sender OK".to_owned()
                }
                "RCPT" if !sender => "503 5.5.2 Need mail command".to_owned(),
                "RCPT" => self.recipient(rest, &mut recipients),
                "DATA" if recipients.is_empty() => "503 5.5.2 Need rcpt command".to_owned(),
                "DATA" => {
                    say(&mut stream, "354 Start mail input; end with <CRLF>.<CRLF>").await?;
                    if !read_mail(&mut stream).await? {
                        return Ok(Ended::Over);
                    }
                    sender = false;
                    self.taken(std::mem::take(&mut recipients))
                }
                "RSET" => {
                    sender = false;
                    recipients.clear();
                    "250 2.0.0 Resetting".to_owned()
                }
                "NOOP" => "250 2.0.0 OK".to_owned(),
                "QUIT" => {
                    say(
                        &mut stream,
                        "221 2.0.0 Service closing transmission channel",
                    )
                    .await?;
                    return Ok(Ended::Over);
                }
                _ => "500 5.3.3 Unrecognized command".to_owned(),
            };
            say(&mut stream, &answer).await?;
        }
    }

    fn capabilities(&self) -> String {
        let mut lines = vec![
            format!("{} Hello [{}]", self.host.greeting_name(), self.peer),
            "SIZE 157286400".to_owned(),
            "PIPELINING".to_owned(),
            "DSN".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if self.offers_tls && !self.tls {
            lines.push("STARTTLS".to_owned());
        }
        lines.extend(["8BITMIME".to_owned(), "SMTPUTF8".to_owned()]);
        let last = lines.len() - 1;
        lines
            .iter()
            .enumerate()
            .map(|(position, line)| {
                format!("250{}{line}", if position == last { ' ' } else { '-' })
            })
            .collect::<Vec<_>>()
            .join("\r\n")
    }

    fn recipient(&self, rest: &str, recipients: &mut Vec<String>) -> String {
        let address = rest
            .split_once('<')
            .and_then(|(_, after)| after.split_once('>'))
            .map(|(address, _)| address.to_ascii_lowercase());
        let Some(address) = address else {
            return "501 5.5.4 Invalid arguments".to_owned();
        };
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        if self.host.accepts(domain) {
            recipients.push(address);
            "250 2.1.5 Recipient OK".to_owned()
        } else {
            "550 5.7.64 TenantAttribution; Relay Access Denied".to_owned()
        }
    }

    fn taken(&self, recipients: Vec<String>) -> String {
        let mail = Mail {
            at: Timestamp::now(),
            host: self.host.role,
            tls: self.tls,
            recipients,
        };
        let mut mails = self.host.world.mails();
        mails.push(mail);
        format!(
            "250 2.6.0 <{}@lab> [InternalId={}] Queued mail for delivery",
            mails.len(),
            mails.len()
        )
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
    text: &str,
) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

/// A line without its end; `None` at the end of the connection or after too long a silence.
async fn read_line<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut limited = stream.take(LONGEST_LINE);
    let read = limited.read_until(b'\n', &mut line);
    match tokio::time::timeout(PATIENCE, read).await {
        Err(_) => Ok(None),
        Ok(read) => {
            if read? == 0 || line.last() != Some(&b'\n') {
                return Ok(None);
            }
            Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
        }
    }
}

/// Reads a mail up to its final dot; false if the connection ended before or the mail is too long.
async fn read_mail<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufStream<S>,
) -> std::io::Result<bool> {
    let mut size = 0;
    while let Some(line) = read_line(stream).await? {
        if line == "." {
            return Ok(true);
        }
        size += line.len();
        if size > LONGEST_MAIL {
            break;
        }
    }
    Ok(false)
}
