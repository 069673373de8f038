//! MTA-STS over the hosts there are (RFC 8461).

use super::Found;
use crate::dane::{Coverage, HostView, Mode, MtaStsView, Policy, StsRecord, WebPki, coverage};
use crate::verify::catalogue::{
    STS_CERTIFICATE, STS_INVALID, STS_NONE, STS_NONE_MODE, STS_NOT_COVERED,
    STS_NOT_COVERED_TESTING, STS_REMARK, STS_TESTING, STS_UNKNOWN, STS_WILDCARD,
};
use crate::verify::{DomainView, Extent, evidence};

pub(super) fn judge(view: &DomainView, found: &mut Found) {
    // Of the record too where there is no policy: senders that pass over the record do not look for one.
    let record = view.policy.record().map(StsRecord::remarks);
    for remark in record.into_iter().flatten() {
        found.add(STS_REMARK.found(format!("_mta-sts.{}", view.domain), remark.to_string()));
    }
    match &view.policy {
        MtaStsView::None { lookup } => found.add(
            STS_NONE
                .found("", format!("{} has no MTA-STS policy", view.domain))
                .shown_by([evidence::validated(lookup)]),
        ),
        MtaStsView::Invalid { why, .. } => {
            found.add(STS_INVALID.found("", format!("MTA-STS cannot be used: {why}")));
        }
        // Asked for DNS alone, nobody went to fetch it.
        MtaStsView::Unknown {
            record: Some(_), ..
        } if view.extent == Extent::DnsOnly => {}
        // Where not even the MX could be looked up, the same trouble once more is no news.
        MtaStsView::Unknown { record: None, .. } if view.mx.status.is_lookup_error() => {}
        MtaStsView::Unknown { why, .. } => {
            found.add(STS_UNKNOWN.found("", format!("MTA-STS could not be told: {why}")));
        }
        MtaStsView::Found { policy, .. } => {
            match policy.mode {
                Mode::Enforce => {}
                Mode::Testing => {
                    found.add(STS_TESTING.found("", "the MTA-STS policy is in testing mode"));
                }
                Mode::None => {
                    found.add(STS_NONE_MODE.found("", "the MTA-STS policy is in mode none"));
                    return;
                }
            }
            let hosts: Vec<_> = view.hosts.iter().map(|h| h.view.host.as_str()).collect();
            let coverage = coverage(policy, &hosts, None);
            uncovered(policy, &coverage, found);
            for host in &view.hosts {
                certificates(&host.view, policy.mode, found);
            }
            for pattern in coverage.traps {
                found.add(STS_WILDCARD.found(
                    pattern.clone(),
                    format!(
                        "the policy names {pattern}, which covers no host of the form name.x-v1.mx.microsoft"
                    ),
                ));
            }
            for remark in policy.remarks() {
                found.add(STS_REMARK.found("", remark.to_string()));
            }
        }
    }
}

/// The hosts to which MTA-STS senders do not deliver for want of a line in the policy, and the lines that it takes.
fn uncovered(policy: &Policy, coverage: &Coverage, found: &mut Found) {
    let rule = if coverage.mode == Mode::Enforce {
        STS_NOT_COVERED
    } else {
        STS_NOT_COVERED_TESTING
    };
    let lines: Vec<String> = coverage
        .publish
        .iter()
        .map(|pattern| format!("mx: {pattern}"))
        .collect();
    for host in coverage.uncovered() {
        found.add(rule.found(
            host.clone(),
            format!(
                "the MTA-STS policy does not name {host} (it names {}); it would with the lines {}",
                policy.patterns.join(", "),
                lines.join(", ")
            ),
        ));
    }
}

/// Whether MTA-STS senders take the certificates of the host.
fn certificates(host: &HostView, mode: Mode, found: &mut Found) {
    let enforced = mode == Mode::Enforce;
    for address in &host.addresses {
        // Where no certificate came, the findings about the conversation say so.
        if let WebPki::NotTold { why } = &address.webpki
            && enforced
            && address.probe.result.chain().is_some()
        {
            found.add(
                STS_UNKNOWN
                    .found(
                        format!("{} {}", host.host, address.address),
                        format!(
                            "whether MTA-STS senders take the certificate of {} at {} could not be told: {why}",
                            host.host, address.address
                        ),
                    )
                    .shown_by([evidence::probe(&address.probe, why.as_str())]),
            );
        }
        if let WebPki::Invalid { why } = &address.webpki {
            let mut finding = STS_CERTIFICATE.found(
                format!("{} {}", host.host, address.address),
                format!(
                    "MTA-STS senders refuse the certificate of {} at {}: {why}",
                    host.host, address.address
                ),
            );
            if !enforced {
                finding.severity = crate::finding::Severity::Warning;
            }
            found.add(finding.shown_by([evidence::probe(&address.probe, why.as_str())]));
        }
    }
}
