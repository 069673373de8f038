//! Postfix takes mail for the right domains on port 25, each host with its certificate.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rollout_servers::certificates::Authority;
use rollout_servers::namespace;
use rollout_servers::postfix::{MailHost, PROGRAMS, Postfix};
use rollout_servers::smtp::{Verdict, offer};

#[test]
fn hosts_take_mail_for_their_domains_and_end() {
    namespace::run_inside(
        "hosts_take_mail_for_their_domains_and_end",
        &PROGRAMS,
        || {
            let authority = Authority::new("Test authority");
            let host = |name: &str, address: [u8; 4], accepts: &[&str]| MailHost {
                name: name.to_owned(),
                addresses: vec![IpAddr::from(address)],
                certificate: authority.issue(&[name]),
                accepts: accepts.iter().map(|domain| (*domain).to_owned()).collect(),
                settings: Vec::new(),
            };
            let hosts = [
                host("old.test", [127, 25, 0, 1], &["one.test", "two.test"]),
                host("new.test", [127, 25, 0, 2], &[]),
            ];
            let postfix = Postfix::start(&hosts, 25).unwrap();
            let says = |address: [u8; 4], domain: &str| {
                let server = SocketAddr::from((address, 25));
                offer(server, &format!("a@{domain}"), Duration::from_secs(5))
            };
            assert_eq!(says([127, 25, 0, 1], "one.test"), Verdict::Accepted);
            assert!(matches!(
                says([127, 25, 0, 1], "three.test"),
                Verdict::Rejected(_)
            ));
            assert!(matches!(
                says([127, 25, 0, 2], "one.test"),
                Verdict::Rejected(_)
            ));
            assert!(matches!(
                says([127, 25, 0, 3], "one.test"),
                Verdict::TryAgain(_)
            ));

            postfix.accept("new.test", "one.test").unwrap();
            assert_eq!(says([127, 25, 0, 2], "one.test"), Verdict::Accepted);
            postfix.reject("old.test", "one.test").unwrap();
            assert!(matches!(
                says([127, 25, 0, 1], "one.test"),
                Verdict::Rejected(_)
            ));
            assert_eq!(says([127, 25, 0, 1], "two.test"), Verdict::Accepted);

            let pid = postfix.pid();
            drop(postfix);
            assert!(!Path::new(&format!("/proc/{pid}")).exists());
            assert_eq!(namespace::living_processes(), 1, "only this test is left");
        },
    );
}
