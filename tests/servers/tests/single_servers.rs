//! Each server starts, answers, and leaves no process behind.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use hickory_proto::rr::RecordType;
use rollout_servers::{ask, bind::Bind, pdns::PowerDns};

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
