//! One cause is one finding, and what is only not known is not said to be missing.

use super::super::scene::{
    agree, bogus, deep, fitting, host, implicit, insecure_host, mx, publish, rejudge, strange,
    tlsa, unknown, unsigned,
};
use super::zone::signed_with;
use super::{judged, safe, told};
use crate::dane::MtaStsView;
use crate::dns::{Answer, Status};
use crate::verify::{DomainView, Report, Verdict};

fn ids(report: &Report, id: &str) -> usize {
    report.findings.iter().filter(|f| f.id == id).count()
}

#[test]
fn a_server_whose_signatures_have_all_ended_is_one_finding() {
    for (status, id) in [(bogus(), "server.bogus"), (unknown(), "server.unproven")] {
        let mut view = safe();
        let sets = &mut deep(&mut view).verdicts;
        sets.iter_mut().for_each(|set| set.status = status.clone());
        let count = sets.len();
        assert!(count > 2, "DNSKEY, SOA, MX at least");
        let report = judged(&view);
        assert_eq!(ids(&report, id), 1, "{}", told(&report));
        let finding = report.findings.iter().find(|f| f.id == id).unwrap();
        assert_eq!(finding.evidence.len(), count, "{finding:?}");
        for set in &deep(&mut view).verdicts {
            let named = format!("{} of {}", set.kind, set.name);
            assert!(finding.what.contains(&named), "{named}: {finding:?}");
        }
    }
}

#[test]
fn a_policy_that_hides_behind_a_bogus_domain_is_no_second_cause() {
    let without_record = |view: &mut DomainView| {
        view.policy = MtaStsView::Unknown {
            record: None,
            why: "it is bogus".into(),
            at: view.at,
        };
    };
    for status in [bogus(), unknown()] {
        let mut view = safe();
        without_record(&mut view);
        mx(&mut view, status, Answer::Unknown);
        let report = judged(&view);
        assert_eq!(ids(&report, "mta-sts.unknown"), 0, "{}", told(&report));
        assert!(report.verdict > Verdict::Safe, "{}", told(&report));
    }
    // Where the MX is there, it is one.
    let mut view = safe();
    without_record(&mut view);
    let report = judged(&view);
    assert_eq!(ids(&report, "mta-sts.unknown"), 1, "{}", told(&report));
}

#[test]
fn a_host_in_a_zone_that_others_may_validate_is_not_called_unsigned() {
    let own_host = |view: &mut DomainView| {
        implicit(view);
        view.mx.status = Status::Insecure;
        insecure_host(host(view));
        agree(view);
    };
    let mut view = safe();
    own_host(&mut view);
    signed_with(&mut view, 16, 2);
    let report = judged(&view);
    assert_eq!(report.verdict, Verdict::CouldNotTell, "{}", told(&report));
    assert!(
        report.headline.contains("algorithm 16 (ED448)"),
        "{}",
        report.headline
    );
    let mut view = safe();
    own_host(&mut view);
    unsigned(&mut view, false);
    let report = judged(&view);
    assert_eq!(ids(&report, "host.insecure"), 1, "{}", told(&report));
    assert_eq!(report.verdict, Verdict::Forbidden, "{}", told(&report));
}

#[test]
fn one_ds_that_is_known_is_enough_to_judge_by() {
    // Then it is known here why the zone counts as unsigned, or it does not.
    for (algorithm, digest, known) in [
        (13, 2, true),
        (13, 5, false),
        (17, 2, false),
        (253, 2, false),
        (3, 2, true),
        (13, 3, true),
        (200, 2, true),
    ] {
        let mut view = safe();
        signed_with(&mut view, algorithm, digest);
        let report = judged(&view);
        assert_eq!(
            ids(&report, "dnssec.unknown-algorithm"),
            usize::from(!known),
            "{algorithm} {digest}: {}",
            told(&report)
        );
    }
}

#[test]
fn a_weaker_digest_that_nothing_fits_counts_though_a_stronger_one_stands_beside_it() {
    let mut view = safe();
    let leaf = view.hosts[0].view.addresses[0]
        .probe
        .result
        .chain()
        .unwrap()[0]
        .bytes();
    let stronger = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &leaf);
    let stronger = tlsa(3, 0, 2, &crate::dns::text::hex(stronger.as_ref()));
    let records = [fitting(&view), stronger, strange(3, 0, 1)];
    // All addresses show the one certificate.
    let chain = view.hosts[0].view.addresses[0].probe.result.clone();
    for address in &mut host(&mut view).addresses {
        address.probe.result = chain.clone();
        address.variants.clear();
    }
    publish(host(&mut view), &records);
    rejudge(host(&mut view));
    agree(&mut view);
    let report = judged(&view);
    let found = report
        .findings
        .iter()
        .find(|f| f.id == "tlsa.parameter-set");
    assert!(
        found.is_some_and(|f| f.what.contains("3 0 1")),
        "{}",
        told(&report)
    );
    assert_eq!(report.verdict, Verdict::Safe, "{}", told(&report));
}
