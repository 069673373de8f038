//! UDP and TCP as odd servers speak them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::dns::transport::{Question, exchange_noting, pipelined};
use crate::dns::view::Failure;

const WAIT: Duration = Duration::from_millis(500);

fn questions(count: usize) -> Vec<Question> {
    (0..count)
        .map(|i| {
            let name = Name::from_ascii(format!("q{i}.test.")).expect("a name");
            Question::authoritative(name, RecordType::TXT)
        })
        .collect()
}

/// The question answered, with a TXT of this length; `None`: cut off instead.
fn answer(question: &[u8], length: Option<usize>) -> Vec<u8> {
    let mut message = Message::from_vec(question).expect("a question");
    message.metadata.message_type = MessageType::Response;
    message.metadata.authoritative = true;
    match length {
        Some(length) => {
            let text = vec!["x".repeat(200); length.div_ceil(200)];
            let name = message.queries[0].name.clone();
            message.add_answer(Record::from_rdata(name, 60, RData::TXT(TXT::new(text))));
        }
        None => message.metadata.truncation = true,
    }
    message.to_vec().expect("encoded")
}

fn name_in(message: &Message) -> String {
    message.queries[0].name.to_ascii()
}

async fn framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).await.ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

async fn send(stream: &mut TcpStream, answer: &[u8]) {
    let length = u16::try_from(answer.len()).expect("short").to_be_bytes();
    let whole = [&length[..], answer].concat();
    // The client may be gone.
    let _ = stream.write_all(&whole).await;
}

/// How a server behaves on one connection.
#[derive(Clone, Copy)]
enum Manner {
    /// Reads all, answers the last first.
    Backwards,
    /// Answers two, then closes.
    TwoEach,
    /// Answers a lone question; closes on seeing a second one.
    NoPipelining,
    /// Answers one, then says nothing more.
    FallsSilent,
    /// Closes at once.
    Slams,
}

async fn tcp_server(manner: Manner) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, manner));
        }
    });
    address
}

async fn serve(mut stream: TcpStream, manner: Manner) {
    match manner {
        Manner::Backwards => {
            let mut all = Vec::new();
            while all.len() < 5 {
                all.push(framed(&mut stream).await.expect("a question"));
            }
            for question in all.iter().rev() {
                send(&mut stream, &answer(question, Some(10))).await;
            }
        }
        Manner::TwoEach => {
            for _ in 0..2 {
                let Some(question) = framed(&mut stream).await else {
                    return;
                };
                send(&mut stream, &answer(&question, Some(10))).await;
            }
        }
        Manner::NoPipelining => {
            let Some(question) = framed(&mut stream).await else {
                return;
            };
            let more = tokio::time::timeout(Duration::from_millis(30), framed(&mut stream)).await;
            if more.is_err() {
                send(&mut stream, &answer(&question, Some(10))).await;
            }
        }
        Manner::FallsSilent => {
            let Some(question) = framed(&mut stream).await else {
                return;
            };
            send(&mut stream, &answer(&question, Some(10))).await;
            tokio::time::sleep(WAIT * 4).await;
        }
        Manner::Slams => {}
    }
}

#[tokio::test]
async fn many_questions_on_as_few_connections_as_the_server_allows() {
    let asked = questions(5);
    for (manner, answered, at_most) in [
        (Manner::Backwards, 5, 1),
        (Manner::TwoEach, 5, 3),
        (Manner::NoPipelining, 5, 6),
        (Manner::FallsSilent, 1, 1),
        (Manner::Slams, 0, 2),
    ] {
        let said = pipelined(tcp_server(manner).await, &asked, WAIT, None).await;
        assert_eq!(said.answers.len(), 5);
        let good = said.answers.iter().filter(|a| a.is_ok()).count();
        assert_eq!(good, answered, "{:?}", said.answers);
        assert!(said.connections <= at_most, "{}", said.connections);
        for (i, answer) in said.answers.iter().enumerate() {
            match answer {
                Ok(message) => assert_eq!(name_in(message), format!("q{i}.test.")),
                Err(Failure::Timeout | Failure::Malformed { .. }) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
    // Nobody there.
    let gone = tcp_port_of_nobody().await;
    let said = pipelined(gone, &asked, WAIT, None).await;
    assert!(
        said.answers
            .iter()
            .all(|a| matches!(a, Err(Failure::ConnectionRefused))),
        "{:?}",
        said.answers
    );
    assert_eq!(said.connections, 1);
}

async fn tcp_port_of_nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    listener.local_addr().expect("bound")
}

/// A server whose datagrams hold this much, and whose TCP, on the same port, all of it; or no TCP.
async fn udp_server(length: Option<usize>, tcp: bool) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("bind");
    let address = listener.local_addr().expect("bound");
    let socket = UdpSocket::bind(address).await.expect("bind");
    tokio::spawn(async move {
        let mut buffer = vec![0; 2048];
        loop {
            let (got, peer) = socket.recv_from(&mut buffer).await.expect("receive");
            // Somebody else's first: it must be passed over.
            let mut forged = answer(&buffer[..got], Some(20));
            forged[0] ^= 0xff;
            socket.send_to(&forged, peer).await.expect("send");
            let answer = answer(&buffer[..got], length);
            socket.send_to(&answer, peer).await.expect("send");
        }
    });
    if tcp {
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                if let Some(question) = framed(&mut stream).await {
                    send(&mut stream, &answer(&question, Some(9_000))).await;
                }
            }
        });
    }
    address
}

#[tokio::test]
async fn what_does_not_fit_into_a_datagram_comes_by_tcp() {
    let [question] = &questions(1)[..] else {
        panic!("one");
    };
    let size = |said: &Result<Arc<Message>, Failure>| match said {
        Ok(message) => message.to_vec().expect("encoded").len(),
        Err(failure) => panic!("{failure}"),
    };
    // Within the payload that was asked for; beyond it, as servers of old answer; beyond what is read; cut off.
    for (length, by_tcp) in [
        (Some(100), false),
        (Some(3_000), false),
        (Some(6_000), true),
        (None, true),
    ] {
        let address = udp_server(length, true).await;
        let (said, cut_off) = exchange_noting(address, question.clone(), WAIT, 1, None).await;
        assert_eq!(cut_off, by_tcp, "{length:?}");
        let expected = if by_tcp { 9_000 } else { length.unwrap_or(0) };
        assert!(size(&said) >= expected, "{length:?}: {}", size(&said));
    }
    let address = udp_server(None, false).await;
    let (said, cut_off) = exchange_noting(address, question.clone(), WAIT, 1, None).await;
    assert!(cut_off, "and TCP failed");
    assert!(matches!(said, Err(Failure::ConnectionRefused)), "{said:?}");
}
