//! MTA-STS over the hosts there are (RFC 8461).

use super::Found;
use crate::dane::mta_sts::coverage;
use crate::dane::{HostView, Mode, MtaStsView, Policy, WebPki};
use crate::verify::catalogue::{
    STS_CERTIFICATE, STS_INVALID, STS_NONE, STS_NONE_MODE, STS_NOT_COVERED,
    STS_NOT_COVERED_TESTING, STS_REMARK, STS_TESTING, STS_UNKNOWN, STS_WILDCARD,
};
use crate::verify::{DomainView, Extent, evidence};

pub(super) fn judge(view: &DomainView, found: &mut Found) {
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
            for host in &view.hosts {
                covered(&host.view, policy, found);
            }
            let hosts: Vec<_> = view.hosts.iter().map(|h| h.view.host.as_str()).collect();
            for pattern in coverage(policy, &hosts, None).traps {
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

/// Whether MTA-STS senders deliver to the host.
fn covered(host: &HostView, policy: &Policy, found: &mut Found) {
    let enforced = policy.mode == Mode::Enforce;
    if !policy.allows(&host.host) {
        let rule = if enforced {
            STS_NOT_COVERED
        } else {
            STS_NOT_COVERED_TESTING
        };
        found.add(rule.found(
            host.host.clone(),
            format!(
                "the MTA-STS policy does not name {} (it names {})",
                host.host,
                policy.patterns.join(", ")
            ),
        ));
    }
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
