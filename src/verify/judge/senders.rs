//! What kinds of senders make of it.

use super::Found;
use crate::dane::sender::{Arrives, Delivery, Profile, Protection};
use crate::verify::catalogue::{SENDER_DELAYED, SENDER_LOSES, SENDER_UNKNOWN, SENDER_UNPROTECTED};
use crate::verify::{DomainView, Extent};

pub(super) fn judge(view: &DomainView, senders: &[Delivery], found: &mut Found) {
    let protected =
        |delivery: &Delivery| matches!(delivery.protection, Protection::Dane | Protection::MtaSts);
    let some_by_dane = senders.iter().any(|s| s.protection == Protection::Dane);
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
