//! One question to one address: UDP with EDNS, then TCP if the answer was cut off.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::text::safe;
use super::view::Failure;

/// What is safe on nearly every path without fragments (RFC 9715).
const UDP_PAYLOAD: u16 = 1232;

/// A question and its flags.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: RecordType,
    /// RD: let the server resolve.
    pub(super) recursion: bool,
    /// CD: give the data even if they do not validate.
    pub(super) unchecked: bool,
    /// AD in the question: asks to be told the server's own verdict (RFC 6840, 5.7).
    pub(super) verdict: bool,
}

impl Question {
    /// To an authoritative server.
    pub(super) const fn authoritative(name: Name, kind: RecordType) -> Self {
        Self {
            name,
            kind,
            recursion: false,
            unchecked: false,
            verdict: false,
        }
    }

    /// To a resolver, whose own opinion is not wanted.
    pub(super) const fn forwarded(name: Name, kind: RecordType) -> Self {
        Self {
            name,
            kind,
            recursion: true,
            unchecked: true,
            verdict: false,
        }
    }

    fn message(&self, edns: bool) -> Result<Message, Failure> {
        let mut id = [0_u8; 2];
        aws_lc_rs::rand::fill(&mut id).map_err(|_| Failure::NoRoute {
            detail: "the operating system gives no random numbers".into(),
        })?;
        let mut message = Message::query();
        message.metadata.id = u16::from_be_bytes(id);
        message.metadata.recursion_desired = self.recursion;
        message.metadata.checking_disabled = self.unchecked;
        message.metadata.authentic_data = self.verdict;
        message.add_query(Query::query(self.name.clone(), self.kind));
        if edns {
            let mut options = Edns::new();
            options.set_max_payload(UDP_PAYLOAD);
            options.set_dnssec_ok(true);
            message.set_edns(options);
        }
        Ok(message)
    }
}

/// Asks; each of `attempts` may take `wait`.
///
/// # Errors
/// Only where there is no readable answer at all. An error code in the answer is for the caller to judge.
pub(super) async fn exchange(
    address: SocketAddr,
    question: &Question,
    wait: Duration,
    attempts: usize,
) -> Result<Message, Failure> {
    let mut last = Failure::Timeout;
    for _ in 0..attempts.max(1) {
        match once(address, question, wait, true).await {
            Ok(answer)
                if answer.metadata.response_code == ResponseCode::FormErr
                    && answer.edns.is_none() =>
            {
                // A server from before EDNS: what it says then is unsigned, but it is what it serves.
                return once(address, question, wait, false).await;
            }
            Ok(answer) => return Ok(answer),
            Err(failure @ (Failure::Timeout | Failure::Malformed { .. })) => last = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(last)
}

async fn once(
    address: SocketAddr,
    question: &Question,
    wait: Duration,
    edns: bool,
) -> Result<Message, Failure> {
    let message = question.message(edns)?;
    let deadline = Instant::now() + wait;
    let answer = timeout_at(deadline, udp(address, &message))
        .await
        .map_err(|_| Failure::Timeout)??;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let deadline = Instant::now() + wait;
    timeout_at(deadline, tcp(address, &message))
        .await
        .map_err(|_| Failure::Timeout)?
}

async fn udp(address: SocketAddr, message: &Message) -> Result<Message, Failure> {
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await.map_err(|e| broken(&e))?;
    // A connected socket takes packets from this peer alone, and learns that nobody listens.
    socket.connect(address).await.map_err(|e| broken(&e))?;
    socket
        .send(&encode(message)?)
        .await
        .map_err(|e| broken(&e))?;
    let mut buffer = vec![0_u8; 65_535];
    loop {
        let length = socket.recv(&mut buffer).await.map_err(|e| broken(&e))?;
        let bytes = &buffer[..length];
        // Not ours, perhaps forged: go on listening until the time is over.
        if bytes.get(..2) != Some(&message.metadata.id.to_be_bytes()[..]) {
            continue;
        }
        let answer = decode(bytes)?;
        if is_answer_to(message, &answer) {
            return Ok(answer);
        }
    }
}

async fn tcp(address: SocketAddr, message: &Message) -> Result<Message, Failure> {
    let mut stream = TcpStream::connect(address).await.map_err(|e| broken(&e))?;
    let bytes = encode(message)?;
    let length = u16::try_from(bytes.len()).map_err(|_| Failure::Malformed {
        detail: "the question is too long".into(),
    })?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(&bytes);
    stream.write_all(&framed).await.map_err(|e| broken(&e))?;
    let mut length = [0_u8; 2];
    stream
        .read_exact(&mut length)
        .await
        .map_err(|e| broken(&e))?;
    let mut answer = vec![0_u8; usize::from(u16::from_be_bytes(length))];
    stream
        .read_exact(&mut answer)
        .await
        .map_err(|e| broken(&e))?;
    let answer = decode(&answer)?;
    if is_answer_to(message, &answer) {
        Ok(answer)
    } else {
        Err(Failure::Malformed {
            detail: "an answer to another question".into(),
        })
    }
}

fn encode(message: &Message) -> Result<Vec<u8>, Failure> {
    message.to_vec().map_err(|error| Failure::Malformed {
        detail: safe(error.to_string().as_bytes()),
    })
}

fn decode(bytes: &[u8]) -> Result<Message, Failure> {
    Message::from_vec(bytes).map_err(|error| Failure::Malformed {
        detail: safe(error.to_string().as_bytes()),
    })
}

fn is_answer_to(question: &Message, answer: &Message) -> bool {
    answer.metadata.message_type == MessageType::Response
        && answer.metadata.id == question.metadata.id
        // Some servers leave the question out of an error.
        && (answer.queries == question.queries
            || answer.queries.is_empty()
                && !matches!(
                    answer.metadata.response_code,
                    ResponseCode::NoError | ResponseCode::NXDomain
                ))
}

fn broken(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::ConnectionRefused,
        io::ErrorKind::TimedOut => Failure::Timeout,
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => Failure::Malformed {
            detail: "the connection ended early".into(),
        },
        _ => Failure::NoRoute {
            detail: safe(error.to_string().as_bytes()),
        },
    }
}
