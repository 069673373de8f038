//! Several things at once, and what is said of the whole.

use super::scene::{
    address, agree, bogus, dns_only, ends, family, host, implicit, judged, mx, mx_record,
    no_records, no_such_domain, now, other_key, policy, safe, second, second_host, server, silent,
    survey, timeout, unknown, unsigned, vantage,
};
use super::table::{Change, told};
use crate::cli::Exit;
use crate::dane::{Mode, ProbeResult};
use crate::dns::{Answer, Failure, Kind, Status, VantageVerdict};
use crate::finding::Severity;
use crate::verify::catalogue::{self, Concern};
use crate::verify::{DomainView, Extent, Report, Verdict, Wish, judge};

/// That mail arrives may be said only where every address of every host answered, and nothing else is open.
pub(super) fn is_truthful(report: &Report) -> bool {
    let view = &report.view;
    if !report.headline.contains("mail arrives") {
        return true;
    }
    let answered = |result: &ProbeResult| {
        !matches!(
            result,
            ProbeResult::NotProbed
                | ProbeResult::Refused
                | ProbeResult::Timeout { .. }
                | ProbeResult::NoRoute { .. }
        )
    };
    let mut addresses = view.hosts.iter().flat_map(|host| &host.view.addresses);
    let open = report.findings.iter().any(|finding| {
        finding.severity >= Severity::CouldNotTell
            && catalogue::rule(&finding.id).is_some_and(|rule| rule.concern == Concern::Arrival)
    });
    view.extent == Extent::Full
        && !view.hosts.is_empty()
        && addresses.all(|address| answered(&address.probe.result))
        && !open
}

struct Case {
    name: &'static str,
    change: Change,
    /// For DANE, and for delivery.
    exits: [u8; 2],
    /// How the answer for DANE begins.
    says: &'static str,
}

const fn case(name: &'static str, exits: [u8; 2], says: &'static str, change: Change) -> Case {
    Case {
        name,
        change,
        exits,
        says,
    }
}

fn old_mx(view: &mut DomainView) {
    let at = now(view);
    let answer = vantage(view, Kind::Mx);
    answer.records = vec![mx_record(7, "old.example")];
    answer.ttl = Some(30);
    answer.at = at;
}

fn cases() -> Vec<Case> {
    vec![
        case(
            "nothing",
            [0, 0],
            "mail arrives from every sender, protected by DANE where the sender uses it",
            |_| {},
        ),
        case(
            "one of two addresses shows another key",
            [1, 1],
            "mail does not arrive from every sender",
            |v| other_key(v, 1),
        ),
        case(
            "one address shows another key, the other one is not reached",
            [1, 1],
            "mail does not arrive from every sender",
            |v| {
                other_key(v, 0);
                ends(address(v), timeout());
            },
        ),
        case("AAAA fails, A is good", [3, 3], "AAAA of ", |v| {
            family(v, Kind::Aaaa, unknown())
        }),
        case(
            "no such domain",
            [1, 1],
            "mail does not arrive: ",
            no_such_domain,
        ),
        case("null MX", [1, 1], "mail does not arrive: ", |v| {
            v.hosts.clear();
            mx(v, Status::Secure, Answer::Records(vec![mx_record(0, "")]));
        }),
        case("implicit MX", [0, 0], "mail arrives", implicit),
        case(
            "a stale server",
            [1, 1],
            "mail does not arrive from every sender",
            |v| {
                server(v).mx.records = vec![mx_record(7, "old.example")];
                server(v).soa.soa.as_mut().unwrap().serial -= 1;
            },
        ),
        case("a dead server", [3, 3], "", |v| silent(v, 0)),
        case("every server dead", [3, 3], "", |v| {
            silent(v, 0);
            silent(v, 1);
        }),
        case("two engines, two verdicts", [3, 3], "", |v| {
            second(v, Kind::Tlsa).status = Status::Insecure;
        }),
        case("a resolver takes it for bogus", [3, 3], "", |v| {
            vantage(v, Kind::Tlsa).verdict = VantageVerdict::Bogus { explained: None };
        }),
        case(
            "a resolver is behind",
            [4, 4],
            "right, but some caches may hold",
            old_mx,
        ),
        case("a resolver is behind, another one dead", [3, 3], "", |v| {
            old_mx(v);
            v.vantages.last_mut().unwrap().verdict = VantageVerdict::Failed(Failure::Timeout);
        }),
        case(
            "a resolver is behind, and the domain unsigned",
            [1, 4],
            "mail arrives, but",
            |v| {
                unsigned(v, false);
                old_mx(v);
            },
        ),
        case(
            "an enforced policy names no host",
            [1, 1],
            "mail does not arrive",
            |v| {
                policy(v, Mode::Enforce, &["old.example"]);
            },
        ),
        case(
            "an enforced policy names one host of two",
            [1, 1],
            "mail does not arrive",
            |v| {
                second_host(v);
                let first = host(v).host.clone();
                policy(v, Mode::Enforce, &[&first]);
            },
        ),
        case(
            "a policy in testing names no host",
            [0, 0],
            "mail arrives",
            |v| {
                policy(v, Mode::Testing, &["old.example"]);
            },
        ),
        case(
            "a policy of mode none names no host",
            [0, 0],
            "mail arrives",
            |v| {
                policy(v, Mode::None, &["old.example"]);
            },
        ),
        case(
            "not signed",
            [1, 0],
            "mail arrives, but is not protected by DANE",
            |v| {
                unsigned(v, false);
            },
        ),
        case(
            "not signed, and an address not reached",
            [1, 3],
            "mail is not protected by DANE, and whether it arrives could not be told",
            |v| {
                unsigned(v, false);
                ends(address(v), timeout());
            },
        ),
        case(
            "no TLSA, and a server dead",
            [1, 3],
            "mail is not protected by DANE, and whether",
            |v| {
                no_records(host(v), Status::Secure);
                agree(v);
                silent(v, 1);
            },
        ),
        case(
            "not signed, and an address puts off",
            [1, 3],
            "mail is not protected by DANE, and whether it arrives could not be told",
            |v| {
                unsigned(v, false);
                let off = ProbeResult::Unwilling {
                    code: Some(450),
                    text: "later".into(),
                };
                ends(address(v), off);
            },
        ),
        case(
            "bogus at one server, MX unknown",
            [1, 1],
            "mail does not arrive",
            |v| {
                survey(v).servers[0].verdicts[0].status = bogus();
                mx(v, unknown(), Answer::Unknown);
            },
        ),
        case(
            "the DNS alone",
            [0, 0],
            "the DNS is right for mail protected by DANE",
            dns_only,
        ),
        case(
            "the DNS alone, not signed",
            [1, 0],
            "mail is not protected by DANE (no host was",
            |v| {
                unsigned(v, false);
                dns_only(v);
            },
        ),
        case(
            "the DNS alone, a resolver behind",
            [4, 4],
            "right, but some caches",
            |v| {
                dns_only(v);
                old_mx(v);
            },
        ),
        case(
            "the DNS alone, MX bogus",
            [1, 1],
            "mail does not arrive",
            |v| {
                mx(v, bogus(), Answer::Unknown);
                dns_only(v);
            },
        ),
    ]
}

#[test]
fn what_several_things_come_to() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut view = safe();
        (case.change)(&mut view);
        for (wish, exit) in [(Wish::Dane, case.exits[0]), (Wish::Delivery, case.exits[1])] {
            let report = judge(view.clone(), wish, now(&view));
            let code = Exit::of_verdict(report.verdict).code();
            let begins = wish == Wish::Delivery || report.headline.starts_with(case.says);
            if code != exit || !begins || !is_truthful(&report) {
                wrong.push(format!(
                    "{} for {wish:?}, exit {code}: {}",
                    case.name,
                    told(&report)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn asked_for_delivery_only_what_is_about_protection_weighs_less() {
    for row in super::table::rows() {
        let mut view = safe();
        (row.change)(&mut view);
        let strict = judged(&view);
        let mild = judge(view.clone(), Wish::Delivery, now(&view));
        for finding in &strict.findings {
            let rule = catalogue::rule(&finding.id).unwrap();
            let other = mild
                .findings
                .iter()
                .find(|f| {
                    (&f.id, &f.about, &f.what) == (&finding.id, &finding.about, &finding.what)
                })
                .unwrap();
            let expected = match rule.concern {
                Concern::Arrival => finding.severity,
                Concern::Protection => finding.severity.min(Severity::Warning),
            };
            assert_eq!(other.severity, expected, "{}: {}", row.id, told(&mild));
        }
        assert_eq!(strict.findings.len(), mild.findings.len(), "{}", row.id);
    }
}

#[test]
fn the_gravest_comes_first_and_nothing_twice() {
    for case in cases() {
        let mut view = safe();
        (case.change)(&mut view);
        let report = judged(&view);
        let weights: Vec<_> = report.findings.iter().map(|f| f.severity).collect();
        assert!(weights.is_sorted_by(|a, b| a >= b), "{}", told(&report));
        for (index, one) in report.findings.iter().enumerate() {
            let rest = &report.findings[index + 1..];
            let same = |other: &&crate::finding::Finding| {
                (&other.id, &other.about, &other.what) == (&one.id, &one.about, &one.what)
            };
            assert!(!rest.iter().any(|f| same(&f)), "{}", told(&report));
        }
        assert!(report.verdict != Verdict::Safe || report.findings.iter().all(|f| !f.stops()));
    }
}
