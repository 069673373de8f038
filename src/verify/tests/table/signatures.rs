//! When a set ceases to validate, of which server, and which signature says so.

use std::time::Duration;

use super::super::scene::{deep, judged, now, safe, survey};
use crate::dns::survey::Signed;
use crate::verify::DomainView;

/// The signatures over the MX set, by every server.
fn over_mx(view: &mut DomainView, change: impl Fn(&mut Signed)) {
    for server in &mut survey(view).servers {
        let signed = server.signed.iter_mut();
        signed
            .filter(|signed| signed.kind == "MX")
            .for_each(&change);
    }
}

fn ids(view: &DomainView) -> Vec<String> {
    judged(view).findings.into_iter().map(|f| f.id).collect()
}

#[test]
fn an_ended_signature_does_not_hide_the_next_one_to_end() {
    let mut view = safe();
    let at = now(&view);
    let ends = at + Duration::from_secs(3600);
    let ended = at - Duration::from_secs(3600);
    let others = ["SOA", "NS"];
    for server in &mut survey(&mut view).servers {
        for signed in &mut server.signed {
            match signed.kind.as_str() {
                "MX" => signed.expires = ends,
                kind if others.contains(&kind) => signed.expires = ended,
                _ => {}
            }
        }
    }
    let report = judged(&view);
    let found = report
        .findings
        .iter()
        .find(|f| f.id == "dnssec.signature-ends");
    let found = found.unwrap_or_else(|| panic!("{}", super::told(&report)));
    assert!(found.what.contains("over MX of"), "{}", found.what);
}

#[test]
fn what_ends_last_counts_where_a_set_is_signed_anew() {
    let mut view = safe();
    let ends = now(&view) + Duration::from_secs(60);
    over_mx(&mut view, |signed| signed.expires = ends);
    for id in ["dnssec.signature-ends", "dnssec.ttl-outlives-signature"] {
        // A cache may hold it for longer than a minute.
        over_mx(&mut view, |signed| signed.ttl = 3600);
        assert!(ids(&view).contains(&id.to_owned()), "{id}");
    }
    for server in &mut survey(&mut view).servers {
        let mx = server.signed.iter().find(|s| s.kind == "MX").unwrap();
        let anew = Signed {
            expires: mx.expires + Duration::from_secs(30 * 86_400),
            ..mx.clone()
        };
        server.signed.push(anew);
    }
    for id in ["dnssec.signature-ends", "dnssec.ttl-outlives-signature"] {
        assert!(!ids(&view).contains(&id.to_owned()), "{id}");
    }
    // Of two algorithms each has to last (RFC 6840, 5.11).
    for server in &mut survey(&mut view).servers {
        server.signed.last_mut().unwrap().algorithm = 8;
    }
    assert!(ids(&view).contains(&"dnssec.signature-ends".to_owned()));
}

#[test]
fn every_signature_over_the_keys_counts() {
    let mut view = safe();
    let ends = now(&view) + Duration::from_secs(60);
    let server = deep(&mut view);
    let keys = server.signed.iter().find(|s| s.kind == "DNSKEY").unwrap();
    let other = Signed {
        expires: ends,
        key_tag: keys.key_tag.wrapping_add(1),
        ..keys.clone()
    };
    server.signed.push(other);
    assert!(ids(&view).contains(&"dnssec.signature-ends".to_owned()));
}
