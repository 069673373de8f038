//! The record that asks senders for reports: added where there is none, and nothing else.

use super::*;
use crate::kernel::Host;
use crate::world::TxtRrset;

const RECORD: &str = "v=TLSRPTv1; rua=mailto:tls@contoso.com";

fn owner() -> Host {
    Host::new("_smtp._tls.contoso.com")
}

fn case(asked: Fact<bool>, provider: Fact<Option<TxtRrset>>) -> Case {
    let mut case = Case::new(&Start::default());
    case.setup.tls_reports = Some("mailto:tls@contoso.com".into());
    case.facts.tls_reports = asked;
    case.facts.texts.insert(owner(), provider);
    case
}

fn says(case: &Case, wanted: &str) {
    let Next::Done(how) = case.next(Goal::TlsRpt) else {
        panic!("{:?}", case.next(Goal::TlsRpt))
    };
    assert!(how.contains(wanted), "{wanted}: {how}");
}

#[test]
fn it_is_added_once_and_only_where_nothing_is() {
    let mut one = case(known(false), known(None));
    let wanted = Action::WriteTxt {
        name: owner(),
        before: None,
        after: Some(TxtRrset::of(RECORD, 3600)),
    };
    assert_eq!(acts(&one.next(Goal::TlsRpt)), &wanted);
    one.record(&wanted, &done());
    one.facts
        .texts
        .insert(owner(), known(Some(TxtRrset::of(RECORD, 3600))));
    says(&one, "the DNS provider has TXT _smtp._tls.contoso.com");
    // A record of any kind stays.
    let theirs = TxtRrset::of("v=TLSRPTv1; rua=mailto:theirs@example.com", 60);
    says(
        &case(known(false), known(Some(theirs))),
        "theirs@example.com",
    );
    says(&case(known(true), known(None)), "already");
    let mut nobody = case(known(false), known(None));
    nobody.setup.tls_reports = None;
    says(&nobody, "nobody to report to");
}

#[test]
fn what_could_not_be_told_writes_nothing_and_holds_nothing_up() {
    for case in [
        case(could_not_tell(), known(None)),
        case(known(false), could_not_tell()),
    ] {
        says(
            &case,
            "To ask senders for reports, publish _smtp._tls.contoso.com. 3600 IN TXT",
        );
    }
    let mut by_hand = case(known(false), known(None));
    if let Fact::Known { value, .. } = &mut by_hand.facts.provider {
        value.manual = true;
    }
    says(&by_hand, RECORD);
}

#[test]
fn s6_an_answer_that_never_came_is_not_sent_again_blindly() {
    let mut case = case(known(false), known(None));
    let action = acts(&case.next(Goal::TlsRpt)).clone();
    case.record(&action, &lost_answer());
    waits_naming(
        &case.next(Goal::TlsRpt),
        WaitFor::Service,
        &["not repeated"],
    );
    case.now = at(500);
    case.facts.texts.insert(
        owner(),
        Fact::Known {
            value: None,
            at: at(500),
        },
    );
    assert_eq!(acts(&case.next(Goal::TlsRpt)), &action);
}
