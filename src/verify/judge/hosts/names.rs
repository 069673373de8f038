//! What the DNS says of a host: its addresses and its TLSA records.

use super::Found;
use crate::dane::{HostView, Outcome, RecordResult, TlsaView};
use crate::dns::Status;
use crate::finding::Finding;
use crate::verify::catalogue::{
    HOST_BOGUS, HOST_INSECURE, HOST_LOOKUP_ERROR, TLSA_BOGUS, TLSA_BRITTLE, TLSA_INSECURE,
    TLSA_LOOKUP_ERROR, TLSA_NONE, TLSA_TTL, TLSA_UNUSABLE, TLSA_UNUSABLE_RECORD,
};
use crate::verify::judge::zone;
use crate::verify::{DomainView, evidence};

/// A day: longer than anybody wants to wait for an accident to be mended.
const LONG_TTL: u32 = 86_400;

/// The host's addresses in the DNS.
pub(super) fn names(view: &DomainView, host: &HostView, found: &mut Found) {
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
        .is_ok_and(|survey| zone::hides_what_is_signed(survey, &host.base));
    let unasked = matches!(host.tlsa, TlsaView::NotAsked { .. });
    if addressed && host.security.is_insecure() && unasked && !hidden {
        found.add(of(HOST_INSECURE.found(
            host.host.clone(),
            format!("the addresses of {} are not signed", host.host),
        )));
    }
}

/// The host's TLSA records in the DNS.
pub(super) fn tlsa(host: &HostView, found: &mut Found) {
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
