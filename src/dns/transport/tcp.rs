//! Questions over TCP: one, or many on one connection (RFC 7766, 6.2).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{Question, broken, decode, encode, has_number_of, is_answer_to, within};
use crate::dns::alike::Alike;
use crate::dns::view::Failure;

/// One question on a connection of its own.
pub(super) async fn ask(
    address: SocketAddr,
    question: &Message,
    alike: Option<&Alike>,
) -> Result<Arc<Message>, Failure> {
    let mut stream = connect(address).await?;
    send(&mut stream, [question]).await?;
    let bytes = read(&mut stream).await?;
    let answer = decode(&bytes, alike)?;
    if has_number_of(question, &bytes) && is_answer_to(question, &answer) {
        Ok(answer)
    } else {
        Err(another_question())
    }
}

/// What a number of questions gave.
#[derive(Debug)]
pub(in crate::dns) struct Pipelined {
    /// In the order of the questions.
    pub(in crate::dns) answers: Vec<Result<Arc<Message>, Failure>>,
    /// How many connections were opened.
    pub(in crate::dns) connections: u8,
}

impl Pipelined {
    /// Nobody was asked, for this reason.
    pub(in crate::dns) fn none(questions: usize, why: &Failure) -> Self {
        Self {
            answers: (0..questions).map(|_| Err(why.clone())).collect(),
            connections: 0,
        }
    }
}

/// Asks all `questions` on one connection without waiting in between; answers may come in any order.
///
/// Where the server closes the connection before all is answered, which it may, the rest goes over another one, and where it
/// answers none of several, one at a time. Connecting, and each answer, may take `wait`. What is `alike` is read once.
pub(in crate::dns) async fn pipelined(
    address: SocketAddr,
    questions: &[Question],
    wait: Duration,
    alike: Option<&Alike>,
) -> Pipelined {
    let mut answers: Vec<Option<Result<Arc<Message>, Failure>>> = Vec::new();
    let mut messages: Vec<Option<Message>> = Vec::new();
    for question in questions {
        match question.message(true) {
            Ok(message) => {
                messages.push(Some(message));
                answers.push(None);
            }
            Err(failure) => {
                messages.push(None);
                answers.push(Some(Err(failure)));
            }
        }
    }
    let mut connections = 0_u8;
    let mut at_once = questions.len();
    let last = loop {
        let open: Vec<(usize, &Message)> = messages
            .iter()
            .enumerate()
            .filter(|(i, _)| answers[*i].is_none())
            .filter_map(|(i, message)| Some((i, message.as_ref()?)))
            .take(at_once.max(1))
            .collect();
        if open.is_empty() {
            break Failure::Timeout;
        }
        connections = connections.saturating_add(1);
        let before = open.len();
        let end = on_one_connection(address, &open, wait, alike, &mut answers).await;
        let got = open.iter().filter(|(i, _)| answers[*i].is_some()).count();
        match end {
            None => {}
            // Closed early: what is left goes over another connection, if this one was of any use.
            Some(Failure::Malformed { .. }) if got > 0 => {}
            Some(Failure::Malformed { .. }) if before > 1 => at_once = 1,
            Some(failure) => break failure,
        }
    };
    Pipelined {
        answers: answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(last.clone())))
            .collect(),
        connections,
    }
}

/// Sends `open` and takes answers until all are there. Says why not, if not.
async fn on_one_connection(
    address: SocketAddr,
    open: &[(usize, &Message)],
    wait: Duration,
    alike: Option<&Alike>,
    answers: &mut [Option<Result<Arc<Message>, Failure>>],
) -> Option<Failure> {
    let mut stream = match within(wait, connect(address)).await {
        Ok(stream) => stream,
        Err(failure) => return Some(failure),
    };
    if let Err(failure) = within(wait, send(&mut stream, open.iter().map(|(_, m)| *m))).await {
        return Some(failure);
    }
    while open.iter().any(|(i, _)| answers[*i].is_none()) {
        let bytes = match within(wait, read(&mut stream)).await {
            Ok(bytes) => bytes,
            Err(failure) => return Some(failure),
        };
        let decoded = decode(&bytes, alike);
        // What cannot be read answers the question whose number it bears.
        let fits = |m: &Message| {
            has_number_of(m, &bytes)
                && decoded
                    .as_ref()
                    .map_or(true, |answer| is_answer_to(m, answer))
        };
        let whose = open
            .iter()
            .find(|(i, m)| answers[*i].is_none() && fits(m))
            .map(|(i, _)| *i);
        match whose {
            Some(i) => answers[i] = Some(decoded),
            None => return Some(another_question()),
        }
    }
    None
}

async fn connect(address: SocketAddr) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(address).await.map_err(|e| broken(&e))?;
    // Nothing is worth waiting for: a question is written in one piece.
    stream.set_nodelay(true).map_err(|e| broken(&e))?;
    Ok(stream)
}

async fn send(
    stream: &mut TcpStream,
    questions: impl IntoIterator<Item = &Message>,
) -> Result<(), Failure> {
    let mut framed = Vec::new();
    for question in questions {
        let bytes = encode(question)?;
        let length = u16::try_from(bytes.len()).map_err(|_| Failure::Malformed {
            detail: "the question is too long".into(),
        })?;
        framed.extend_from_slice(&length.to_be_bytes());
        framed.extend_from_slice(&bytes);
    }
    // In one piece: some servers read a question only if its length came with it (RFC 7766, 8).
    stream.write_all(&framed).await.map_err(|e| broken(&e))
}

async fn read(stream: &mut TcpStream) -> Result<Vec<u8>, Failure> {
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
    Ok(answer)
}

fn another_question() -> Failure {
    Failure::Malformed {
        detail: "an answer to another question".into(),
    }
}
