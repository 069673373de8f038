use std::collections::BTreeSet;

use super::{brief, objects, page, rules};
use crate::cli::Exit;
use crate::dane::{ProbeResult, Recipient};
use crate::dns::{Answer, Data, Failure, Kind, Outcome, Status, VantageVerdict};
use crate::finding::Severity;
use crate::output::text::json;
use crate::verify::DomainView;
use crate::verify::catalogue::ALL;
use crate::verify::tests::scene::{
    DOMAIN, address, ends, judged, mx, now, other_key, record, safe, server, silent, text, timeout,
    unknown, unsigned, vantage,
};

/// Clears the screen, sets the title, turns the line round, begins a line of its own.
const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;owned\u{7}b\u{9b}31m\r\nsafe: c\u{202e}d\u{7f}";

fn shown(view: &DomainView) -> String {
    page(&judged(view), now(view)).plain()
}

#[test]
fn a_safe_domain_is_said_in_the_first_line_and_shown_below() {
    let view = safe();
    let text = shown(&view);
    let first = text.lines().next().unwrap();
    assert_eq!(
        first,
        "adatum.com: safe \u{2013} mail arrives from every sender, protected by DANE where the sender uses it"
    );
    let host = &view.hosts[0].view;
    assert!(
        text.contains(&format!(
            "MX {} {}",
            view.hosts[0].preference.unwrap(),
            host.host
        )),
        "{text}"
    );
    for address in &host.addresses {
        let line = format!("      {}  authenticated  TLSv1.3, ", address.address);
        assert!(text.contains(&line), "{line}\n{text}");
    }
    for sender in judged(&view).senders {
        assert!(text.contains(sender.profile.name()), "{text}");
    }
    assert!(!text.contains("not safe"), "{text}");
    // Digests are shortened, and none is left whole.
    let long = |word: &str| word.len() >= 40 && word.bytes().all(|b| b.is_ascii_hexdigit());
    assert!(!text.split_whitespace().any(long), "{text}");
}

#[test]
fn what_stands_in_the_way_is_said_with_why_and_how_to_mend_it() {
    let mut view = safe();
    other_key(&mut view, 1);
    let report = judged(&view);
    let text = shown(&view);
    assert!(
        text.starts_with("adatum.com: not safe \u{2013} mail does not arrive"),
        "{text}"
    );
    for finding in &report.findings {
        assert!(text.contains(&format!("[{}]", finding.id)), "{text}");
        let reason = text.contains(&format!("why:  {}", finding.why));
        assert!(
            reason || finding.severity == Severity::Note,
            "{}\n{text}",
            finding.id
        );
    }
    assert!(text.contains("seen: "), "{text}");
}

#[test]
fn in_brief_there_is_a_line_for_each_thing_in_the_way() {
    let mut view = safe();
    assert_eq!(brief(&judged(&view)).plain().lines().count(), 1);
    silent(&mut view, 0);
    ends(address(&mut view), timeout());
    let report = judged(&view);
    let in_the_way = report.findings.iter().filter(|f| f.stops()).count();
    assert!(in_the_way > 1);
    assert_eq!(brief(&report).plain().lines().count(), 1 + in_the_way);
}

/// Every place where a stranger's text comes in.
fn hostile() -> Vec<(&'static str, DomainView)> {
    let mut all = Vec::new();
    let mut with = |name, change: &dyn Fn(&mut DomainView)| {
        let mut view = safe();
        change(&mut view);
        all.push((name, view));
    };
    with("banner", &|v| {
        address(v).probe.banner = Some(HOSTILE.into())
    });
    with("greeting", &|v| {
        let refusal = ProbeResult::Unwilling {
            code: Some(554),
            text: HOSTILE.into(),
        };
        ends(address(v), refusal);
    });
    with("reply to RCPT TO", &|v| {
        if let ProbeResult::Ok { rcpt, .. } = &mut address(v).probe.result {
            *rcpt = Some(Recipient::Rejected {
                code: 550,
                text: HOSTILE.into(),
            });
        }
    });
    with("STARTTLS", &|v| {
        ends(
            address(v),
            ProbeResult::NoStartTls {
                why: HOSTILE.into(),
            },
        )
    });
    with("MX", &|v| {
        let data = Data::Mx {
            preference: 3,
            exchange: HOSTILE.into(),
        };
        v.mx.answer = Answer::Records(vec![record(DOMAIN, data)]);
        v.hosts[0].view.host = HOSTILE.into();
    });
    with("MX at one server", &|v| {
        let data = Data::Txt(HOSTILE.into());
        server(v).mx.records = vec![record(HOSTILE, data)];
    });
    with("server's name", &|v| {
        silent(v, 1);
        server(v).server = HOSTILE.into();
    });
    with("extended error", &|v| {
        server(v).soa.outcome = Outcome::Failed(Failure::Rcode {
            code: "SERVFAIL".into(),
            explained: Some(HOSTILE.into()),
        });
    });
    with("resolver", &|v| {
        let answer = vantage(v, Kind::Mx);
        answer.vantage = HOSTILE.into();
        answer.verdict = VantageVerdict::Bogus {
            explained: Some(HOSTILE.into()),
        };
    });
    with("reason", &|v| {
        v.mx.status = Status::Bogus {
            why: HOSTILE.into(),
        };
    });
    with("TXT", &|v| text(v, DOMAIN, &[&format!("v=spf1 {HOSTILE}")]));
    with("TLS-RPT", &|v| {
        text(
            v,
            &format!("_smtp._tls.{DOMAIN}"),
            &[&format!("v=TLSRPTv1; rua={HOSTILE}")],
        );
    });
    all
}

#[test]
fn what_strangers_say_never_drives_the_terminal() {
    for (name, view) in hostile() {
        let report = judged(&view);
        for text in [shown(&view), brief(&report).plain()] {
            for line in text.lines() {
                assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
                assert!(!line.contains('\u{202e}'), "{name}: {line:?}");
                assert!(!line.starts_with("safe: "), "{name}: {line:?}");
            }
        }
        for object in objects(&report, 1) {
            let line = json(&object);
            assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
            assert!(!line.contains('\u{202e}'), "{name}: {line:?}");
        }
    }
}

#[test]
fn every_object_has_a_type_and_a_domain_and_the_verdict_comes_last_with_its_exit() {
    let mut view = safe();
    unsigned(&mut view, false);
    ends(address(&mut view), timeout());
    let report = judged(&view);
    let all = objects(&report, Exit::of_verdict(report.verdict).code());
    for object in &all {
        assert_eq!(object["domain"], DOMAIN, "{object}");
        assert!(object["type"].is_string(), "{object}");
    }
    let types: BTreeSet<_> = all.iter().map(|o| o["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        BTreeSet::from(["address", "finding", "sender", "verdict"])
    );
    let last = all.last().unwrap();
    assert_eq!(
        (&last["type"], &last["verdict"], &last["exit"]),
        (&"verdict".into(), &"forbidden".into(), &1.into())
    );
    let addresses = all.iter().filter(|o| o["type"] == "address").count();
    assert_eq!(addresses, report.rows.len());
}

/// Programs read these names: none may go or change without a new schema.
#[test]
fn the_members_are_stable() {
    let mut view = safe();
    other_key(&mut view, 1);
    let report = judged(&view);
    let all = objects(&report, 1);
    let members = |kind: &str| -> BTreeSet<String> {
        all.iter()
            .filter(|object| object["type"] == kind)
            .flat_map(|object| object.as_object().unwrap().keys().cloned())
            .collect()
    };
    for (kind, wanted) in [
        (
            "verdict",
            "type domain verdict from headline safety short_of_it mx extent at exit",
        ),
        (
            "finding",
            "type domain id severity what why mend about evidence source",
        ),
        (
            "address",
            "type domain host address key outcome why spki_sha256 tls sni web_pki",
        ),
        ("sender", "type domain profile arrives protection why"),
    ] {
        let there = members(kind);
        for member in wanted.split(' ') {
            assert!(there.contains(member), "{kind} has no {member}: {there:?}");
        }
    }
    let finding = all.iter().find(|o| o["id"] == "tlsa.mismatch").unwrap();
    assert_eq!(finding["severity"], "blocker");
    assert_eq!(
        finding["source"],
        "RFC 7672 section 2.2; RFC 7671 section 8"
    );
    let digest = finding["evidence"][0]["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 64, "digests are whole here");
}

#[test]
fn when_it_will_be_safe_is_a_member() {
    let mut view = safe();
    let at = now(&view);
    let answer = vantage(&mut view, Kind::Mx);
    answer.records.clear();
    answer.verdict = VantageVerdict::NoData;
    answer.ttl = Some(30);
    answer.at = at;
    let report = judged(&view);
    let all = objects(&report, 4);
    let last = all.last().unwrap();
    assert_eq!(last["verdict"], "not-yet");
    let from = at + std::time::Duration::from_secs(30);
    assert_eq!(last["from"], serde_json::json!(from));
}

#[test]
fn the_rules_are_listed_with_their_sources() {
    let text = rules().plain();
    for rule in ALL {
        assert!(
            text.contains(rule.id) && text.contains(rule.source),
            "{}",
            rule.id
        );
    }
}

#[test]
fn an_unknown_host_has_no_rows_and_is_not_called_good() {
    let mut view = safe();
    mx(&mut view, unknown(), Answer::Unknown);
    let text = shown(&view);
    assert!(!text.contains("authenticated"), "{text}");
}
