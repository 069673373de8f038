//! Hosts and their TLSA records.

use super::super::scene::{
    agree, bogus, family, fitting, host, insecure_host, no_records, other_key, publish,
    second_host, strange, tlsa, unknown, unsigned_records, without_address,
};
use super::{Row, row};
use crate::dane::TlsaView;
use crate::dns::{Kind, Status, Tlsa};
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::DomainView;

/// The host publishes the record that fits, and these.
fn beside(view: &mut DomainView, others: &[Tlsa]) {
    let mut records = vec![fitting(view)];
    records.extend_from_slice(others);
    publish(host(view), &records);
    agree(view);
}

fn only(view: &mut DomainView, records: &[Tlsa]) {
    publish(host(view), records);
    agree(view);
}

/// The record for the whole certificate.
fn whole(view: &DomainView) -> Tlsa {
    let chain = view.hosts[0].view.addresses[0]
        .probe
        .result
        .chain()
        .unwrap();
    tlsa(3, 0, 1, &chain[0].sha256)
}

fn ttl(view: &mut DomainView, seconds: u32) {
    if let TlsaView::Secure { ttl, .. } = &mut host(view).tlsa {
        *ttl = seconds;
    }
}

fn lookup(view: &mut DomainView, status: Status) {
    no_records(host(view), status);
    agree(view);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row(
            "host.lookup-error",
            CouldNotTell,
            [3, 3],
            |v| family(v, Kind::Aaaa, unknown()),
            |v| family(v, Kind::Aaaa, bogus()),
        ),
        row(
            "host.bogus",
            Blocker,
            [1, 1],
            |v| family(v, Kind::A, bogus()),
            |v| family(v, Kind::A, unknown()),
        ),
        row(
            "host.insecure",
            Blocker,
            [1, 0],
            |v| {
                insecure_host(host(v));
                agree(v);
            },
            |v| {
                without_address(host(v));
                agree(v);
            },
        ),
        row(
            "tlsa.lookup-error",
            CouldNotTell,
            [3, 3],
            |v| lookup(v, unknown()),
            |v| lookup(v, bogus()),
        ),
        row(
            "tlsa.bogus",
            Blocker,
            [1, 1],
            |v| lookup(v, bogus()),
            |v| lookup(v, unknown()),
        ),
        row(
            "tlsa.none",
            Blocker,
            [1, 0],
            |v| lookup(v, Status::Secure),
            |v| lookup(v, unknown()),
        ),
        row(
            "tlsa.insecure",
            Blocker,
            [1, 0],
            |v| {
                unsigned_records(host(v));
                agree(v);
            },
            |v| lookup(v, Status::Secure),
        ),
        row(
            "tlsa.unusable",
            Blocker,
            [1, 0],
            |v| only(v, &[strange(1, 1, 1), strange(3, 1, 9)]),
            |v| beside(v, &[strange(1, 1, 1)]),
        ),
        row(
            "tlsa.unusable-record",
            Warning,
            [0, 0],
            |v| beside(v, &[tlsa(3, 1, 1, "abcd")]),
            |v| beside(v, &[strange(3, 1, 1)]),
        ),
        row(
            "tlsa.mismatch",
            Blocker,
            [1, 1],
            |v| only(v, &[strange(3, 1, 1)]),
            |v| beside(v, &[strange(3, 1, 1)]),
        ),
        row(
            "tlsa.parameter-set",
            Warning,
            [0, 0],
            |v| beside(v, &[strange(3, 0, 1)]),
            |v| {
                let whole = whole(v);
                beside(v, &[whole]);
            },
        ),
        row(
            "tlsa.unmatched",
            Note,
            [0, 0],
            |v| beside(v, &[strange(3, 1, 1)]),
            |v| beside(v, &[]),
        ),
        row(
            "tlsa.brittle",
            Warning,
            [0, 0],
            |v| {
                let whole = whole(v);
                only(v, &[whole]);
            },
            |v| {
                let whole = whole(v);
                beside(v, &[whole]);
            },
        ),
        row(
            "tlsa.ttl",
            Note,
            [0, 0],
            |v| ttl(v, 86_401),
            |v| ttl(v, 86_400),
        ),
    ]
}

#[test]
fn one_address_of_two_is_enough_for_a_mismatch() {
    let mut view = super::safe();
    other_key(&mut view, 1);
    let report = super::judged(&view);
    assert!(
        report.findings.iter().any(|f| f.id == "tlsa.mismatch"),
        "{}",
        super::told(&report)
    );
    assert_eq!(report.verdict, crate::verify::Verdict::Forbidden);
    let rows: Vec<_> = report.rows.iter().map(|row| row.outcome.as_str()).collect();
    assert!(
        rows.contains(&"mismatch") && rows.contains(&"authenticated"),
        "{rows:?}"
    );
}

#[test]
fn a_good_host_does_not_make_up_for_a_bad_one() {
    let mut view = super::safe();
    second_host(&mut view);
    assert_eq!(super::judged(&view).verdict, crate::verify::Verdict::Safe);
    no_records(&mut view.hosts[1].view, Status::Secure);
    agree(&mut view);
    assert_eq!(
        super::judged(&view).verdict,
        crate::verify::Verdict::Forbidden
    );
}
