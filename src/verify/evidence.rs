//! What shows a finding, made from what was seen.

use crate::dane::Probe;
use crate::dns::text::safe;
use crate::dns::{
    Answer, Opinion, Outcome, Record, ServerAnswer, Status, Validated, VantageAnswer,
    VantageVerdict,
};
use crate::finding::Evidence;

/// Our own validator's answer.
pub(super) fn validated(seen: &Validated) -> Evidence {
    let from = match &seen.from {
        Some(source) => format!("our validator, from {source}"),
        None => "our validator".to_owned(),
    };
    let said = match &seen.status {
        Status::Bogus { why } | Status::Indeterminate { why } => why.clone(),
        Status::Secure => format!("secure: {}", answer(&seen.answer)),
        Status::Insecure => format!("insecure: {}", answer(&seen.answer)),
    };
    Evidence {
        from,
        about: about(seen.kind, &seen.name),
        said,
        rcode: rcode(&seen.answer).map(str::to_owned),
        ttl: seen.ttl,
        at: Some(seen.at),
        ..Evidence::default()
    }
}

/// The other engine's verdict.
pub(super) fn opinion(seen: &Opinion) -> Evidence {
    Evidence {
        from: "the second validator".to_owned(),
        about: about(seen.kind, &seen.name),
        said: status(&seen.status),
        at: Some(seen.at),
        ..Evidence::default()
    }
}

/// One server's answer.
pub(super) fn server(seen: &ServerAnswer) -> Evidence {
    let said = match &seen.outcome {
        Outcome::Answer => records(&seen.records),
        Outcome::NoData => "no such record".to_owned(),
        Outcome::NxDomain => "no such name".to_owned(),
        Outcome::Failed(failure) => failure.to_string(),
    };
    Evidence {
        from: seen.from.to_string(),
        about: about(seen.kind, &seen.name),
        said,
        rcode: (!seen.rcode.is_empty()).then(|| seen.rcode.to_string()),
        explained: seen.explained.clone(),
        ttl: seen.ttl,
        at: Some(seen.at),
        ..Evidence::default()
    }
}

/// A resolver's answer.
pub(super) fn vantage(seen: &VantageAnswer) -> Evidence {
    let said = match &seen.verdict {
        VantageVerdict::Answer => records(&seen.records),
        VantageVerdict::NoData => "no such record".to_owned(),
        VantageVerdict::NxDomain => "no such name".to_owned(),
        VantageVerdict::Bogus { .. } => "takes it for bogus".to_owned(),
        VantageVerdict::Failed(failure) => failure.to_string(),
    };
    let explained = match &seen.verdict {
        VantageVerdict::Bogus { explained } => explained.clone(),
        _ => None,
    };
    Evidence {
        from: format!("resolver {} ({})", safe(seen.vantage.as_bytes()), seen.from),
        about: about(seen.kind, &seen.name),
        said,
        rcode: (!seen.rcode.is_empty()).then(|| seen.rcode.clone()),
        ad: Some(seen.ad),
        explained,
        ttl: seen.ttl,
        at: Some(seen.at),
        ..Evidence::default()
    }
}

/// A conversation with an address.
pub(super) fn probe(seen: &Probe, said: impl Into<String>) -> Evidence {
    let leaf = seen.result.chain().and_then(|chain| chain.first());
    Evidence {
        from: seen.address.to_string(),
        about: match &seen.sni {
            Some(name) => format!("SMTP with STARTTLS, as {name}"),
            None => "SMTP with STARTTLS, without SNI".to_owned(),
        },
        said: said.into(),
        digest: leaf.and_then(|leaf| leaf.spki_sha256.clone()),
        at: Some(seen.at),
        ..Evidence::default()
    }
}

fn about(kind: impl std::fmt::Display, name: &str) -> String {
    format!("{kind} {}", safe(name.as_bytes()))
}

/// A status in a few words.
pub(super) fn status(status: &Status) -> String {
    match status {
        Status::Secure => "secure".to_owned(),
        Status::Insecure => "insecure".to_owned(),
        Status::Bogus { why } => format!("bogus: {why}"),
        Status::Indeterminate { why } => format!("could not tell: {why}"),
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Records(all) => records(all),
        Answer::NoData => "no such record".to_owned(),
        Answer::NxDomain => "no such name".to_owned(),
        Answer::Unknown => "no usable answer".to_owned(),
    }
}

fn rcode(answer: &Answer) -> Option<&'static str> {
    match answer {
        Answer::Records(_) | Answer::NoData => Some("NOERROR"),
        Answer::NxDomain => Some("NXDOMAIN"),
        Answer::Unknown => None,
    }
}

/// Records in presentation form, on one line.
pub(super) fn records(all: &[Record]) -> String {
    let shown: Vec<String> = all.iter().map(|r| r.data.to_string()).collect();
    shown.join("; ")
}
