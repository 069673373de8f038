//! One address: what a sender that demands this or that of it meets there.

use super::chain::authenticates;
use super::worlds::{Protections, Share, Shares};
use super::{Profile, Protection};
use super::{ResultType, report};
use crate::dane::{AddressView, Certificate, Probe, ProbeResult, Recipient, WebPki};
use crate::dns::Tlsa;

/// What a sender wants before it hands mail over.
pub(super) enum Wanted<'a> {
    /// A certificate that fits the TLSA records.
    Tlsa {
        records: &'a [Tlsa],
        names: &'a [&'a str],
    },
    /// TLS with whoever answers.
    Tls,
    /// A certificate that is valid by ordinary rules for the host's name.
    WebPki { host: &'a str },
    /// TLS if it is to be had.
    Whatever,
}

/// What it meets.
pub(super) struct Met {
    pub(super) shares: Shares,
    /// How mail would be protected there.
    pub(super) protection: Protections,
    pub(super) why: String,
    pub(super) report: Option<ResultType>,
    /// Mail that meets this bounces at once.
    pub(super) bounces: bool,
}

impl Met {
    fn new(share: Share, protection: &Protections, why: impl Into<String>) -> Self {
        Self::among(Shares::known(share), protection, why)
    }

    fn among(shares: Shares, protection: &Protections, why: impl Into<String>) -> Self {
        Self {
            shares,
            protection: protection.clone(),
            why: why.into(),
            report: None,
            bounces: false,
        }
    }

    fn reported(self, report: ResultType) -> Self {
        Self {
            report: Some(report),
            ..self
        }
    }

    fn bouncing(self, bounces: bool) -> Self {
        Self { bounces, ..self }
    }
}

impl Wanted<'_> {
    /// How mail is protected once this is fulfilled, before anything was seen of the address.
    fn protection(&self) -> Protections {
        match self {
            Self::Tlsa { .. } => Protections::known(Protection::Dane),
            Self::Tls => Protections::known(Protection::Opportunistic),
            Self::WebPki { .. } => Protections::known(Protection::MtaSts),
            Self::Whatever => Protections::one_of([Protection::Opportunistic, Protection::None]),
        }
    }
}

/// An address of which nothing is known.
pub(super) fn unknown(wanted: &Wanted<'_>, why: impl Into<String>) -> Met {
    Met::among(Shares::unknown(), &wanted.protection(), why)
}

/// What the sender meets at this address.
pub(super) fn meet(profile: Profile, view: &AddressView, wanted: &Wanted<'_>) -> Met {
    let before = wanted.protection();
    match &view.probe.result {
        ProbeResult::Ok { rcpt, .. } => {
            let met = handshake(profile, view, wanted);
            recipient(met, rcpt.as_ref())
        }
        // Captured elsewhere: the handshake is known, and so is all that hangs on it.
        ProbeResult::Given { .. } => handshake(profile, view, wanted),
        ProbeResult::NoStartTls { why } => match wanted {
            Wanted::Whatever => Met::new(
                Share::ALL,
                &Protections::known(Protection::None),
                "it takes mail in the clear",
            ),
            _ => Met::new(Share::NONE, &before, why).reported(ResultType::StartTlsNotSupported),
        },
        ProbeResult::TlsFailed { why, .. } => match wanted {
            Wanted::Whatever => Met::new(
                Share::PART,
                &Protections::known(Protection::None),
                format!(
                    "its TLS fails ({why}), so mail goes in the clear, if the sender tries again so"
                ),
            ),
            _ => Met::new(Share::NONE, &before, format!("its TLS fails: {why}"))
                .reported(ResultType::ValidationFailure),
        },
        ProbeResult::Unwilling { code, text } => {
            let refuses = code.is_some_and(|code| code >= 500);
            let said = match code {
                Some(code) => format!("{code} {text}"),
                None => text.clone(),
            };
            let share = if refuses { Share::NONE } else { Share::PART };
            Met::new(share, &before, format!("it takes no mail now: {said}"))
        }
        ProbeResult::NothingInCommon { why } => unknown(wanted, why),
        ProbeResult::NotProbed => unknown(wanted, "it was not probed"),
        ProbeResult::Refused => unknown(
            wanted,
            "nothing listens there, or port 25 is blocked on the way",
        ),
        ProbeResult::Timeout { stage } => {
            unknown(wanted, format!("it did not answer in time ({stage})"))
        }
        ProbeResult::NoRoute { detail } => {
            unknown(wanted, format!("no path from this machine ({detail})"))
        }
    }
}

/// What the reply to `RCPT TO` leaves of it.
fn recipient(met: Met, rcpt: Option<&Recipient>) -> Met {
    // A sender that turns away before never comes this far.
    if met.shares.is_known(Share::NONE) {
        return met;
    }
    match rcpt {
        // Not asked: whether a mailbox takes mail is not a matter of the sender's kind.
        None | Some(Recipient::Accepted) => met,
        Some(Recipient::Rejected { code, text }) => Met {
            shares: Shares::known(Share::NONE),
            why: format!("it rejects the recipient: {code} {text}"),
            bounces: true,
            ..met
        },
        Some(Recipient::Deferred { code, text }) => {
            let late = Shares::known(Share::PART);
            Met {
                shares: if met.shares.is_known(Share::ALL) {
                    late
                } else {
                    met.shares.either(late)
                },
                why: format!("it puts the recipient off: {code} {text}"),
                ..met
            }
        }
    }
}

/// TLS came about: are the certificates right?
fn handshake(profile: Profile, view: &AddressView, wanted: &Wanted<'_>) -> Met {
    match wanted {
        Wanted::Tlsa { records, names } => tlsa(profile, view, wanted, records, names),
        Wanted::Tls => Met::new(
            Share::ALL,
            &wanted.protection(),
            "it takes mail over TLS, and nobody checks who it is",
        ),
        Wanted::Whatever => Met::new(
            Share::ALL,
            &Protections::known(Protection::Opportunistic),
            "it takes mail over TLS, and nobody checks who it is",
        ),
        Wanted::WebPki { host } => match &view.webpki {
            WebPki::Valid => Met::new(
                Share::ALL,
                &wanted.protection(),
                "its certificate is valid for its name",
            ),
            WebPki::Invalid { why } => {
                let leaf = view.probe.result.chain().and_then(<[_]>::first);
                let leaf = leaf.map(Certificate::bytes);
                let report = report::of_certificate(leaf.as_ref(), &view.probe, &[host]);
                Met::new(Share::NONE, &wanted.protection(), why).reported(report)
            }
            WebPki::NotTold { why } => unknown(wanted, why),
        },
    }
}

fn tlsa(
    profile: Profile,
    view: &AddressView,
    wanted: &Wanted<'_>,
    records: &[Tlsa],
    names: &[&str],
) -> Met {
    let held = |probe: &Probe, judged| authenticates(profile, probe, judged, records, names);
    let main = held(&view.probe, view.judgement.as_ref());
    let mut shares = vec![Shares::known(match main {
        Ok(()) => Share::ALL,
        Err(_) => Share::NONE,
    })];
    let mut report = main.err();
    let mut other_key = false;
    // Every one of these senders sends SNI (RFC 7672, 8.1), so what comes without it is not their matter.
    for variant in view.variants.iter().filter(|v| v.probe.sni.is_some()) {
        shares.push(match &variant.probe.result {
            ProbeResult::Ok { .. } => match held(&variant.probe, variant.judgement.as_ref()) {
                Ok(()) => Shares::known(Share::ALL),
                Err(kind) => {
                    other_key |= report.is_none();
                    report.get_or_insert(kind);
                    Shares::known(Share::NONE)
                }
            },
            // The server has no such certificate.
            ProbeResult::TlsFailed { .. } => Shares::known(Share::NOTHING),
            _ => Shares::unknown(),
        });
    }
    let shares = Shares::together(&shares);
    let why = match (report, other_key) {
        (Some(_), true) => "its certificate of another key type matches no usable TLSA record",
        (Some(_), false) => "its certificate matches no usable TLSA record",
        (None, _) if shares.is_known(Share::ALL) => "its certificate matches a TLSA record",
        (None, _) => "not all of its certificates were seen",
    };
    let met = Met::among(shares, &wanted.protection(), why);
    match report {
        Some(kind) => met.reported(kind).bouncing(profile.bounces_at_mismatch()),
        None => met,
    }
}
