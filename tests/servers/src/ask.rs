//! One DNS question over UDP (TCP when truncated), for waiting on servers and for senders.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

/// What is asked besides the name and type.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// RD: let a resolver do the work.
    pub recursion: bool,
    /// DO: signatures, please.
    pub dnssec: bool,
    /// CD: give the answer even if it does not validate.
    pub checking_disabled: bool,
    /// How long to wait for the answer.
    pub timeout: Duration,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            recursion: true,
            dnssec: false,
            checking_disabled: false,
            timeout: Duration::from_secs(2),
        }
    }
}

impl Ask {
    /// Asks `server` and returns its whole answer.
    pub fn send(
        self,
        server: SocketAddr,
        name: &str,
        kind: RecordType,
    ) -> Result<Message, std::io::Error> {
        let question = self.question(name, kind)?;
        let wire = question.to_vec().map_err(std::io::Error::other)?;
        let local: SocketAddr = if server.is_ipv4() {
            ([127, 0, 0, 1], 0).into()
        } else {
            (std::net::Ipv6Addr::LOCALHOST, 0).into()
        };
        let socket = UdpSocket::bind(local)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.send(&wire)?;
        let mut buffer = [0_u8; 4096];
        loop {
            let length = socket.recv(&mut buffer)?;
            let answer = Message::from_vec(&buffer[..length]).map_err(std::io::Error::other)?;
            if answer.metadata.id != question.metadata.id {
                continue;
            }
            return if answer.metadata.truncation {
                self.send_by_tcp(server, &wire)
            } else {
                Ok(answer)
            };
        }
    }

    fn question(self, name: &str, kind: RecordType) -> Result<Message, std::io::Error> {
        let mut name = Name::from_ascii(name).map_err(std::io::Error::other)?;
        name.set_fqdn(true);
        let mut id = [0_u8; 2];
        aws_lc_rs::rand::fill(&mut id).map_err(std::io::Error::other)?;
        let mut question = Message::new(u16::from_be_bytes(id), MessageType::Query, OpCode::Query);
        question.metadata.recursion_desired = self.recursion;
        question.metadata.checking_disabled = self.checking_disabled;
        // AD in a question asks for it in the answer without DO (RFC 6840 section 5.7).
        question.metadata.authentic_data = true;
        question.add_query(Query::query(name, kind));
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        edns.set_dnssec_ok(self.dnssec);
        question.set_edns(edns);
        Ok(question)
    }

    fn send_by_tcp(self, server: SocketAddr, wire: &[u8]) -> Result<Message, std::io::Error> {
        let mut stream = TcpStream::connect_timeout(&server, self.timeout)?;
        stream.set_read_timeout(Some(self.timeout))?;
        let length = u16::try_from(wire.len()).map_err(std::io::Error::other)?;
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(wire)?;
        let mut length = [0_u8; 2];
        stream.read_exact(&mut length)?;
        let mut buffer = vec![0_u8; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut buffer)?;
        Message::from_vec(&buffer).map_err(std::io::Error::other)
    }
}

/// The data of one type under `name` at an authoritative server; none when it does not say NOERROR.
pub fn authoritative(server: SocketAddr, name: &str, kind: RecordType) -> Vec<RData> {
    let ask = Ask {
        recursion: false,
        ..Ask::default()
    };
    ask.send(server, name, kind)
        .map(|answer| data(&answer, kind))
        .unwrap_or_default()
}

/// The data of one type in an answer's answer section, whatever names a chain of aliases led to.
pub fn data(answer: &Message, kind: RecordType) -> Vec<RData> {
    answer
        .answers
        .iter()
        .filter(|record| record.record_type() == kind)
        .map(|record| record.data.clone())
        .collect()
}

/// Whether `server` answers with authority for `apex`.
pub fn serves(server: SocketAddr, apex: &str) -> bool {
    let ask = Ask {
        recursion: false,
        timeout: Duration::from_millis(200),
        ..Ask::default()
    };
    let apex = if apex.is_empty() { "." } else { apex };
    ask.send(server, apex, RecordType::SOA).is_ok_and(|answer| {
        answer.metadata.response_code == ResponseCode::NoError
            && answer.metadata.authoritative
            && !data(&answer, RecordType::SOA).is_empty()
    })
}

/// Whether `server` answers with authority for `apex` and signs its answer.
pub fn serves_signed(server: SocketAddr, apex: &str) -> bool {
    let ask = Ask {
        recursion: false,
        dnssec: true,
        timeout: Duration::from_millis(200),
        ..Ask::default()
    };
    let apex = if apex.is_empty() { "." } else { apex };
    ask.send(server, apex, RecordType::SOA).is_ok_and(|answer| {
        answer.metadata.authoritative && !data(&answer, RecordType::RRSIG).is_empty()
    })
}
