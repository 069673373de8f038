//! What kinds of senders make of it.

use super::super::scene::{
    address, agree, ends, host, insecure_host, no_records, other_key, policy, publish, second_host,
    strange, timeout, tlsa, unknown,
};
use super::{Row, row};
use crate::dane::sender::{Arrives, Profile, Safety};
use crate::dane::{Certificate, Mode, ProbeResult, Recipient};
use crate::dns::Status;
use crate::finding::Severity::{Blocker, CouldNotTell, Note, Warning};
use crate::verify::{DomainView, Verdict};

fn no_key_fits(view: &mut DomainView) {
    publish(host(view), &[strange(3, 1, 1)]);
    agree(view);
}

/// The second host has no records, so a sender that may choose it is not protected.
fn one_host_without(view: &mut DomainView) {
    second_host(view);
    no_records(&mut view.hosts[1].view, Status::Secure);
    agree(view);
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        row("sender.loses-mail", Blocker, [1, 1], no_key_fits, |v| {
            other_key(v, 1)
        }),
        row(
            "sender.delayed",
            Warning,
            [1, 1],
            |v| other_key(v, 1),
            |v| ends(address(v), timeout()),
        ),
        row(
            "sender.unknown",
            CouldNotTell,
            [3, 3],
            |v| ends(address(v), timeout()),
            |v| other_key(v, 1),
        ),
        row(
            "sender.unprotected",
            Blocker,
            [1, 0],
            one_host_without,
            |v| {
                // No host protects anybody: that is said of the hosts.
                no_records(host(v), Status::Secure);
                agree(v);
            },
        ),
        row(
            "sender.sloppy",
            Note,
            [1, 0],
            |v| unsigned_host_says(v, unknown()),
            // It denies TLSA rightly.
            |v| unsigned_host_says(v, Status::Insecure),
        ),
    ]
}

/// The host is not signed, and a question for its TLSA records comes out like this.
fn unsigned_host_says(view: &mut DomainView, status: Status) {
    no_records(host(view), status);
    let answer = host(view).tlsa.clone();
    insecure_host(host(view));
    view.hosts[0].anyway = Some(answer);
    agree(view);
}

#[test]
fn a_sloppy_sender_is_shown_and_never_counted() {
    let mut view = super::safe();
    unsigned_host_says(&mut view, unknown());
    let report = super::judged(&view);
    assert_eq!(report.sloppy.profile, Profile::Sloppy);
    assert_eq!(report.sloppy.arrives, Arrives::CouldNotTell);
    assert!(report.senders.iter().all(|s| s.profile != Profile::Sloppy));
    assert!(
        report
            .senders
            .iter()
            .all(|s| s.arrives != Arrives::CouldNotTell)
    );
    // Over an unsigned MX set it does not ask, like anybody else.
    view.mx.status = Status::Insecure;
    agree(&mut view);
    let report = super::judged(&view);
    assert_eq!(report.sloppy.arrives, Arrives::Yes);
    assert!(report.findings.iter().all(|f| f.id != "sender.sloppy"));
}

#[test]
fn what_only_other_kinds_of_senders_miss_is_fragile_and_said_so() {
    let mut view = super::safe();
    policy(&mut view, Mode::Enforce, &["elsewhere.example"]);
    let report = super::judged(&view);
    let failing = vec![Profile::StsOnly];
    assert_eq!(report.safety, Safety::Fragile { failing });
    // The policy is at fault, so the headline blames no sender.
    assert!(
        report
            .headline
            .starts_with("mail does not arrive from every sender: "),
        "{}",
        report.headline
    );
    let mut view = super::safe();
    by_common_name(&mut view);
    let report = super::judged(&view);
    let failing = vec![Profile::WebPki];
    assert_eq!(
        report.safety,
        Safety::Fragile { failing },
        "{}",
        super::told(&report)
    );
    assert_eq!(report.verdict, Verdict::Forbidden);
    assert!(
        report
            .headline
            .starts_with("conformant but fragile: mail from webpki senders does not arrive"),
        "{}",
        report.headline
    );
}

/// An issuer's record, and a certificate with the host's name as its common name alone.
fn by_common_name(view: &mut DomainView) {
    let name = host(view).base.clone();
    let issuer = rcgen::KeyPair::generate().unwrap();
    let mut of_issuer = rcgen::CertificateParams::default();
    of_issuer.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    of_issuer
        .distinguished_name
        .push(rcgen::DnType::CommonName, "issuer");
    let root = of_issuer.self_signed(&issuer).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut own = rcgen::CertificateParams::default();
    own.distinguished_name
        .push(rcgen::DnType::CommonName, name.as_str());
    let leaf = own
        .signed_by(&key, &rcgen::Issuer::new(of_issuer, issuer))
        .unwrap();
    let chain = [Certificate::read(leaf.der()), Certificate::read(root.der())];
    let record = tlsa(2, 0, 1, &chain[1].sha256);
    for address in &mut host(view).addresses {
        address.variants.clear();
        if let ProbeResult::Ok { chain: shown, .. } = &mut address.probe.result {
            *shown = chain.to_vec().into();
        }
    }
    publish(host(view), &[record]);
    agree(view);
}

#[test]
fn mail_that_is_put_off_is_late_and_not_lost() {
    let mut view = super::safe();
    for address in &mut host(&mut view).addresses {
        if let ProbeResult::Ok { rcpt, .. } = &mut address.probe.result {
            let text = "greylisted".into();
            *rcpt = Some(Recipient::Deferred { code: 451, text });
        }
    }
    let report = super::judged(&view);
    let late = Profile::ALL.to_vec();
    assert_eq!(
        report.safety,
        Safety::Late { late },
        "{}",
        super::told(&report)
    );
    assert_eq!(report.verdict, Verdict::Safe);
    assert!(
        report.headline.contains("some of it late"),
        "{}",
        report.headline
    );
}
