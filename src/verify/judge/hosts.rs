//! Hosts, their TLSA records, and every address of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Found;
use crate::dane::{
    AddressView, Certificate, HostView, Judgement, MtaStsView, Outcome, Probe, ProbeResult,
    Recipient, RecordResult, RecordVerdict, TlsaView, parameter_sets, reference_names,
};
use crate::dns::{Status, Tlsa};
use crate::finding::{Finding, Severity};
use crate::verify::catalogue::{
    CERTIFICATE_ENDS, CERTIFICATE_EXPIRED, HOST_BOGUS, HOST_INSECURE, HOST_LOOKUP_ERROR,
    SMTP_DEFERS, SMTP_NO_STARTTLS, SMTP_NOT_PROBED, SMTP_NOTHING_IN_COMMON, SMTP_REJECTS, SMTP_SNI,
    SMTP_TLS_FAILED, SMTP_TLS12, SMTP_UNREACHED, SMTP_UNWILLING, TLSA_BOGUS, TLSA_BRITTLE,
    TLSA_INSECURE, TLSA_LOOKUP_ERROR, TLSA_MISMATCH, TLSA_NONE, TLSA_PARAMETER_SET, TLSA_TTL,
    TLSA_UNMATCHED, TLSA_UNUSABLE, TLSA_UNUSABLE_RECORD,
};
use crate::verify::{DomainView, evidence};

/// A day: longer than anybody wants to wait for an accident to be mended.
const LONG_TTL: u32 = 86_400;
/// How long before its end a certificate is worth a warning.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    // An enforced policy makes dates and names count for every host.
    let dates_count = matches!(&view.policy, MtaStsView::Found { policy, .. } if policy.mode == crate::dane::Mode::Enforce);
    for host in &view.hosts {
        names(view, &host.view, found);
        tlsa(&host.view, found);
        records(&host.view, found);
        for address in &host.view.addresses {
            reached(&host.view, address, found);
            judged(view, &host.view, address, found);
            dates(&host.view, address, dates_count, now, found);
        }
        let unprobed = |address: &AddressView| address.probe.result == ProbeResult::NotProbed;
        if host.view.addresses.iter().any(unprobed) {
            let mut finding = SMTP_NOT_PROBED.found(
                host.view.host.clone(),
                format!("{} was not probed", host.view.host),
            );
            if view.extent == crate::verify::Extent::Full {
                // It was to be.
                finding.severity = Severity::CouldNotTell;
            }
            found.add(finding);
        }
    }
}

/// The host's addresses in the DNS.
fn names(view: &DomainView, host: &HostView, found: &mut Found) {
    let shown = || [&host.a, &host.aaaa].map(evidence::validated);
    let of = |finding: Finding| finding.shown_by(shown());
    // An address family that failed counts, even where the other one answered: senders that prefer it wait.
    for lookup in [&host.a, &host.aaaa] {
        match &lookup.status {
            Status::Bogus { why } => found.add(of(HOST_BOGUS.found(
                host.host.clone(),
                format!("{} of {} is bogus: {why}", lookup.kind, host.host),
            ))),
            Status::Indeterminate { why } => found.add(of(HOST_LOOKUP_ERROR.found(
                host.host.clone(),
                format!(
                    "{} of {} could not be looked up: {why}",
                    lookup.kind, host.host
                ),
            ))),
            Status::Secure | Status::Insecure => {}
        }
    }
    let addressed = !host.addresses.is_empty();
    // Of a zone that others may validate it is not said that it is unsigned.
    let hidden = view
        .survey
        .as_ref()
        .is_ok_and(|survey| super::zone::hides_what_is_signed(survey, &host.base));
    let unasked = matches!(host.tlsa, TlsaView::NotAsked { .. });
    if addressed && host.security.is_insecure() && unasked && !hidden {
        found.add(of(HOST_INSECURE.found(
            host.host.clone(),
            format!("the addresses of {} are not signed", host.host),
        )));
    }
}

/// The host's TLSA records in the DNS.
fn tlsa(host: &HostView, found: &mut Found) {
    let about = || host.tlsa_name();
    let shown = || host.tlsa.lookup().map(evidence::validated);
    match &host.tlsa {
        TlsaView::NotAsked { .. } => {}
        TlsaView::LookupError { why, lookup, .. } => {
            let rule = match lookup.status {
                Status::Bogus { .. } => TLSA_BOGUS,
                _ => TLSA_LOOKUP_ERROR,
            };
            found.add(
                rule.found(
                    about(),
                    format!(
                        "the TLSA records of {} could not be looked up: {why}",
                        host.host
                    ),
                )
                .shown_by(shown()),
            );
        }
        TlsaView::Absent { .. } => found.add(
            TLSA_NONE
                .found(about(), format!("{} has no TLSA records", host.host))
                .shown_by(shown()),
        ),
        TlsaView::Insecure { .. } => found.add(
            TLSA_INSECURE
                .found(
                    about(),
                    format!("the TLSA records of {} are not signed", host.host),
                )
                .shown_by(shown()),
        ),
        TlsaView::Secure { records, ttl, .. } => {
            if *ttl > LONG_TTL {
                found.add(
                    TLSA_TTL
                        .found(
                            about(),
                            format!("the TLSA records of {} have a TTL of {ttl} s", host.host),
                        )
                        .shown_by(shown()),
                );
            }
            // Without any chain at all, only what cannot be used whatever comes is told.
            let alone = crate::dane::judge(records, &[], &[], host.at);
            for verdict in &alone.records {
                if let RecordResult::Unusable { why } = &verdict.result {
                    found.add(TLSA_UNUSABLE_RECORD.found(
                        about(),
                        format!("the record {} cannot be used: {why}", verdict.record),
                    ));
                }
            }
            if alone.outcome == Outcome::Unusable {
                found.add(
                    TLSA_UNUSABLE
                        .found(
                            about(),
                            format!("none of the TLSA records of {} can be used", host.host),
                        )
                        .shown_by(shown()),
                );
            }
            // Beside a sturdy record a brittle one does no harm.
            let sturdy = records.iter().any(|r| r.usage == 3 && r.selector == 1);
            let brittle = records
                .iter()
                .find(|r| r.usage == 2 || r.usage == 3 && r.selector == 0);
            if let Some(record) = brittle.filter(|_| !sturdy) {
                found.add(
                    TLSA_BRITTLE
                        .found(
                            about(),
                            format!(
                                "{} relies on a record of the form {} {} {}",
                                host.host, record.usage, record.selector, record.matching
                            ),
                        )
                        .shown_by(shown()),
                );
            }
        }
    }
}

/// How the conversations with one address went.
fn reached(host: &HostView, address: &AddressView, found: &mut Found) {
    let about = place(host, address);
    let name = &host.host;
    let at = address.address;
    let of =
        |finding: Finding, said: &str| finding.shown_by([evidence::probe(&address.probe, said)]);
    match &address.probe.result {
        ProbeResult::Ok { rcpt, .. } => match rcpt {
            Some(Recipient::Rejected { code, text }) => found.add(of(
                SMTP_REJECTS.found(
                    about,
                    format!("{name} at {at} refuses mail for the domain: {code} {text}"),
                ),
                text,
            )),
            Some(Recipient::Deferred { code, text }) => found.add(of(
                SMTP_DEFERS.found(
                    about,
                    format!("{name} at {at} puts mail for the domain off: {code} {text}"),
                ),
                text,
            )),
            Some(Recipient::Accepted) | None => {}
        },
        ProbeResult::NoStartTls { why } => found.add(of(
            SMTP_NO_STARTTLS.found(about, format!("{name} at {at} offers no STARTTLS: {why}")),
            why,
        )),
        ProbeResult::TlsFailed { why, .. } => found.add(of(
            SMTP_TLS_FAILED.found(
                about,
                format!("the TLS handshake with {name} at {at} fails: {why}"),
            ),
            why,
        )),
        ProbeResult::NothingInCommon { why } => found.add(of(
            SMTP_NOTHING_IN_COMMON.found(
                about,
                format!("what {name} at {at} shows over TLS could not be told: {why}"),
            ),
            why,
        )),
        ProbeResult::Unwilling { code, text } => {
            let said = match code {
                Some(code) => format!("{code} {text}"),
                None => text.clone(),
            };
            let finding = match code {
                Some(400..500) => Finding {
                    // Its certificate was not seen, and nobody knows whether it will be another time.
                    severity: Severity::CouldNotTell,
                    ..SMTP_DEFERS
                        .found(about, format!("{name} at {at} puts everything off: {said}"))
                },
                _ => SMTP_UNWILLING.found(about, format!("{name} at {at} takes no mail: {said}")),
            };
            found.add(of(finding, &said));
        }
        // Of a chain that was captured elsewhere there is no conversation to speak of.
        ProbeResult::NotProbed | ProbeResult::Given { .. } => {}
        ProbeResult::Refused => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: the connection was refused"),
            ),
            "refused",
        )),
        ProbeResult::Timeout { stage } => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: no answer in time ({stage})"),
            ),
            "no answer in time",
        )),
        ProbeResult::NoRoute { detail } => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: no path from this machine ({detail})"),
            ),
            detail,
        )),
    }
    for variant in &address.variants {
        let why = match &variant.probe.result {
            ProbeResult::Refused => "the connection was refused".to_owned(),
            ProbeResult::Timeout { stage } => format!("no answer in time ({stage})"),
            ProbeResult::NoRoute { detail } => format!("no path from this machine ({detail})"),
            ProbeResult::Unwilling { text, .. } => format!("it takes no mail: {text}"),
            _ => continue,
        };
        let how = how(&variant.probe);
        found.add(
            SMTP_UNREACHED
                .found(
                    place(host, address),
                    format!("what {name} at {at} shows{how} could not be told: {why}"),
                )
                .shown_by([evidence::probe(&variant.probe, why.as_str())]),
        );
    }
    if let ProbeResult::Ok { tls_version, .. } = &address.probe.result
        && tls_version != "TLSv1.3"
    {
        found.add(
            SMTP_TLS12
                .found(
                    place(host, address),
                    format!("{name} at {at} speaks {tls_version} at most"),
                )
                .shown_by([evidence::probe(&address.probe, tls_version.as_str())]),
        );
    }
    // Without SNI a server may have nothing to show, or something else.
    if address.needs_sni()
        && let Some(variant) = address.variants.iter().find(|v| {
            v.probe.sni.is_none() && matches!(v.probe.result, ProbeResult::TlsFailed { .. })
        })
    {
        found.add(
            SMTP_SNI
                .found(
                    place(host, address),
                    format!("{name} at {at} needs SNI: without it the handshake fails"),
                )
                .shown_by([evidence::probe(&variant.probe, "the handshake fails")]),
        );
    }
}

/// Every connection that led to a judgement.
fn judgements(address: &AddressView) -> impl Iterator<Item = (&Probe, &Judgement)> {
    let own = address.judgement.as_ref().map(|j| (&address.probe, j));
    let variants = address
        .variants
        .iter()
        .filter_map(|v| v.judgement.as_ref().map(|j| (&v.probe, j)));
    own.into_iter().chain(variants)
}

/// The chains of one address against the TLSA records.
fn judged(view: &DomainView, host: &HostView, address: &AddressView, found: &mut Found) {
    for (probe, judgement) in judgements(address) {
        match &judgement.outcome {
            Outcome::Mismatch => found.add(mismatch(host, address, probe, judgement)),
            Outcome::Authenticated { .. } => each_set(view, host, address, probe, found),
            Outcome::Unusable | Outcome::None => {}
        }
    }
}

/// Usage, selector and matching type.
fn form(record: &Tlsa) -> (u8, u8, u8) {
    (record.usage, record.selector, record.matching)
}

/// Each combination must fit this chain by itself: a sender may know only that one (RFC 7671, 8).
fn each_set(
    view: &DomainView,
    host: &HostView,
    address: &AddressView,
    probe: &Probe,
    found: &mut Found,
) {
    let chain: Vec<_> = probe.result.proven_chain().map_or_else(Vec::new, |chain| {
        chain.iter().map(Certificate::bytes).collect()
    });
    let names = reference_names(&view.route, &view.mx, &host.base);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let records = host.tlsa.secure_records();
    for set in parameter_sets(records, &chain, &names, probe.at) {
        if set.fits {
            continue;
        }
        found.add(
            TLSA_PARAMETER_SET
                .found(
                    place(host, address),
                    format!(
                        "no record of the form {} {} {} fits {} at {}{}, though others do",
                        set.usage,
                        set.selector,
                        set.matching,
                        host.host,
                        address.address,
                        how(probe)
                    ),
                )
                .shown_by([evidence::probe(probe, "authenticated by another record")]),
        );
    }
}

/// What each record did over all addresses and keys.
fn records(host: &HostView, found: &mut Found) {
    let verdicts: Vec<&RecordVerdict> = host
        .addresses
        .iter()
        .flat_map(judgements)
        .flat_map(|(_, judgement)| &judgement.records)
        .collect();
    let matched = |with: &dyn Fn(&Tlsa) -> bool| {
        verdicts.iter().any(|verdict| {
            matches!(verdict.result, RecordResult::Matches { .. }) && with(&verdict.record)
        })
    };
    for record in host.tlsa.secure_records() {
        if !matched(&|other| other == record) && matched(&|other| form(other) == form(record)) {
            found.add(TLSA_UNMATCHED.found(
                host.tlsa_name(),
                format!(
                    "the record {record} matches nothing that was seen; another of its kind does"
                ),
            ));
        }
    }
}

/// What was asked for, where it is not the ordinary thing.
fn how(probe: &Probe) -> &'static str {
    match (&probe.sni, probe.key) {
        (None, _) => " without SNI",
        (Some(_), crate::dane::KeyType::Rsa) => " with its RSA certificate",
        (Some(_), crate::dane::KeyType::Ecdsa) => " with its ECDSA certificate",
        (Some(_), crate::dane::KeyType::Any) => "",
    }
}

fn mismatch(
    host: &HostView,
    address: &AddressView,
    probe: &Probe,
    judgement: &Judgement,
) -> Finding {
    let how = how(probe);
    let reasons: Vec<String> = judgement
        .records
        .iter()
        .map(|verdict| match &verdict.result {
            RecordResult::Differs { why } | RecordResult::Unusable { why } => {
                format!("{}: {why}", verdict.record)
            }
            RecordResult::Superseded { by } => {
                format!("{}: matching type {by} counts instead", verdict.record)
            }
            RecordResult::Matches { .. } => format!("{}: matches", verdict.record),
        })
        .collect();
    TLSA_MISMATCH
        .found(
            place(host, address),
            format!(
                "{} at {}{how} matches none of its TLSA records",
                host.host, address.address
            ),
        )
        .shown_by([evidence::probe(probe, reasons.join("; "))])
}

/// The validity dates of what was sent.
fn dates(
    host: &HostView,
    address: &AddressView,
    dates_count: bool,
    now: Timestamp,
    found: &mut Found,
) {
    let Some(leaf) = address.probe.result.chain().and_then(|chain| chain.first()) else {
        return;
    };
    let Some(end) = leaf.not_after else { return };
    let by_issuer = host.tlsa.secure_records().iter().any(|r| r.usage == 2);
    let said = format!(
        "the certificate of {} at {} ends",
        host.host, address.address
    );
    let shown = [evidence::probe(
        &address.probe,
        format!("valid until {end}"),
    )];
    if end < now {
        found.add(
            CERTIFICATE_EXPIRED
                .found(
                    place(host, address),
                    format!(
                        "the certificate of {} at {} expired at {end}",
                        host.host, address.address
                    ),
                )
                .shown_by(shown),
        );
    } else if (by_issuer || dates_count) && end.duration_since(now) < ENDS_SOON {
        let days = Duration::try_from(end.duration_since(now))
            .unwrap_or_default()
            .as_secs()
            / 86_400;
        found.add(
            CERTIFICATE_ENDS
                .found(place(host, address), format!("{said} in {days} days"))
                .shown_by(shown),
        );
    }
}

/// `host at address`, as findings name it.
fn place(host: &HostView, address: &AddressView) -> String {
    format!("{} {}", host.host, address.address)
}
