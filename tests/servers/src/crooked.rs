//! What no real server can be told to do: a proxy in front of a real one that spoils chosen DNS answers, and mail
//! hosts that say nothing.
//!
//! Threads of the test's own process; they end with it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{DNSClass, RecordType};

use crate::ServerError;

/// How long the real server may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the answers to questions of one type are spoilt. All others pass unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An answer with this response code and nothing in it.
    Code(ResponseCode),
    /// NSEC and NSEC3 and their signatures are taken out: absence is said, not proven.
    NoDenial,
    /// No answer at all.
    Silence,
}

/// Answers DNS at `at` as `real` does, but for questions of type `kind` below the names of `zones`.
pub fn spoil(
    at: SocketAddr,
    real: SocketAddr,
    kind: RecordType,
    zones: &[(&str, Fault)],
) -> Result<(), ServerError> {
    let rules = Rules {
        kind,
        zones: zones
            .iter()
            .map(|(zone, fault)| (format!("{zone}."), *fault))
            .collect(),
    };
    let socket = UdpSocket::bind(at).map_err(ServerError::io(format!("binding {at}")))?;
    let listener = TcpListener::bind(at).map_err(ServerError::io(format!("binding {at}")))?;
    let for_udp = rules.clone();
    std::thread::spawn(move || {
        let mut buffer = [0_u8; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let question = buffer[..length].to_vec();
            if let Some(answer) = for_udp.answer(&question, || by_udp(real, &question)) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let rules = rules.clone();
            std::thread::spawn(move || serve(stream, real, &rules));
        }
    });
    Ok(())
}

#[derive(Clone)]
struct Rules {
    kind: RecordType,
    zones: Vec<(String, Fault)>,
}

impl Rules {
    fn fault(&self, question: &[u8]) -> Option<(Fault, Message)> {
        let message = Message::from_vec(question).ok()?;
        let query = message.queries.first()?;
        if query.query_type() != self.kind {
            return None;
        }
        let name = query.name().to_ascii().to_lowercase();
        let (_, fault) = self
            .zones
            .iter()
            .find(|(zone, _)| name == *zone || name.ends_with(&format!(".{zone}")))?;
        Some((*fault, message))
    }

    fn answer(&self, question: &[u8], real: impl FnOnce() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        let Some((fault, mut message)) = self.fault(question) else {
            return real();
        };
        match fault {
            Fault::Silence => None,
            Fault::Code(code) => {
                message.metadata.message_type = hickory_proto::op::MessageType::Response;
                message.metadata.response_code = code;
                message.metadata.authoritative = true;
                message.to_vec().ok()
            }
            Fault::NoDenial => {
                let mut answer = Message::from_vec(&real()?).ok()?;
                answer
                    .authorities
                    .retain(|record| record.dns_class == DNSClass::IN && !proves_absence(record));
                answer.to_vec().ok()
            }
        }
    }
}

fn proves_absence(record: &hickory_proto::rr::Record) -> bool {
    let denials = [RecordType::NSEC, RecordType::NSEC3];
    if denials.contains(&record.record_type()) {
        return true;
    }
    let shown = record.data.to_string();
    record.record_type() == RecordType::RRSIG && shown.starts_with("NSEC")
}

fn by_udp(real: SocketAddr, question: &[u8]) -> Option<Vec<u8>> {
    let socket = UdpSocket::bind((IpAddr::from([127, 0, 0, 1]), 0)).ok()?;
    socket.connect(real).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    socket.send(question).ok()?;
    let mut buffer = [0_u8; 4096];
    let length = socket.recv(&mut buffer).ok()?;
    Some(buffer[..length].to_vec())
}

fn serve(mut stream: TcpStream, real: SocketAddr, rules: &Rules) {
    while let Some(question) = read_message(&mut stream) {
        let relayed = || {
            let mut upstream = TcpStream::connect_timeout(&real, PATIENCE).ok()?;
            upstream.set_read_timeout(Some(PATIENCE)).ok()?;
            write_message(&mut upstream, &question)?;
            read_message(&mut upstream)
        };
        let Some(answer) = rules.answer(&question, relayed) else {
            continue;
        };
        if write_message(&mut stream, &answer).is_none() {
            return;
        }
    }
}

fn read_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0_u8; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0_u8; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

fn write_message(stream: &mut TcpStream, message: &[u8]) -> Option<()> {
    let length = u16::try_from(message.len()).ok()?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).ok()
}

/// A mail host at `at` that takes connections and never says a word.
pub fn mute(at: SocketAddr) -> Result<(), ServerError> {
    let listener = TcpListener::bind(at).map_err(ServerError::io(format!("binding {at}")))?;
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            open.push(stream);
        }
    });
    Ok(())
}
