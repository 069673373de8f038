//! Reads SMTP replies within limits, from anything that can be read.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::dns::text::safe;

/// RFC 5321 allows 512; servers send longer ones.
const LONGEST_LINE: usize = 4096;
const MOST_LINES: usize = 128;
/// All that a server may say in one conversation.
const MOST_BYTES: usize = 256 * 1024;

/// A reply: its code, and its lines without code, not yet made safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<Vec<u8>>,
}

impl Reply {
    /// 2xx.
    pub(super) const fn is_positive(&self) -> bool {
        self.code / 100 == 2
    }

    /// The text for people.
    pub(super) fn text(&self) -> String {
        safe(&self.lines.join(&b' '))
    }

    /// Whether an EHLO reply offers this extension.
    pub(super) fn offers(&self, extension: &str) -> bool {
        self.lines.iter().skip(1).any(|line| {
            line.split(u8::is_ascii_whitespace)
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case(extension.as_bytes()))
        })
    }

    /// Whether an EHLO reply has a keyword that was crossed out: firewalls that "inspect" SMTP write `XXXXXXXA` over
    /// STARTTLS.
    pub(super) fn has_blanked_extension(&self) -> bool {
        self.lines.iter().skip(1).any(|line| {
            let word = line.split(u8::is_ascii_whitespace).next().unwrap_or(&[]);
            word.len() == "STARTTLS".len() && word[..7].iter().all(|b| *b == b'X')
        })
    }
}

/// What went wrong while talking.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection.
    Io(io::Error),
    /// The server says something that is no SMTP.
    NotSmtp(String),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// One side of a conversation.
pub(super) struct Conversation<S> {
    stream: S,
    unread: Vec<u8>,
    heard: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            unread: Vec::new(),
            heard: 0,
        }
    }

    /// How many bytes the server has said.
    pub(super) const fn heard(&self) -> usize {
        self.heard
    }

    /// The stream, and whether the server had said more than it should have.
    pub(super) fn into_stream(self) -> (S, bool) {
        (self.stream, !self.unread.is_empty())
    }

    pub(super) async fn send(&mut self, line: &str) -> Result<(), Broken> {
        // In one piece: two would wait for each other's acknowledgement.
        self.stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await?;
        self.stream.flush().await?;
        Ok(())
    }

    pub(super) async fn command(&mut self, line: &str) -> Result<Reply, Broken> {
        self.send(line).await?;
        self.reply().await
    }

    pub(super) async fn reply(&mut self) -> Result<Reply, Broken> {
        let mut lines = Vec::new();
        let mut first = None;
        loop {
            let line = self.line().await?;
            let (code, last, text) = split(&line)
                .ok_or_else(|| Broken::NotSmtp(format!("no SMTP reply: {}", safe(&line))))?;
            if *first.get_or_insert(code) != code {
                return Err(Broken::NotSmtp("a reply with several codes".into()));
            }
            lines.push(text.to_vec());
            if last {
                return Ok(Reply { code, lines });
            }
            if lines.len() >= MOST_LINES {
                return Err(Broken::NotSmtp("a reply without end".into()));
            }
        }
    }

    async fn line(&mut self) -> Result<Vec<u8>, Broken> {
        loop {
            let end = self.unread.iter().position(|b| *b == b'\n');
            // The same, however the line comes in pieces.
            if end.unwrap_or(self.unread.len()) > LONGEST_LINE {
                return Err(Broken::NotSmtp("a line without end".into()));
            }
            if let Some(end) = end {
                let mut line: Vec<u8> = self.unread.drain(..=end).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            let mut buffer = [0_u8; 2048];
            let read = self.stream.read(&mut buffer).await?;
            if read == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            self.heard += read;
            if self.heard > MOST_BYTES {
                return Err(Broken::NotSmtp(
                    "more text than any mail server says".into(),
                ));
            }
            self.unread.extend_from_slice(&buffer[..read]);
        }
    }
}

/// Code, whether it is the last line, and the text.
fn split(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    if !(200..600).contains(&code) {
        return None;
    }
    match rest.split_first() {
        None => Some((code, true, &[])),
        Some((b' ', text)) => Some((code, true, text)),
        Some((b'-', text)) => Some((code, false, text)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8]) -> Result<Reply, Broken> {
        let (mut theirs, ours) = tokio::io::duplex(1 << 20);
        theirs.write_all(bytes).await.expect("written");
        drop(theirs);
        Conversation::new(ours).reply().await
    }

    #[tokio::test]
    async fn replies_of_one_and_many_lines() {
        let one = read(b"220 mx.example.test ESMTP\r\n")
            .await
            .expect("a reply");
        assert_eq!(
            (one.code, one.text().as_str()),
            (220, "mx.example.test ESMTP")
        );
        let many = read(b"250-mx\r\n250-starttls \r\n250 SIZE 10\r\n")
            .await
            .expect("a reply");
        assert!(many.offers("STARTTLS") && many.offers("size") && !many.offers("MX"));
        assert_eq!(read(b"250\n").await.expect("a reply").code, 250);
        let long = [b"250 ".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
        assert_eq!(read(&long).await.expect("a reply").code, 250);
    }

    #[tokio::test]
    async fn what_is_no_reply_is_refused() {
        let long = [b"220-".as_slice(), &[b'x'; 10_000], b"\r\n"].concat();
        let endless = b"220-x\r\n".repeat(200);
        // Neither too long nor too many, but too much.
        let wordy = [b"220-".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
        let wordy = wordy.repeat(100);
        for bytes in [
            b"HTTP/1.1 400 Bad Request\r\n".as_slice(),
            b"22\r\n",
            b"2200 x\r\n",
            b"199 x\r\n",
            b"250-a\r\n251 b\r\n",
            b"\x16\x03\x01\r\n",
            &long,
            &endless,
            &wordy,
        ] {
            assert!(
                matches!(read(bytes).await, Err(Broken::NotSmtp(_))),
                "{}",
                safe(bytes)
            );
        }
        assert!(matches!(read(b"220 half").await, Err(Broken::Io(_))));
    }
}
