//! One row per (host, address, key type), for programs and for the table in the terminal.

use super::report::Row;
use super::view::DomainView;
use crate::dane::{
    AddressView, HostView, Judgement, Outcome, Probe, ProbeResult, TlsaView, WebPki,
};

/// All rows, in order of the hosts.
pub(super) fn rows(view: &DomainView) -> Vec<Row> {
    let mut all = Vec::new();
    for host in &view.hosts {
        for address in &host.view.addresses {
            of_address(&host.view, address, &mut all);
        }
    }
    all
}

fn of_address(host: &HostView, address: &AddressView, all: &mut Vec<Row>) {
    let web_pki = match &address.webpki {
        WebPki::Valid => Some(true),
        WebPki::Invalid { .. } => Some(false),
        WebPki::NotTold { .. } => None,
    };
    let own = row(host, &address.probe, address.judgement.as_ref(), web_pki);
    let mut seen = vec![own.spki_sha256.clone()];
    all.push(own);
    for variant in &address.variants {
        // The same key again is no news; without SNI it is, where the key is another one.
        if variant.probe.result.proven_chain().is_none() {
            continue;
        }
        let row = row(host, &variant.probe, variant.judgement.as_ref(), None);
        if !seen.contains(&row.spki_sha256) {
            seen.push(row.spki_sha256.clone());
            all.push(row);
        }
    }
}

fn row(
    host: &HostView,
    probe: &Probe,
    judgement: Option<&Judgement>,
    web_pki: Option<bool>,
) -> Row {
    let leaf = probe.result.chain().and_then(|chain| chain.first());
    let (outcome, why) = outcome(host, probe, judgement);
    Row {
        host: host.host.clone(),
        address: probe.address.ip(),
        key: leaf.map_or_else(|| "none".to_owned(), crate::dane::Certificate::key_type),
        outcome: outcome.to_owned(),
        why,
        spki_sha256: leaf.and_then(|leaf| leaf.spki_sha256.clone()),
        tls: match &probe.result {
            ProbeResult::Ok { tls_version, .. } => Some(tls_version.clone()),
            _ => None,
        },
        sni: probe.sni.clone(),
        web_pki,
    }
}

fn outcome(
    host: &HostView,
    probe: &Probe,
    judgement: Option<&Judgement>,
) -> (&'static str, String) {
    match &probe.result {
        ProbeResult::NoStartTls { why } => return ("no-starttls", why.clone()),
        ProbeResult::TlsFailed { why, .. } => return ("tls-failed", why.clone()),
        ProbeResult::Unwilling { text, .. } => return ("unwilling", text.clone()),
        ProbeResult::Refused => return ("could-not-tell", "the connection was refused".into()),
        ProbeResult::Timeout { stage } => {
            return ("could-not-tell", format!("no answer in time ({stage})"));
        }
        ProbeResult::NoRoute { detail } => {
            return ("could-not-tell", format!("no path from here ({detail})"));
        }
        ProbeResult::NothingInCommon { why } => return ("could-not-tell", why.clone()),
        ProbeResult::NotProbed => return ("not-probed", "only the DNS was asked".into()),
        ProbeResult::Ok { .. } | ProbeResult::Given { .. } => {}
    }
    match (&host.tlsa, judgement.map(|j| &j.outcome)) {
        (_, Some(Outcome::Authenticated { record, depth })) => (
            "authenticated",
            format!("{record} matches at depth {depth}"),
        ),
        (_, Some(Outcome::Unusable)) => ("unusable", "no TLSA record can be used".into()),
        (_, Some(Outcome::Mismatch)) => ("mismatch", "no TLSA record matches".into()),
        (TlsaView::LookupError { why, .. }, _) => ("lookup-error", why.clone()),
        (TlsaView::NotAsked { why }, _) => ("none", why.clone()),
        _ => ("none", "there are no TLSA records that count".into()),
    }
}
