//! As much of an SMTP client as a sender needs to learn whether a host takes a recipient's mail.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What a mail host said to a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx: it takes the mail.
    Accepted,
    /// 4xx, or no conversation at all: a sender tries another host or later.
    TryAgain(String),
    /// 5xx: a sender returns the mail.
    Rejected(String),
}

/// Greets `server`, offers a mail to `recipient`, and leaves without sending it.
pub fn offer(server: SocketAddr, recipient: &str, timeout: Duration) -> Verdict {
    match converse(server, recipient, timeout) {
        Ok(verdict) => verdict,
        Err(error) => Verdict::TryAgain(format!("{server}: {error}")),
    }
}

fn converse(
    server: SocketAddr,
    recipient: &str,
    timeout: Duration,
) -> Result<Verdict, std::io::Error> {
    let mut stream = TcpStream::connect_timeout(&server, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_nodelay(true)?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let commands = [
        None,
        Some("EHLO sender.test".to_owned()),
        Some("MAIL FROM:<>".to_owned()),
        Some(format!("RCPT TO:<{recipient}>")),
    ];
    for command in commands {
        if let Some(command) = &command {
            stream.write_all(format!("{command}\r\n").as_bytes())?;
        }
        let reply = reply(&mut replies)?;
        let told = || {
            format!(
                "{server}: {}: {reply}",
                command.as_deref().unwrap_or("greeting")
            )
        };
        match reply.as_bytes().first() {
            Some(b'2') => {}
            Some(b'5') => return Ok(Verdict::Rejected(told())),
            _ => return Ok(Verdict::TryAgain(told())),
        }
    }
    // The verdict stands whether or not the farewell arrives.
    let _ = stream.write_all(b"QUIT\r\n");
    Ok(Verdict::Accepted)
}

/// The last line of a reply that may have several.
fn reply(stream: &mut impl BufRead) -> Result<String, std::io::Error> {
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}
