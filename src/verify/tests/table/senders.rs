//! What kinds of senders make of it.

use super::super::scene::{
    address, agree, ends, host, no_records, other_key, publish, second_host, strange, timeout,
};
use super::{Row, row};
use crate::dns::Status;
use crate::finding::Severity::{Blocker, CouldNotTell, Warning};
use crate::verify::DomainView;

fn no_key_fits(view: &mut DomainView) {
    publish(host(view), &[strange(3, 1, 1)]);
    agree(view);
}

/// The second host has no records, so a sender that may choose it is not protected.
fn one_host_without(view: &mut DomainView) {
    second_host(view);
    no_records(&mut view.hosts[1].view, Status::Secure);
    agree(view);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("sender.loses-mail", Blocker, [1, 1], no_key_fits, |v| {
            other_key(v, 1)
        }),
        row(
            "sender.delayed",
            Warning,
            [1, 1],
            |v| other_key(v, 1),
            |v| ends(address(v), timeout()),
        ),
        row(
            "sender.unknown",
            CouldNotTell,
            [3, 3],
            |v| ends(address(v), timeout()),
            |v| other_key(v, 1),
        ),
        row(
            "sender.unprotected",
            Blocker,
            [1, 0],
            one_host_without,
            |v| {
                // No host protects anybody: that is said of the hosts.
                no_records(host(v), Status::Secure);
                agree(v);
            },
        ),
    ]
}
