//! What kinds of senders make of it.

use std::collections::BTreeMap;

use super::Found;
use crate::dane::TlsaView;
use crate::dane::sender::{Arrives, Delivery, Profile, Protection};
use crate::dns::Name;
use crate::verify::catalogue::{
    SENDER_DELAYED, SENDER_LOSES, SENDER_SLOPPY, SENDER_UNKNOWN, SENDER_UNPROTECTED,
};
use crate::verify::{DomainView, Extent, evidence};

/// What unsigned hosts say about TLSA to senders that ask them all the same, by host name.
pub(super) fn asked_anyway(view: &DomainView) -> BTreeMap<Name, TlsaView> {
    view.hosts
        .iter()
        .filter_map(|host| Some((host.view.host.clone(), host.anyway.clone()?)))
        .collect()
}

/// The hosts at which senders fail that ask where the RFC does not.
fn sloppy(view: &DomainView, found: &mut Found) {
    // Over an unsigned MX set they do not ask either.
    if !view.mx.status.is_secure() {
        return;
    }
    for host in &view.hosts {
        let unasked = matches!(host.view.tlsa, TlsaView::NotAsked { .. });
        if let Some(TlsaView::LookupError { name, why, lookup }) = &host.anyway
            && unasked
        {
            found.add(
                SENDER_SLOPPY
                    .found(
                        name.clone(),
                        format!(
                            "senders that ask {} for TLSA records though it is not signed may put mail off: {why}",
                            host.view.host
                        ),
                    )
                    .shown_by([evidence::validated(lookup)]),
            );
        }
    }
}

pub(super) fn judge(view: &DomainView, senders: &[Delivery], found: &mut Found) {
    let protected =
        |delivery: &Delivery| matches!(delivery.protection, Protection::Dane | Protection::MtaSts);
    let some_by_dane = senders.iter().any(|s| s.protection == Protection::Dane);
    sloppy(view, found);
    // Without hosts probed no sender's way can be followed to its end.
    if view.extent == Extent::DnsOnly {
        return;
    }
    // Where the MX itself is bogus or unknown, that is the cause for every sender, and was said.
    if view.mx.status.is_lookup_error() {
        return;
    }
    for delivery in senders {
        // Who insists on DANE gets no mail through to a domain that offers none: that is what it insists on.
        if delivery.profile == Profile::Mandatory && !some_by_dane {
            continue;
        }
        let name = delivery.profile.name();
        match delivery.arrives {
            Arrives::No => found.add(SENDER_LOSES.found(
                name,
                format!("mail from {name} senders does not arrive: {}", delivery.why),
            )),
            Arrives::Degraded => found.add(SENDER_DELAYED.found(
                name,
                format!("mail from {name} senders may be late: {}", delivery.why),
            )),
            Arrives::Yes
                if some_by_dane
                    && delivery.profile != Profile::StsOnly
                    && !protected(delivery)
                    && delivery.protection != Protection::CouldNotTell =>
            {
                found.add(SENDER_UNPROTECTED.found(
                    name,
                    format!(
                        "mail from {name} senders is not protected: {}",
                        delivery.why
                    ),
                ));
            }
            Arrives::CouldNotTell => found.add(SENDER_UNKNOWN.found(
                name,
                format!(
                    "whether mail from {name} senders arrives could not be told: {}",
                    delivery.why
                ),
            )),
            Arrives::Yes => {}
        }
    }
}
