//! Asks a recursive resolver, as one witness among others.

use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use jiff::Timestamp;

use super::Dns;
use super::convert::{
    code_name, extended_error, rcode_failure, record_type, records_at, soa, to_library,
};
use super::record::{Data, Kind, Record, Soa, normal};
use super::resolve::resolves;
use super::settings::Vantage;
use super::transport::{Question, exchange};
use super::view::{Failure, Source, VantageAnswer, VantageVerdict};

/// A resolver does the work of many questions before it answers one.
const PATIENCE: u32 = 3;

impl Dns {
    /// Asks a resolver; on SERVFAIL once more with checking disabled, because only that tells bogus data from
    /// dead servers (some resolvers set AD even on a failure).
    pub async fn ask_vantage(&self, vantage: &Vantage, name: &str, kind: Kind) -> VantageAnswer {
        let mut out = VantageAnswer {
            vantage: vantage.name.clone(),
            name: normal(name),
            kind,
            verdict: VantageVerdict::Failed(Failure::Timeout),
            records: Vec::new(),
            ttl: None,
            ad: false,
            rcode: String::new(),
            explained: None,
            at: Timestamp::now(),
            from: Source {
                server: None,
                address: vantage.address,
            },
        };
        let wanted = record_type(kind);
        let owner = match to_library(name) {
            Ok(owner) => owner,
            Err(failure) => {
                out.verdict = VantageVerdict::Failed(failure);
                return out;
            }
        };
        let mut question = Question {
            name: owner,
            kind: wanted,
            recursion: true,
            unchecked: false,
            verdict: true,
        };
        let wait = self.inner.settings.timeout * PATIENCE;
        let message = match self.witness(vantage, &question, wait).await {
            Ok(message) => message,
            Err(failure) => {
                out.verdict = VantageVerdict::Failed(failure);
                return out;
            }
        };
        out.at = Timestamp::now();
        out.rcode = code_name(message.metadata.response_code).into_owned();
        out.explained = message.edns.as_ref().and_then(extended_error);
        match message.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain if !resolves(&message) => {
                out.verdict = VantageVerdict::Failed(Failure::Lame);
            }
            ResponseCode::NoError | ResponseCode::NXDomain => read(&mut out, &message, &question),
            ResponseCode::ServFail => {
                question.unchecked = true;
                let unchecked = self.witness(vantage, &question, wait).await;
                out.verdict = match unchecked {
                    Ok(second)
                        if matches!(
                            second.metadata.response_code,
                            ResponseCode::NoError | ResponseCode::NXDomain
                        ) =>
                    {
                        read(&mut out, &second, &question);
                        out.ad = false;
                        VantageVerdict::Bogus {
                            explained: out.explained.clone(),
                        }
                    }
                    _ => VantageVerdict::Failed(rcode_failure(&message)),
                };
            }
            _ => out.verdict = VantageVerdict::Failed(rcode_failure(&message)),
        }
        out
    }

    async fn witness(
        &self,
        vantage: &Vantage,
        question: &Question,
        wait: Duration,
    ) -> Result<Arc<Message>, Failure> {
        // Never closed; see `Dns::ask`.
        let _permit = self.inner.limit.acquire().await.ok();
        exchange(
            vantage.address,
            question,
            wait,
            self.inner.settings.attempts,
        )
        .await
    }
}

fn read(out: &mut VantageAnswer, message: &Message, question: &Question) {
    out.ad = message.metadata.authentic_data;
    let mut name = question.name.clone();
    // A dozen aliases is more than any resolver follows.
    for _ in 0..12 {
        let found = records_at(&message.answers, &name, question.kind);
        match found.as_slice() {
            [
                Record {
                    data: Data::Cname(to),
                    ..
                },
            ] if question.kind != RecordType::CNAME => match to_library(to) {
                Ok(next) => name = next,
                Err(_) => break,
            },
            [] => break,
            _ => {
                out.ttl = found.iter().map(|r| r.ttl).max();
                out.records = found;
                out.verdict = VantageVerdict::Answer;
                return;
            }
        }
    }
    out.ttl = soa(&message.authorities).as_ref().map(Soa::negative_ttl);
    out.verdict = if message.metadata.response_code == ResponseCode::NXDomain {
        VantageVerdict::NxDomain
    } else {
        VantageVerdict::NoData
    };
}
