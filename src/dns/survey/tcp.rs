//! The same questions over TCP, on one connection to each address (RFC 7766).

use std::net::SocketAddr;
use std::time::Instant;

use super::differs;
use super::look::Subject;
use super::server::TcpView;
use crate::dns::Dns;
use crate::dns::convert::to_library;
use crate::dns::doors::Transport;
use crate::dns::pin::{Asked, Told};
use crate::dns::transport::{Pipelined, Question, pipelined};
use crate::dns::view::ServerView;

/// What one address said over TCP.
pub(super) struct OverTcp {
    /// In the order of the questions.
    answers: Vec<Told>,
    connections: u8,
}

impl OverTcp {
    /// As plain data, held against what the address said over UDP.
    pub(super) fn view(&self, subject: &Subject, over_udp: &ServerView) -> TcpView {
        let asked = subject.over_tcp();
        let askable = asked
            .iter()
            .filter_map(|(name, kind)| Some((to_library(name).ok()?, *kind)));
        let mut answers = Vec::with_capacity(self.answers.len());
        answers.extend(
            askable
                .zip(&self.answers)
                .map(|((owner, kind), told)| told.answer(over_udp.soa.from.clone(), &owner, kind)),
        );
        let mut view = TcpView {
            answers,
            failure: None,
            connections: self.connections,
            differs: Vec::new(),
        };
        if self.answers.iter().all(|told| told.said.is_err()) {
            view.failure = self.answers.iter().find_map(|told| told.said.clone().err());
        }
        for udp in over_udp.answers() {
            let mut same = view.answers.iter();
            let tcp = same.find(|a| a.kind == udp.kind && a.name == udp.name);
            if tcp.is_some_and(|tcp| differs(udp, tcp)) {
                view.differs.push(udp.kind);
            }
        }
        view
    }
}

impl Dns {
    pub(super) async fn hear_over_tcp(&self, questions: &[Asked], address: SocketAddr) -> OverTcp {
        let begun = Instant::now();
        let said = self.ask_all_over_tcp(address, questions).await;
        let answers = said.answers.into_iter();
        OverTcp {
            answers: answers
                .map(|answer| Told::of(answer, begun.elapsed()))
                .collect(),
            connections: said.connections,
        }
    }

    /// Within the limits of questions under way.
    async fn ask_all_over_tcp(&self, address: SocketAddr, questions: &[Asked]) -> Pipelined {
        let place = match self.inner.doors.enter(address, Transport::Tcp).await {
            Ok(place) => place,
            Err(failure) => return Pipelined::none(questions.len(), &failure),
        };
        // Never closed; see `Dns::ask_noting`.
        let _permit = self.inner.limit.acquire().await.ok();
        let wait = self.inner.settings.timeout;
        // Made only now, and in a box: who still waits holds no room for it.
        let asked = questions.iter();
        let questions: Vec<Question> = asked
            .map(|(name, kind)| Question::authoritative(name.clone(), *kind))
            .collect();
        let said = Box::pin(pipelined(address, &questions, wait, self.alike())).await;
        let nothing = said.answers.iter().all(Result::is_err);
        let first = said.answers.iter().find_map(|a| a.as_ref().err());
        place.leave(first.filter(|_| nothing));
        said
    }
}
