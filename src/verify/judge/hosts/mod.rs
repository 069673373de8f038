//! Hosts, their TLSA records, and every address of them.

mod conversations;
mod matching;
mod names;

use jiff::Timestamp;

use super::Found;
use crate::dane::{AddressView, HostView, KeyType, Mode, MtaStsView, Probe, ProbeResult};
use crate::finding::Severity;
use crate::verify::catalogue::SMTP_NOT_PROBED;
use crate::verify::{DomainView, Extent};

pub(super) fn judge(view: &DomainView, now: Timestamp, found: &mut Found) {
    // An enforced policy makes dates and names count for every host.
    let dates_count =
        matches!(&view.policy, MtaStsView::Found { policy, .. } if policy.mode == Mode::Enforce);
    for host in &view.hosts {
        names::names(view, &host.view, found);
        names::tlsa(&host.view, found);
        matching::records(&host.view, found);
        for address in &host.view.addresses {
            conversations::reached(&host.view, address, found);
            matching::judged(view, &host.view, address, found);
            conversations::dates(&host.view, address, dates_count, now, found);
        }
        let unprobed = |address: &AddressView| address.probe.result == ProbeResult::NotProbed;
        if host.view.addresses.iter().any(unprobed) {
            let mut finding = SMTP_NOT_PROBED.found(
                host.view.host.clone(),
                format!("{} was not probed", host.view.host),
            );
            if view.extent == Extent::Full {
                // It was to be.
                finding.severity = Severity::CouldNotTell;
            }
            found.add(finding);
        }
    }
}

/// What was asked for, where it is not the ordinary thing.
fn how(probe: &Probe) -> &'static str {
    match (&probe.sni, probe.key) {
        (None, _) => " without SNI",
        (Some(_), KeyType::Rsa) => " with its RSA certificate",
        (Some(_), KeyType::Ecdsa) => " with its ECDSA certificate",
        (Some(_), KeyType::Any) => "",
    }
}

/// `host at address`, as findings name it.
fn place(host: &HostView, address: &AddressView) -> String {
    format!("{} {}", host.host, address.address)
}
