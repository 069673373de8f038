//! Ordinary validation, as senders by MTA-STS do it.

use super::certificates::{Box, HOST};
use crate::dane::webpki::verify;
use crate::dane::{WebPki, WebRoots};

#[test]
fn by_roots_name_and_date() {
    let certificates = Box::new();
    let say = |chain: &str, root: &str, system: bool, host: &str, at: &str| {
        let roots = WebRoots {
            system,
            extra: certificates.chain(root),
        };
        let at = at.parse().expect("a time");
        match verify(&certificates.chain(chain), host, &roots, at) {
            WebPki::Valid => "valid",
            WebPki::Invalid { .. } => "invalid",
            WebPki::NotTold { .. } => "not told",
        }
    };
    let now = "2026-11-21T00:00:00Z";
    assert_eq!(say("leaf inter", "root", false, HOST, now), "valid");
    assert_eq!(
        say("leaf inter", "stranger root", false, HOST, now),
        "valid"
    );
    assert_eq!(say("leaf inter", "root", true, HOST, now), "valid");
    assert_eq!(say("leaf inter", "stranger", false, HOST, now), "invalid");
    assert_eq!(say("leaf", "root", false, HOST, now), "invalid");
    assert_eq!(say("", "root", false, HOST, now), "invalid");
    assert_eq!(
        say("leaf inter", "root", false, "other.test", now),
        "invalid"
    );
    // No common name, other than for DANE.
    assert_eq!(say("common", "root", false, HOST, now), "invalid");
    let late = "2041-01-01T00:00:00Z";
    assert_eq!(say("leaf inter", "root", false, HOST, late), "invalid");
    assert_eq!(say("leaf inter", "", false, HOST, now), "not told");
}
