//! Mail hosts and the MTA-STS policy, turned into facts.

use aws_lc_rs::digest;
use jiff::Timestamp;

use crate::dane::{
    AddressView, HostView, Mode, MtaStsView, Outcome, ProbeResult, Recipient, TlsaView, WebPki,
};
use crate::dns::{Status, Validated};
use crate::world::{
    AddressFacts, Chain, Fact, HostFacts, PolicyFacts, PolicyMode, SmtpOutcome, TlsaFacts,
};

/// A host as seen; `Err` when whether it exists could not be told.
pub(super) fn host(view: &HostView, probed: bool) -> Result<HostFacts, String> {
    let lookup = |status: &Status| match status {
        Status::Indeterminate { why } => Some(why.clone()),
        _ => None,
    };
    if view.addresses.is_empty()
        && let Some(why) = lookup(&view.a.status).or_else(|| lookup(&view.aaaa.status))
    {
        return Err(why);
    }
    let chain = match &view.security {
        Status::Secure => Chain::Secure,
        Status::Insecure => Chain::Insecure,
        Status::Bogus { why } => Chain::Bogus { why: why.clone() },
        Status::Indeterminate { why } => return Err(why.clone()),
    };
    Ok(HostFacts {
        // A name without addresses exists all the same: only NXDOMAIN says that it is gone (RFC 8020).
        exists: !(nxdomain(&view.a) && nxdomain(&view.aaaa)),
        chain,
        addresses: view.addresses.iter().map(address).collect(),
        tlsa: tlsa(view),
        probed_at: probed.then_some(view.at),
    })
}

fn nxdomain(look: &Validated) -> bool {
    matches!(look.answer, crate::dns::Answer::NxDomain)
}

fn address(view: &AddressView) -> AddressFacts {
    AddressFacts {
        address: view.address.to_string(),
        smtp: smtp(view),
        tlsa_matches: view.judgement.as_ref().map(|j| match j.outcome {
            Outcome::Authenticated { .. } => true,
            // Unusable records demand TLS and no match; without records there is nothing to match.
            Outcome::Unusable | Outcome::None | Outcome::Mismatch => false,
        }),
    }
}

fn smtp(view: &AddressView) -> SmtpOutcome {
    match &view.probe.result {
        ProbeResult::Ok { rcpt, .. } => match rcpt {
            None | Some(Recipient::Accepted) => SmtpOutcome::Accepted {
                web_pki: view.webpki == WebPki::Valid,
            },
            Some(Recipient::Rejected { code, text }) => SmtpOutcome::Rejected {
                reply: format!("{code} {text}"),
            },
            Some(Recipient::Deferred { code, text }) => SmtpOutcome::Deferred {
                reply: format!("{code} {text}"),
            },
        },
        ProbeResult::NoStartTls { why } | ProbeResult::TlsFailed { why, .. } => {
            SmtpOutcome::NoTls { why: why.clone() }
        }
        ProbeResult::Unwilling { code, text } => {
            let reply = match code {
                Some(code) => format!("{code} {text}"),
                None => text.clone(),
            };
            if code.is_some_and(|code| code >= 500) {
                SmtpOutcome::Rejected { reply }
            } else {
                SmtpOutcome::Deferred { reply }
            }
        }
        ProbeResult::NothingInCommon { why } => SmtpOutcome::Unreached { why: why.clone() },
        // A closed port and a firewall that rejects look the same from one place.
        ProbeResult::Refused => SmtpOutcome::Unreached {
            why: "connection refused".to_owned(),
        },
        ProbeResult::NotProbed => SmtpOutcome::Unreached {
            why: "not probed".to_owned(),
        },
        // A rollout's gates want to see for themselves.
        ProbeResult::Given { from, .. } => SmtpOutcome::Unreached {
            why: format!("not probed from here: the chain was given in {from}"),
        },
        ProbeResult::Timeout { stage } => SmtpOutcome::Unreached {
            why: format!("no answer in time ({stage})"),
        },
        ProbeResult::NoRoute { detail } => SmtpOutcome::Unreached {
            why: format!("no path from this machine ({detail})"),
        },
    }
}

fn tlsa(view: &HostView) -> TlsaFacts {
    let negative = view.negative_ttl.unwrap_or_default();
    match &view.tlsa {
        TlsaView::NotAsked { .. } => TlsaFacts::NotAsked,
        TlsaView::Secure { records, ttl, .. } => {
            let mut texts: Vec<_> = records.iter().map(ToString::to_string).collect();
            texts.sort();
            let digest = digest::digest(&digest::SHA256, texts.join("\n").as_bytes());
            TlsaFacts::Records {
                records: texts,
                digest: crate::dns::text::hex(&digest.as_ref()[..8]),
                ttl: *ttl,
                negative_ttl: negative,
            }
        }
        // Records without security count for nothing (RFC 7672 section 2.2).
        TlsaView::Insecure { .. } | TlsaView::Absent { .. } => TlsaFacts::Absent {
            negative_ttl: negative,
        },
        TlsaView::LookupError { why, .. } => TlsaFacts::Failed { why: why.clone() },
    }
}

/// The MTA-STS policy as a fact.
pub(super) fn policy(view: &MtaStsView) -> Fact<PolicyFacts> {
    let none = |record_ttl| PolicyFacts {
        mode: PolicyMode::None,
        patterns: Default::default(),
        max_age: 0,
        record_ttl,
        id: None,
        body: String::new(),
        lagging: Vec::new(),
    };
    match view {
        MtaStsView::None { lookup } => Fact::Known {
            value: none(lookup.ttl.unwrap_or_default()),
            at: Timestamp::now(),
        },
        MtaStsView::Found {
            record,
            policy,
            ttl,
            ..
        } => Fact::Known {
            value: PolicyFacts {
                mode: match policy.mode {
                    Mode::Enforce => PolicyMode::Enforce,
                    Mode::Testing => PolicyMode::Testing,
                    Mode::None => PolicyMode::None,
                },
                patterns: policy.patterns.iter().cloned().collect(),
                max_age: policy.max_age,
                record_ttl: *ttl,
                id: Some(record.id.clone()),
                body: policy.body.clone(),
                lagging: Vec::new(),
            },
            at: Timestamp::now(),
        },
        // Senders that hold an earlier, good policy keep it: not the same as having none.
        MtaStsView::Invalid { why, .. } | MtaStsView::Unknown { why, .. } => Fact::CouldNotTell {
            why: why.clone(),
            at: Timestamp::now(),
        },
    }
}
