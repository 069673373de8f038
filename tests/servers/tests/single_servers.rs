//! Each server starts, answers, and leaves no process behind.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Command, Stdio};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use rollout_servers::ask::{self, Ask};
use rollout_servers::bind::Bind;
use rollout_servers::crooked::{self, Fault};
use rollout_servers::knot::{Knot, KnotZone};
use rollout_servers::nsd::{self, Nsd};
use rollout_servers::pdns::PowerDns;
use rollout_servers::process::wait_for;
use rollout_servers::programs::available;
use rollout_servers::signer::{self, Signer, Signing};
use rollout_servers::unbound::{Options, Start, Unbound};
use rollout_servers::{ports, zone};

const RECORDS: &str = "@ MX 0 mail\nmail A 192.0.2.25\n";

/// Whether the process is alive; one that has ended and waits for its parent to notice is not.
fn runs(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
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

/// Set for the inner run of the test below.
const WAITS_TO_BE_KILLED: &str = "ROLLOUT_SERVERS_WAITS_TO_BE_KILLED";

#[test]
fn a_killed_test_leaves_no_server_behind() {
    if !Knot::available("a killed test leaves no server behind") {
        return;
    }
    if std::env::var_os(WAITS_TO_BE_KILLED).is_some() {
        let server = Knot::start(&[KnotZone::unsigned("one.test", RECORDS)], None).unwrap();
        println!("\nserver {}", server.pid());
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    // What is killed cannot tidy up: its folders go with this one.
    let folder = tempfile::tempdir().unwrap();
    let mut inner = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_killed_test_leaves_no_server_behind",
            "--nocapture",
        ])
        .env(WAITS_TO_BE_KILLED, "1")
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let pid: u32 = BufReader::new(inner.stdout.take().unwrap())
        .lines()
        .find_map(|line| line.unwrap().strip_prefix("server ")?.parse().ok())
        .unwrap();
    assert!(runs(pid));
    inner.kill().unwrap();
    inner.wait().unwrap();
    assert!(wait_for(|| !runs(pid)), "the server outlives its test");
}

/// What a resolver would get from `server` for a name that does not exist: response code, and how many records deny it.
fn denial(server: SocketAddr, name: &str, kind: RecordType) -> Option<(ResponseCode, usize)> {
    let ask = Ask {
        recursion: false,
        dnssec: true,
        timeout: Duration::from_millis(500),
        ..Ask::default()
    };
    let answer = ask.send(server, name, kind).ok()?;
    let denials = answer
        .authorities
        .iter()
        .filter(|record| record.record_type() == RecordType::NSEC)
        .count();
    Some((answer.metadata.response_code, denials))
}

#[test]
fn nsd_serves_what_was_signed_and_a_proxy_spoils_it() {
    let purpose = "NSD serves a signed zone, and a proxy spoils chosen answers";
    if !available(purpose, &nsd::PROGRAMS) || !available(purpose, &signer::PROGRAMS) {
        return;
    }
    let local = IpAddr::from([127, 0, 0, 1]);
    let at = |port: u16| SocketAddr::new(local, port);
    let zones: Vec<(String, String)> = ["one.test", "two.test", "three.test"]
        .iter()
        .map(|apex| {
            let plain = zone::file(apex, RECORDS, local);
            let signer = Signer::new(apex, Signing::default()).unwrap();
            ((*apex).to_owned(), signer.sign(&plain).unwrap().text)
        })
        .collect();
    let zones: Vec<(&str, &str)> = zones
        .iter()
        .map(|(apex, text)| (apex.as_str(), text.as_str()))
        .collect();
    let server = Nsd::start_at(&[at(ports::free(local).unwrap())], &zones).unwrap();
    let real = server.addresses[0];
    assert!(ask::serves_signed(real, "one.test"));

    let spoilt = at(ports::free(local).unwrap());
    let faults = [
        ("one.test", Fault::Code(ResponseCode::ServFail)),
        ("two.test", Fault::NoDenial),
        ("three.test", Fault::Silence),
    ];
    crooked::spoil(spoilt, real, RecordType::TLSA, &faults).unwrap();
    for apex in ["one.test", "two.test", "three.test"] {
        let name = format!("_25._tcp.{apex}");
        let honest = denial(real, &name, RecordType::TLSA).unwrap();
        assert!(
            honest.0 == ResponseCode::NXDomain && honest.1 > 0,
            "{honest:?}"
        );
        // Other types pass as they are.
        assert_eq!(denial(spoilt, &name, RecordType::A), Some(honest));
    }
    let at_tlsa = |apex: &str| denial(spoilt, &format!("_25._tcp.{apex}"), RecordType::TLSA);
    assert_eq!(at_tlsa("one.test"), Some((ResponseCode::ServFail, 0)));
    assert_eq!(at_tlsa("two.test"), Some((ResponseCode::NXDomain, 0)));
    assert_eq!(at_tlsa("three.test"), None);

    let pid = server.pid();
    assert!(runs(pid));
    drop(server);
    assert!(!runs(pid));
}
