//! One question to one address: UDP with EDNS, then TCP if the answer was cut off.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use hickory_proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::alike::{self, Alike};
use super::text::safe;
use super::view::Failure;

mod tcp;

pub(super) use tcp::{Pipelined, pipelined};

/// What is safe on nearly every path without fragments (RFC 9715).
const UDP_PAYLOAD: u16 = 1232;
/// The longest datagram that is read: what was asked for, with slack for servers that send the 4096 of old.
const LONGEST_DATAGRAM: usize = 4096;

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
) -> Result<Arc<Message>, Failure> {
    exchange_noting(address, question.clone(), wait, attempts, None)
        .await
        .0
}

/// The same; also whether an answer over UDP was cut off, so that TCP gave the answer, or failed to. What is `alike` is read
/// once.
pub(super) async fn exchange_noting(
    address: SocketAddr,
    question: Question,
    wait: Duration,
    attempts: usize,
    alike: Option<&Alike>,
) -> (Result<Arc<Message>, Failure>, bool) {
    let mut last = (Err(Failure::Timeout), false);
    for _ in 0..attempts.max(1) {
        last = once(address, &question, wait, true, alike).await;
        match &last.0 {
            Ok(answer)
                if answer.metadata.response_code == ResponseCode::FormErr
                    && answer.edns.is_none() =>
            {
                // A server from before EDNS: what it says then is unsigned, but it is what it serves.
                return once(address, &question, wait, false, alike).await;
            }
            Err(Failure::Timeout | Failure::Malformed { .. }) => {}
            _ => return last,
        }
    }
    last
}

async fn once(
    address: SocketAddr,
    question: &Question,
    wait: Duration,
    edns: bool,
    alike: Option<&Alike>,
) -> (Result<Arc<Message>, Failure>, bool) {
    let message = match question.message(edns) {
        Ok(message) => message,
        Err(failure) => return (Err(failure), false),
    };
    match within(wait, udp(address, &message, alike)).await {
        Ok(Some(answer)) => (Ok(answer), false),
        // In a box, for it is rare.
        Ok(None) => (
            within(wait, Box::pin(tcp::ask(address, &message, alike))).await,
            true,
        ),
        Err(failure) => (Err(failure), false),
    }
}

/// Not `async`, so that `what` is held once.
fn within<T>(
    wait: Duration,
    what: impl Future<Output = Result<T, Failure>>,
) -> impl Future<Output = Result<T, Failure>> {
    timeout(wait, what).map(|said| said.unwrap_or(Err(Failure::Timeout)))
}

/// `None`: the answer does not fit into a datagram.
async fn udp(
    address: SocketAddr,
    message: &Message,
    alike: Option<&Alike>,
) -> Result<Option<Arc<Message>>, Failure> {
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
    loop {
        let ready = socket.ready(Interest::READABLE | Interest::ERROR).await;
        if ready.map_err(|e| broken(&e))?.is_error() {
            // Such as that nobody listens there.
            if let Some(error) = socket.take_error().map_err(|e| broken(&e))? {
                return Err(broken(&error));
            }
            let _cleared: io::Result<()> =
                socket.try_io(Interest::ERROR, || Err(io::ErrorKind::WouldBlock.into()));
        }
        match receive(&socket, message, alike)? {
            Received::Nothing => {}
            Received::Answer(answer) => return Ok(Some(answer)),
            Received::TooLong => return Ok(None),
        }
    }
}

enum Received {
    /// Nothing yet, or not ours, perhaps forged: go on listening until the time is over.
    Nothing,
    Answer(Arc<Message>),
    /// Cut off, by the server or, being longer than was asked for, here.
    TooLong,
}

/// Takes one datagram. Not `async`, so that a question under way holds no buffer.
fn receive(
    socket: &UdpSocket,
    question: &Message,
    alike: Option<&Alike>,
) -> Result<Received, Failure> {
    let mut buffer = [0_u8; LONGEST_DATAGRAM + 1];
    let length = match socket.try_recv(&mut buffer) {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Received::Nothing),
        Err(error) => return Err(broken(&error)),
    };
    let bytes = &buffer[..length];
    if !has_number_of(question, bytes) {
        return Ok(Received::Nothing);
    }
    if length > LONGEST_DATAGRAM {
        return Ok(Received::TooLong);
    }
    let answer = decode(bytes, alike)?;
    Ok(if !is_answer_to(question, &answer) {
        Received::Nothing
    } else if answer.metadata.truncation {
        Received::TooLong
    } else {
        Received::Answer(answer)
    })
}

fn encode(message: &Message) -> Result<Vec<u8>, Failure> {
    message.to_vec().map_err(|error| Failure::Malformed {
        detail: safe(error.to_string().as_bytes()),
    })
}

fn decode(bytes: &[u8], alike: Option<&Alike>) -> Result<Arc<Message>, Failure> {
    match alike {
        Some(alike) => alike.read(bytes),
        None => alike::read(bytes),
    }
}

/// Whether an answer bears the number of the question. Looked for in the octets: a message read before may bear another.
fn has_number_of(question: &Message, answer: &[u8]) -> bool {
    answer.get(..2) == Some(&question.metadata.id.to_be_bytes()[..])
}

/// Whether an answer that [bears the number](has_number_of) of the question is one to it.
fn is_answer_to(question: &Message, answer: &Message) -> bool {
    answer.metadata.message_type == MessageType::Response
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
