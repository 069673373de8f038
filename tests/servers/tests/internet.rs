//! The composed internet, walked by hand: customers become secure, judges see it, and a sender never stops.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rollout_servers::internet::microsoft::{NEW_ZONE, SHARED_TLSA};
use rollout_servers::internet::{Customer, DnsHost, Internet, SMTP_PORT};
use rollout_servers::judge::{self, Delv, Finger, Match};
use rollout_servers::namespace::{is_possible, living_processes, run_inside};
use rollout_servers::sender::Poller;
use rollout_servers::update::update;

/// Time for every cache to forget: TTLs are 5 s.
const ALL_CACHES: Duration = Duration::from_secs(6);

fn internet() -> Internet {
    Internet::start(&[
        Customer::new("contoso.com", DnsHost::PowerDns),
        Customer::new("fabrikam.com", DnsHost::Bind),
    ])
    .unwrap()
}

fn delv(internet: &Internet, name: &str, kind: &str) -> Delv {
    let resolver = internet.resolvers[0].dns_addr;
    judge::delv(resolver, &internet.bind_anchor_file(), name, kind).unwrap()
}

fn finger(internet: &Internet, destination: &str) -> Finger {
    judge::posttls_finger(&internet.postfix.configuration(), destination).unwrap()
}

/// Waits, as an administrator would, until `delv` says that the MX is secure.
fn becomes_secure(internet: &Internet, domain: &str) {
    let begun = Instant::now();
    loop {
        let verdict = delv(internet, domain, "MX");
        if matches!(verdict, Delv::FullyValidated(_)) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{domain} is not secure: {verdict:?}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// One call of PowerDNS's API, without a library of anybody's.
fn call_powerdns(internet: &Internet, method: &str, path: &str, body: &str) {
    let host = internet.powerdns.api_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host.parse::<SocketAddr>().unwrap()).unwrap();
    write!(
        stream,
        "{method} /api/v1/servers/localhost/{path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        internet.powerdns.api_key,
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
}

#[test]
fn customers_start_unsigned_below_signed_parents() {
    run_inside(
        "customers_start_unsigned_below_signed_parents",
        Internet::PROGRAMS,
        || {
            let internet = internet();
            for domain in ["contoso.com", "fabrikam.com"] {
                assert_eq!(delv(&internet, domain, "MX"), Delv::Unsigned);
                assert_eq!(delv(&internet, domain, "DS"), Delv::DenialValidated);
                let legacy = Internet::legacy_mx(domain);
                assert_eq!(delv(&internet, &legacy, "A"), Delv::Unsigned);
                assert!(matches!(finger(&internet, domain), Finger::Untrusted(_)));
            }
            let new = Internet::new_mx("contoso.com");
            assert_eq!(delv(&internet, &new, "A"), Delv::DenialValidated);
            for zone in ["", "com", "microsoft", "mx.microsoft", NEW_ZONE] {
                let verdict = delv(&internet, &format!("{zone}."), "SOA");
                assert!(
                    matches!(verdict, Delv::FullyValidated(_)),
                    "{zone}: {verdict:?}"
                );
            }
            drop(internet);
            assert_eq!(living_processes(), 1, "only this test is left");
        },
    );
}

#[test]
fn a_customer_on_bind_moves_while_mail_flows() {
    run_inside(
        "a_customer_on_bind_moves_while_mail_flows",
        Internet::PROGRAMS,
        || {
            let internet = internet();
            let sender = Poller::start(
                internet.resolvers[1].dns_addr,
                "fabrikam.com",
                SMTP_PORT,
                Duration::from_millis(50),
            );
            let bind = &internet.bind;
            bind.sign("fabrikam.com").unwrap();
            std::thread::sleep(ALL_CACHES);
            let ds = internet.ds_of("fabrikam.com").unwrap();
            internet.publish_ds("fabrikam.com", &ds).unwrap();
            assert_eq!(internet.ds_at_parent("fabrikam.com").len(), 1);
            becomes_secure(&internet, "fabrikam.com");

            let new = internet.new_mx_appears("fabrikam.com").unwrap();
            let old = Internet::legacy_mx("fabrikam.com");
            let change = |changes: &[String]| {
                update(bind.dns_addr, bind.key(), "fabrikam.com", changes).unwrap();
                std::thread::sleep(ALL_CACHES);
            };
            change(&[format!("add fabrikam.com. 5 MX 20 {new}.")]);
            change(&[
                "delete fabrikam.com. MX".to_owned(),
                format!("add fabrikam.com. 5 MX 0 {new}."),
                format!("add fabrikam.com. 5 MX 30 {old}."),
            ]);
            change(&[format!("delete fabrikam.com. MX 30 {old}.")]);
            let unprotected = finger(&internet, "fabrikam.com");
            assert!(
                matches!(unprotected, Finger::Untrusted(_)),
                "{unprotected:?}"
            );
            internet.tlsa_appears("fabrikam.com").unwrap();
            std::thread::sleep(Duration::from_secs(3));

            let report = sender.stop();
            assert!(report.always_worked(), "{report:?}\n{}", bind.log());
            assert!(report.longest_gap < Duration::from_secs(2), "{report:?}");
            let hosts: Vec<&str> = report.hosts.iter().map(|(_, host)| host.as_str()).collect();
            assert_eq!(hosts, [format!("{old}."), format!("{new}.")]);

            let verdict = finger(&internet, "fabrikam.com");
            assert!(matches!(verdict, Finger::Verified(_)), "{verdict:?}");
            let alias = format!("_25._tcp.{new}");
            let verdict = delv(&internet, &alias, "TLSA");
            assert!(
                matches!(&verdict, Delv::FullyValidated(found) if found.len() == 3),
                "{verdict:?}"
            );
        },
    );
}

#[test]
fn a_customer_on_powerdns_becomes_secure_through_its_api() {
    run_inside(
        "a_customer_on_powerdns_becomes_secure_through_its_api",
        Internet::PROGRAMS,
        || {
            let internet = internet();
            call_powerdns(
                &internet,
                "PUT",
                "zones/contoso.com.",
                r#"{"dnssec":true,"api_rectify":true}"#,
            );
            std::thread::sleep(ALL_CACHES);
            let ds = internet.ds_of("contoso.com").unwrap();
            internet.publish_ds("contoso.com", &ds).unwrap();
            becomes_secure(&internet, "contoso.com");
            assert_eq!(delv(&internet, "fabrikam.com", "MX"), Delv::Unsigned);
        },
    );
}

#[test]
fn judges_see_what_is_wrong() {
    run_inside("judges_see_what_is_wrong", Internet::PROGRAMS, || {
        let internet = internet();
        let new = internet.new_mx_appears("contoso.com").unwrap();
        internet.tlsa_appears("contoso.com").unwrap();
        let chain = internet.folder().join("chain.pem");
        std::fs::write(&chain, &internet.new_certificate.chain_pem).unwrap();
        let ldns_dane =
            || judge::ldns_dane(&internet.anchor_file(), &chain, &new, SMTP_PORT).unwrap();
        let danetool = || judge::danetool(&new, SMTP_PORT).unwrap();
        let host = format!("[{new}]");
        let verdict = finger(&internet, &host);
        assert!(matches!(verdict, Finger::Verified(_)), "{verdict:?}");
        assert_eq!(danetool(), Match::Yes);
        assert_eq!(ldns_dane(), Match::Yes);

        // Only the record that fits no certificate is left.
        let right = &internet.new_certificate.tlsa_3_1_1;
        internet
            .remove_record("mx.microsoft", &format!("{SHARED_TLSA}. TLSA {right}"))
            .unwrap();
        std::thread::sleep(ALL_CACHES);
        let verdict = finger(&internet, &host);
        assert!(!matches!(verdict, Finger::Verified(_)), "{verdict:?}");
        assert!(matches!(danetool(), Match::No(_)), "{:?}", danetool());
        assert!(matches!(ldns_dane(), Match::No(_)), "{:?}", ldns_dane());

        // A DS that fits no key makes the whole domain bogus.
        internet.bind.sign("fabrikam.com").unwrap();
        let wrong = format!("12345 13 2 {}", "00".repeat(32));
        internet.publish_ds("fabrikam.com", &[wrong]).unwrap();
        std::thread::sleep(ALL_CACHES);
        let verdict = delv(&internet, "fabrikam.com", "MX");
        assert!(matches!(verdict, Delv::Bogus(_)), "{verdict:?}");
    });
}

#[test]
fn a_sender_notices_a_host_that_returns_mail_and_one_that_is_gone() {
    run_inside(
        "a_sender_notices_a_host_that_returns_mail_and_one_that_is_gone",
        Internet::PROGRAMS,
        || {
            let internet = internet();
            let start = |domain: &str| {
                let resolver = internet.resolvers[0].dns_addr;
                Poller::start(resolver, domain, SMTP_PORT, Duration::from_millis(50))
            };
            let (returned, unresolved) = (start("contoso.com"), start("fabrikam.com"));
            std::thread::sleep(Duration::from_secs(1));
            let legacy = rollout_servers::internet::microsoft::LEGACY_HOST;
            internet.postfix.reject(legacy, "contoso.com").unwrap();
            update(
                internet.bind.dns_addr,
                internet.bind.key(),
                "fabrikam.com",
                &["delete fabrikam.com. MX".to_owned()],
            )
            .unwrap();
            std::thread::sleep(ALL_CACHES + Duration::from_secs(1));
            let report = returned.stop();
            assert!(
                report.accepted > 0 && !report.bounces.is_empty(),
                "{report:?}"
            );
            assert!(!report.always_worked());
            let report = unresolved.stop();
            assert!(
                report.accepted > 0 && !report.failures.is_empty(),
                "{report:?}"
            );
            assert!(report.longest_gap > Duration::from_secs(1), "{report:?}");
        },
    );
}

#[test]
#[should_panic(expected = "nothing was run")]
fn a_misspelt_test_is_noticed() {
    if !is_possible() {
        panic!("left out: nothing was run");
    }
    run_inside("no_such_test", &[], || {});
}
