//! `rollout dane match`: a certificate chain and TLSA records from files and flags: which outcome, and why.
//!
//! Asks nobody: the judgement is the one that the rollout's own gates use.

use std::path::PathBuf;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::super::{App, CliError, Exit};
use crate::dane::{
    Certificate, Outcome, ParameterSet, RecordResult, judge, parameter_sets, would_need,
};
use crate::dns::Tlsa;
use crate::dns::text::unhex;
use crate::output::{Line, Page, Tone};

/// More than a server would ever send.
const LARGEST_CHAIN: u64 = 1 << 20;

/// Arguments of `dane match`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A TLSA record: usage, selector, matching type, data in hexadecimal
    #[arg(long, value_name = "U S M HEX", value_parser = tlsa)]
    tlsa: Vec<Tlsa>,
    /// The chain as the server sends it, in PEM form, its own certificate first
    #[arg(long, value_name = "FILE")]
    chain: PathBuf,
    /// A reference name: the MX host, and where the MX RRset is secure the domain as well
    #[arg(long, value_name = "HOST", required = true)]
    name: Vec<String>,
    /// The time to judge validity dates by [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

pub(super) fn run(app: &App, given: &Args) -> Result<Exit, CliError> {
    let chain = read_chain(&given.chain)?;
    let names: Vec<&str> = given.name.iter().map(|n| n.trim_end_matches('.')).collect();
    let at = given.at.unwrap_or_else(Timestamp::now);
    let judgement = judge(&given.tlsa, &chain, &names, at);
    let exit = match &judgement.outcome {
        Outcome::Authenticated { .. } => Exit::Done,
        Outcome::Mismatch => Exit::Failed,
        Outcome::Unusable | Outcome::None => Exit::CouldNotTell,
    };
    let mut page = Page::new();
    page.push(headline(&judgement.outcome));
    for verdict in &judgement.records {
        let (tone, why) = result(&verdict.result);
        page.push(
            Line::at(2)
                .plain(&verdict.record)
                .plain(": ")
                .tone(tone, why),
        );
    }
    let sets = parameter_sets(&given.tlsa, &chain, &names, at);
    // With one kind of record the outcome says it all.
    if sets.len() > 1 {
        for set in &sets {
            page.push(alone(set));
        }
    }
    let needed = would_need(&chain, &names, at);
    for record in &needed {
        let published = given.tlsa.contains(record);
        page.push(Line::at(2).dim(format!(
            "this chain would match {record}{}",
            if published { " (given)" } else { "" }
        )));
    }
    for (depth, certificate) in chain.iter().enumerate() {
        let seen = Certificate::read(certificate);
        page.push(Line::at(2).dim(format!(
            "certificate {depth}: {}, issued by {}",
            seen.subject, seen.issuer
        )));
    }
    app.console.result(page);
    // The outcome's own fields stand beside the key `outcome`.
    let mut object = json!(judgement.outcome);
    if let Value::Object(fields) = &mut object {
        fields.insert("type".to_owned(), json!("dane-match"));
        fields.insert("records".to_owned(), json!(judgement.records));
        fields.insert("parameter_sets".to_owned(), json!(sets));
        fields.insert("would_match".to_owned(), json!(needed));
        fields.insert("at".to_owned(), json!(at));
        fields.insert("exit".to_owned(), json!(exit.code()));
    }
    app.console.object(&object);
    Ok(exit)
}

fn headline(outcome: &Outcome) -> Line {
    let line = Line::at(0);
    match outcome {
        Outcome::Authenticated { record, depth } => line
            .tone(Tone::Good, "authenticated")
            .plain(format!(": {record} matches at depth {depth}")),
        Outcome::Unusable => line
            .tone(Tone::Warn, "unusable")
            .plain(": no record can be used, so senders demand TLS and do not check the peer"),
        Outcome::None => line
            .tone(Tone::Warn, "none")
            .plain(": no record was given, so TLS stays opportunistic"),
        Outcome::Mismatch => line
            .tone(Tone::Bad, "mismatch")
            .plain(": no usable record matches, so senders do not deliver"),
    }
}

/// One kind of record by itself: a sender may know only that one.
fn alone(set: &ParameterSet) -> Line {
    let line = Line::at(2).plain(format!(
        "senders that use only {} {} {} records: ",
        set.usage, set.selector, set.matching
    ));
    if set.fits {
        line.tone(Tone::Good, "deliver")
    } else {
        line.tone(Tone::Bad, "do not deliver (RFC 7671 section 8)")
    }
}

fn result(result: &RecordResult) -> (Tone, String) {
    match result {
        RecordResult::Matches { depth } => (Tone::Good, format!("matches at depth {depth}")),
        RecordResult::Unusable { why } => (Tone::Warn, format!("unusable: {why}")),
        RecordResult::Superseded { by } => (
            Tone::Dim,
            format!(
                "passed over: matching type {by} stands beside it and counts (RFC 7671 section 9)"
            ),
        ),
        RecordResult::Differs { why } => (Tone::Bad, format!("does not match: {why}")),
    }
}

/// Reads `3 1 1 ab12…`; the data may be broken by spaces, as in zone files.
fn tlsa(text: &str) -> Result<Tlsa, String> {
    const FORM: &str = "write usage, selector, matching type and data, as in '3 1 1 0b9f…'";
    let mut words = text.split_whitespace();
    let mut number = |what: &str| {
        let word = words
            .next()
            .ok_or_else(|| format!("the {what} is missing; {FORM}"))?;
        word.parse::<u8>()
            .map_err(|_| format!("the {what} {word:?} is no number from 0 to 255; {FORM}"))
    };
    let (usage, selector, matching) = (
        number("usage")?,
        number("selector")?,
        number("matching type")?,
    );
    let data: String = words.collect::<String>().to_ascii_lowercase();
    if data.is_empty() {
        return Err(format!("the data are missing; {FORM}"));
    }
    if unhex(&data).is_none() {
        return Err(format!(
            "the data are not hexadecimal, two digits a byte; {FORM}"
        ));
    }
    Ok(Tlsa {
        usage,
        selector,
        matching,
        data,
    })
}

fn read_chain(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, CliError> {
    let file = |source| CliError::File {
        doing: "read the chain",
        path: path.to_owned(),
        source,
    };
    let bad = |why: &str| {
        CliError::Usage(format!(
            "{} is no certificate chain: {why}; give PEM, the server's own certificate first",
            path.display()
        ))
    };
    if std::fs::metadata(path).map_err(file)?.len() > LARGEST_CHAIN {
        return Err(bad("it is larger than 1 MiB"));
    }
    let pem = std::fs::read(path).map_err(file)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| bad(&format!("it holds broken PEM ({error:?})")))?;
    if chain.is_empty() {
        return Err(bad("it holds no certificate"));
    }
    Ok(chain)
}
