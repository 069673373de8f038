//! DNS messages to one server over TCP, signed with TSIG (RFC 8945), and what its answers mean.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Record,
        TSigVerifier, TSigner,
        rdata::tsig::{TSIG, TsigError},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Call, Counter, Error, Kind, Result, text::harmless};

/// One server and the key it shares with us.
pub(super) struct Exchange {
    pub(super) provider: &'static str,
    pub(super) server: Server,
    pub(super) signer: TSigner,
    pub(super) timeout: Duration,
    pub(super) counter: Counter,
}

/// An address, or a host to look up each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`, `ns1.example`, `ns1.example:5353`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(Self { host: address.ip().to_string(), port: address.port() });
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(Self { host: address.to_string(), port: 53 });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, 53),
        };
        let host = crate::Name::parse(host).ok().filter(|name| !name.is_root())?;
        Some(Self { host: host.to_string(), port })
    }
}

/// A conversation: a connection and the chain of signatures on it.
pub(super) struct Talk {
    stream: TcpStream,
    verifier: TSigVerifier,
    id: u16,
}

/// A message to send, and what for.
pub(super) struct Question<'a> {
    pub(super) call: Call,
    /// Words after "could not".
    pub(super) operation: &'a str,
    pub(super) message: Message,
}

impl Question<'_> {
    fn changes(&self) -> bool {
        self.call.is_write()
    }
}

impl Exchange {
    /// Sends one message and returns the one verified answer, whatever its response code.
    pub(super) async fn ask(&self, mut question: Question<'_>) -> Result<Message> {
        let mut talk = self.open(&mut question).await?;
        self.next(&mut talk, &question).await
    }

    /// Connects and sends. Until the first octet is sent, nothing can have been changed.
    pub(super) async fn open(&self, question: &mut Question<'_>) -> Result<Talk> {
        let (operation, changes) = (question.operation, question.changes());
        let internal = |error: &dyn std::fmt::Display| self.error(operation, Kind::Rejected, format!("the message could not be made: {error}"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let verifier = question
            .message
            .finalize(&self.signer, now)
            .map_err(|error| internal(&error))?
            .ok_or_else(|| internal(&"it was not signed"))?;
        let wire = question.message.to_vec().map_err(|error| internal(&error))?;
        let length = u16::try_from(wire.len()).map_err(|error| internal(&error))?;
        let mut stream = self.connect(operation).await?;
        self.counter.on_request(question.call);
        let framed = [&length.to_be_bytes()[..], &wire].concat();
        let sent = tokio::time::timeout(self.timeout, stream.write_all(&framed)).await;
        if !matches!(sent, Ok(Ok(()))) {
            return Err(self.silent(operation, changes, "the connection broke"));
        }
        Ok(Talk { stream, verifier, id: question.message.metadata.id })
    }

    async fn connect(&self, operation: &str) -> Result<TcpStream> {
        let Server { host, port } = &self.server;
        let connecting = TcpStream::connect((host.as_str(), *port));
        let failed = match tokio::time::timeout(self.timeout, connecting).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer came in time".to_owned(),
        };
        Err(self.error(operation, Kind::Transient, format!("no connection to {host} port {port}: {failed}")))
    }

    /// Reads one message and verifies it.
    pub(super) async fn next(&self, talk: &mut Talk, question: &Question<'_>) -> Result<Message> {
        let (operation, changes) = (question.operation, question.changes());
        let wire = match tokio::time::timeout(self.timeout, read(&mut talk.stream)).await {
            Ok(Ok(wire)) => wire,
            Ok(Err(error)) => return Err(self.silent(operation, changes, &format!("the connection broke: {error}"))),
            Err(_) => return Err(self.silent(operation, changes, "no answer came in time")),
        };
        // An answer to a write that cannot be trusted says nothing about the write.
        let doubtful = if changes { Kind::Unknown } else { Kind::Protocol };
        let answer = Message::from_vec(&wire)
            .map_err(|error| self.error(operation, doubtful, format!("the answer could not be read: {error}")))?;
        if answer.metadata.id != talk.id {
            return Err(self.error(operation, doubtful, "the answer belongs to another question".to_owned()));
        }
        if let Some((kind, message)) = answer.signature().and_then(|tsig| signature_refused(tsig, now())) {
            let status = Some(answer.metadata.response_code.into());
            return Err(Error { status, ..self.error(operation, kind, message) });
        }
        let verified = talk.verifier.verify(&wire).map_err(|error| {
            let message = if answer.signature().is_none() {
                format!("the answer ({}) is not signed with the key", answer.metadata.response_code)
            } else {
                format!("the signature of the answer is wrong: {error}")
            };
            let unsigned_refusal = answer.metadata.response_code != ResponseCode::NoError && answer.signature().is_none();
            match (unsigned_refusal, meaning(answer.metadata.response_code, answer.metadata.op_code)) {
                // Knot does not sign that it has no such zone.
                (true, Some((kind, why))) if !changes => {
                    let status = Some(answer.metadata.response_code.into());
                    Error { status, ..self.error(operation, kind, why.to_owned()) }
                }
                _ => self.error(operation, doubtful, message),
            }
        })?;
        Ok(verified.into_message())
    }

    /// No answer: after a write, nobody knows.
    fn silent(&self, operation: &str, changes: bool, message: &str) -> Error {
        self.error(operation, if changes { Kind::Unknown } else { Kind::Transient }, message.to_owned())
    }

    pub(super) fn error(&self, operation: &str, kind: Kind, message: String) -> Error {
        Error::new(self.provider, operation, kind, harmless(&message, 500))
    }

    /// The error that an answer's response code stands for; `None` for `NOERROR`.
    pub(super) fn refused(&self, operation: &str, answer: &Message) -> Option<Error> {
        let code = answer.metadata.response_code;
        if code == ResponseCode::NoError {
            return None;
        }
        let (kind, message) = meaning(code, answer.metadata.op_code)
            .map_or((Kind::Protocol, "the server gave a response code that has no meaning here"), |known| known);
        let mut error = self.error(operation, kind, message.to_owned());
        error.status = Some(code.into());
        Some(error)
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut wire = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut wire).await?;
    Ok(wire)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// What a TSIG error means (RFC 8945, section 5.2). Such answers are often unsigned, so this comes before verification.
fn signature_refused(tsig: &Record<TSIG>, now: u64) -> Option<(Kind, String)> {
    let refused = match tsig.data.error.as_ref()? {
        TsigError::BadKey => (
            Kind::Auth,
            "the server does not know this key (BADKEY): check the key's name and algorithm, and that the server has it".to_owned(),
        ),
        TsigError::BadSig => {
            (Kind::Auth, "the server has another secret for this key (BADSIG): check the secret".to_owned())
        }
        TsigError::BadTime => {
            let server = tsig.data.other.iter().fold(0_u64, |time, byte| time << 8 | u64::from(*byte));
            let skew = match server {
                0 => String::new(),
                _ => format!(" by {} s", server.abs_diff(now)),
            };
            (
                Kind::Rejected,
                format!("the clocks of this machine and of the server differ{skew} (BADTIME): set them by NTP"),
            )
        }
        TsigError::BadTrunc => (Kind::Auth, "the server wants longer signatures (BADTRUNC)".to_owned()),
        other => (Kind::Auth, format!("the server refused the signature (TSIG error {})", u16::from(*other))),
    };
    Some(refused)
}

/// What a response code means (RFC 2136, section 2.2 for updates), one sentence each.
fn meaning(code: ResponseCode, op_code: OpCode) -> Option<(Kind, &'static str)> {
    let update = op_code == OpCode::Update;
    Some(match code {
        ResponseCode::NotAuth if update => (
            Kind::Rejected,
            "the server is not the primary of this zone, or does not let this key near it (NOTAUTH)",
        ),
        ResponseCode::NotAuth => (Kind::Auth, "the server does not accept the key for this question (NOTAUTH)"),
        ResponseCode::Refused if update => {
            (Kind::Forbidden, "the server's policy does not let this key make this change, or one of its checks stands against it: \
             BIND wants an address for an MX host inside the zone (REFUSED)")
        }
        ResponseCode::Refused => (Kind::Forbidden, "the server does not answer this question to this key (REFUSED)"),
        ResponseCode::NXRRSet => {
            (Kind::Conflict, "the record set is no longer what was seen before; the server changed nothing (NXRRSET)")
        }
        ResponseCode::YXRRSet => {
            (Kind::Conflict, "there is such a record set by now; the server changed nothing (YXRRSET)")
        }
        ResponseCode::NXDomain if update => {
            (Kind::Conflict, "the name is gone by now; the server changed nothing (NXDOMAIN)")
        }
        ResponseCode::YXDomain => (Kind::Conflict, "the name exists by now; the server changed nothing (YXDOMAIN)"),
        ResponseCode::NotZone => (Kind::Rejected, "the name is not in the zone (NOTZONE)"),
        ResponseCode::NotImp => (Kind::Unsupported, "the server does not do this (NOTIMP)"),
        ResponseCode::FormErr => (Kind::Rejected, "the server could not read the message (FORMERR)"),
        // The server says it failed, not that it failed before it wrote.
        ResponseCode::ServFail if update => (Kind::Unknown, "the server failed while it made the change (SERVFAIL)"),
        ResponseCode::ServFail => (Kind::Transient, "the server failed (SERVFAIL)"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use hickory_proto::rr::{Name, rdata::tsig::TsigAlgorithm, rdata::tsig::make_tsig_record};

    use super::*;

    #[test]
    fn servers_as_people_write_them() {
        let ok = |text: &str| Server::parse(text).map(|server| (server.host, server.port));
        let is = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(ok("192.0.2.1"), is("192.0.2.1", 53));
        assert_eq!(ok("192.0.2.1:5353"), is("192.0.2.1", 5353));
        assert_eq!(ok("2001:db8::1"), is("2001:db8::1", 53));
        assert_eq!(ok("[2001:db8::1]:5353"), is("2001:db8::1", 5353));
        assert_eq!(ok("NS1.example."), is("ns1.example", 53));
        assert_eq!(ok("ns1.example:5353"), is("ns1.example", 5353));
        for wrong in ["", ".", "ns1.example:", "ns1.example:x", "ns1.example:99999", "a b"] {
            assert_eq!(ok(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_refusal_is_a_sentence_of_its_own() {
        use ResponseCode::{FormErr, NXDomain, NXRRSet, NotAuth, NotImp, NotZone, Refused, ServFail, YXDomain, YXRRSet};
        let codes = [FormErr, NXDomain, NXRRSet, NotAuth, NotImp, NotZone, Refused, ServFail, YXDomain, YXRRSet];
        let sentences: BTreeSet<_> = codes.iter().map(|code| meaning(*code, OpCode::Update).unwrap().1).collect();
        assert_eq!(sentences.len(), codes.len());
        assert_eq!(meaning(NXRRSet, OpCode::Update).unwrap().0, Kind::Conflict);
        assert_eq!(meaning(ServFail, OpCode::Update).unwrap().0, Kind::Unknown);
        assert_eq!(meaning(ServFail, OpCode::Query).unwrap().0, Kind::Transient);
    }

    #[test]
    fn refused_signatures_say_what_to_mend() {
        let told = |error, other: Vec<u8>| {
            let tsig = TSIG::new(TsigAlgorithm::HmacSha256, 0, 300, vec![], 1, error, other);
            signature_refused(&make_tsig_record(Name::root(), tsig), 1_000_000)
        };
        assert_eq!(told(None, vec![]), None);
        let (kind, late) = told(Some(TsigError::BadTime), 1_000_700_u64.to_be_bytes()[2..].to_vec()).unwrap();
        assert_eq!(kind, Kind::Rejected);
        assert!(late.contains("by 700 s"), "{late}");
        assert!(told(Some(TsigError::BadKey), vec![]).unwrap().1.contains("BADKEY"));
        assert!(told(Some(TsigError::BadSig), vec![]).unwrap().1.contains("secret"));
    }
}
