use std::time::Duration;

use super::changes;
use crate::dns::Status;
use crate::verify::tests::scene::{
    address, agree, ends, host, judged, no_records, now, other_key, safe, timeout,
};
use crate::verify::{DomainView, Report};

fn report(change: impl FnOnce(&mut DomainView)) -> Report {
    let mut view = safe();
    change(&mut view);
    judged(&view)
}

/// The same look an hour later.
fn later(view: &mut DomainView) {
    let hour = Duration::from_secs(3600);
    view.at += hour;
    for answer in &mut view.vantages {
        answer.at += hour;
        answer.ttl = answer.ttl.map(|ttl| ttl.saturating_sub(1));
    }
    for host in &mut view.hosts {
        for address in &mut host.view.addresses {
            address.probe.at += hour;
            address.probe.took_ms += 5;
        }
    }
}

#[test]
fn times_alone_are_no_change() {
    let (before, after) = (report(|_| {}), report(later));
    assert_ne!(before, after);
    let none = changes(&before, &after);
    assert!(none.is_empty(), "{none:?}");
    assert!(none.page(&after).is_empty());
    assert!(none.objects(&after, 0).is_empty());
}

#[test]
fn what_came_and_what_went_is_told_with_the_verdict() {
    let good = report(|_| {});
    let bad = report(|view| other_key(view, 1));
    let there = changes(&good, &bad);
    let text = there.page(&bad).plain();
    assert!(
        text.contains("adatum.com not safe: mail does not arrive"),
        "{text}"
    );
    assert!(text.contains("+ not safe tlsa.mismatch: "), "{text}");
    assert!(
        text.contains(": authenticated before, mismatch now") || text.contains("): new: mismatch"),
        "{text}"
    );
    let objects = there.objects(&bad, 1);
    assert!(
        objects
            .iter()
            .any(|o| o["change"] == "came" && o["id"] == "tlsa.mismatch")
    );
    assert_eq!(objects.last().unwrap()["exit"], 1);
    assert!(
        objects
            .iter()
            .all(|o| o["domain"] == "adatum.com" && o["type"].is_string())
    );

    let back = changes(&bad, &good);
    let text = back.page(&good).plain();
    assert!(text.contains("adatum.com safe: mail arrives"), "{text}");
    assert!(text.contains("- over tlsa.mismatch: "), "{text}");
    let objects = back.objects(&good, 0);
    assert!(
        objects
            .iter()
            .any(|o| o["change"] == "went" && o["id"] == "tlsa.mismatch")
    );
}

#[test]
fn an_address_that_falls_silent_is_a_change_and_so_is_a_later_hour_of_not_yet() {
    let good = report(|_| {});
    let silent = report(|view| ends(address(view), timeout()));
    let text = changes(&good, &silent).page(&silent).plain();
    assert!(text.contains("smtp.unreached"), "{text}");
    // The verdict's time alone is none.
    let waits = |seconds: u64| {
        report(|view| {
            let at = now(view);
            let answer = &mut view.vantages[0];
            answer.records.clear();
            answer.verdict = crate::dns::VantageVerdict::NoData;
            answer.ttl = Some(30);
            answer.at = at + Duration::from_secs(seconds);
        })
    };
    assert!(changes(&waits(0), &waits(7)).is_empty());
}

#[test]
fn the_same_finding_about_another_host_is_another_one() {
    let one = report(|view| {
        no_records(host(view), Status::Secure);
        agree(view);
    });
    let mut other = one.clone();
    for finding in &mut other.findings {
        if finding.id == "tlsa.none" {
            finding.about = "_25._tcp.elsewhere.example".into();
        }
    }
    let there = changes(&one, &other);
    let kinds: Vec<_> = there.objects(&other, 1);
    let of = |kind: &str| kinds.iter().filter(|o| o["change"] == kind).count();
    assert_eq!((of("came"), of("went")), (1, 1), "{kinds:?}");
}
