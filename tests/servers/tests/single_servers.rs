//! Each server starts, answers, and leaves no process behind.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use hickory_proto::rr::RecordType;
use rollout_servers::ask::{self, Ask};
use rollout_servers::bind::Bind;
use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::pdns::PowerDns;
use rollout_servers::unbound::{Options, Start, Unbound};

const RECORDS: &str = "@ MX 0 mail\nmail A 192.0.2.25\n";

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn powerdns_answers_and_ends() {
    if !PowerDns::available("PowerDNS starts, answers and ends") {
        return;
    }
    let server = PowerDns::start(&[("one.test", RECORDS), ("two.test", RECORDS)]).unwrap();
    for apex in ["one.test", "two.test"] {
        assert_eq!(
            ask::authoritative(server.dns_addr, apex, RecordType::MX).len(),
            1
        );
    }
    let pid = server.pid();
    assert!(runs(pid));
    drop(server);
    assert!(!runs(pid));
}

#[test]
fn bind_answers_and_ends() {
    if !Bind::available("BIND starts, answers and ends") {
        return;
    }
    let server = Bind::start(&[("one.test", RECORDS), ("two.test", RECORDS)], None).unwrap();
    for apex in ["one.test", "two.test"] {
        assert_eq!(
            ask::authoritative(server.dns_addr, apex, RecordType::MX).len(),
            1
        );
    }
    let pid = server.pid();
    assert!(runs(pid));
    drop(server);
    assert!(!runs(pid));
}

#[test]
fn bind_takes_up_inline_signing_while_it_runs() {
    if !Bind::available("BIND takes up inline signing") {
        return;
    }
    let server = Bind::start(&[("one.test", RECORDS), ("two.test", RECORDS)], None).unwrap();
    assert!(!ask::serves_signed(server.dns_addr, "one.test"));
    server.sign("one.test").unwrap();
    assert!(ask::serves_signed(server.dns_addr, "one.test"));
    assert!(!ask::serves_signed(server.dns_addr, "two.test"));
    assert_eq!(
        ask::authoritative(server.dns_addr, "one.test", RecordType::MX).len(),
        1
    );
}

#[test]
fn knot_signs_answers_and_ends() {
    if !Knot::available("Knot starts, signs, answers and ends") {
        return;
    }
    let zones = [
        KnotZone::signed("one.test", RECORDS),
        KnotZone::unsigned("two.test", RECORDS),
    ];
    let server = Knot::start(&zones, None).unwrap();
    assert!(ask::serves_signed(server.dns_addr, "one.test"));
    assert!(!ask::serves_signed(server.dns_addr, "two.test"));
    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));
}

#[test]
fn unbound_validates_from_its_anchor_and_ends() {
    if !Unbound::available("Unbound validates") || !Knot::available("Unbound validates") {
        return;
    }
    let knot = Knot::start(&[KnotZone::signed("one.test", RECORDS)], None).unwrap();
    let anchor = ask::authoritative(knot.dns_addr, "one.test", RecordType::DNSKEY)
        .iter()
        .map(|key| format!("one.test. DNSKEY {key}"))
        .collect();
    let mut options = Options {
        listen: None,
        start: Start::Stubs(vec![("one.test".to_owned(), knot.dns_addr)]),
        trust_anchors: anchor,
        settings: Vec::new(),
    };
    let server = Unbound::start(&options).unwrap();
    let answer = Ask::default()
        .send(server.dns_addr, "one.test", RecordType::MX)
        .unwrap();
    assert!(
        answer.metadata.authentic_data,
        "not validated:\n{}",
        server.log()
    );

    options.trust_anchors.clear();
    let plain = Unbound::start(&options).unwrap();
    let answer = Ask::default()
        .send(plain.dns_addr, "one.test", RecordType::MX)
        .unwrap();
    assert!(!answer.metadata.authentic_data);

    let pid = server.pid();
    drop(server);
    assert!(!runs(pid));
}
