//! The playbooks beside the move, each walked on the laboratory, and `rollout playbook check`.

use std::process::Command;

use rollout_lab::{DomainKind, DomainSeed};

use crate::kill::bench::{Domain, Ended, LONG};
use crate::support::{Bench, quick};

fn bench(domains: impl IntoIterator<Item = DomainSeed>) -> Bench {
    Bench::start(rollout_lab::Options {
        timing: quick(),
        ..rollout_lab::Options::with_domains(domains)
    })
}

/// A domain whose file names this playbook, and approves these gates.
fn walking<'b>(bench: &'b Bench, name: &str, playbook: &str, approve: &str) -> Domain<'b> {
    let domain = Domain::new(bench, name);
    let text = std::fs::read_to_string(&domain.file).unwrap();
    // The settings of the laboratory's files are those of the move.
    let settings = match playbook {
        "gateway-parallel" => None,
        "mx-microsoft-only" => Some("settings: { soak: 0 }"),
        _ => Some(""),
    };
    let lines = text.lines().map(|line| match settings {
        Some(settings) if line.starts_with("settings:") => settings,
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let head = format!("playbook: {playbook}\napprove: {approve}\n");
    std::fs::write(&domain.file, head + &text).unwrap();
    domain
}

impl Domain<'_> {
    fn plan(&self) -> Ended {
        self.run(&["plan", self.file.to_str().unwrap()])
    }

    fn walk(&self, more: &[&str]) -> Ended {
        self.apply(&[&["--wait"], more].concat()).end(LONG)
    }

    /// The cmdlets that changed something.
    fn cmdlets(&self) -> Vec<String> {
        let changing = |operation: &String| {
            operation.starts_with("Enable-") || operation.starts_with("Disable-")
        };
        self.counts().into_keys().filter(changing).collect()
    }

    fn has_ds(&self) -> bool {
        let (_, parent) = self.name.split_once('.').unwrap();
        let ds = self.bench.lab.record_set(parent, &self.name, "DS");
        ds.is_some_and(|set| !set.contents.is_empty())
    }
}

#[track_caller]
fn exits(ended: &Ended, code: i32, words: &[&str]) {
    println!("{}", ended.text);
    assert_eq!(ended.code(), Some(code), "{ended:?}");
    let text = ended.text.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {ended:?}");
    }
}

/// On mx.microsoft already: one cmdlet turns DANE on, one turns it off again, and no record is touched.
#[test]
fn dane_alone_goes_on_and_off_without_touching_a_record() {
    let bench = bench([DomainSeed::new("on.com", DomainKind::Moved)]);
    let domain = walking(&bench, "on.com", "mx-microsoft-only", "all");
    let before = domain.mx();
    let shown = domain.plan();
    exits(
        &shown,
        0,
        &["runs Enable-SmtpDaneInbound", "final-proof", "T_min"],
    );
    assert!(!shown.text.contains("changes the MX"), "{shown:?}");
    exits(&domain.walk(&["--yes"]), 0, &[]);
    assert_eq!(domain.cmdlets(), ["Enable-SmtpDaneInbound"]);

    let file = domain.file.to_str().unwrap();
    let shown = domain.run(&["rollback", file, "--dane", "--dry-run"]);
    exits(
        &shown,
        0,
        &["runs Disable-SmtpDaneInbound", "gate dane-off"],
    );
    let off = domain
        .start(&["rollback", file, "--dane", "--yes", "--wait"])
        .end(LONG);
    exits(&off, 0, &[]);
    assert_eq!(
        domain.cmdlets(),
        ["Disable-SmtpDaneInbound", "Enable-SmtpDaneInbound"]
    );
    assert_eq!(domain.counts().len(), 2, "{:?}", domain.writes());
    assert_eq!(domain.mx(), before);
    domain.mail_never_stopped();
    let verified = domain.run(&["verify", file]);
    assert!(verified.text.contains("TLSA"), "{verified:?}");
    assert_ne!(verified.code(), Some(0), "it is not protected any more");
}

/// First aid where it is needed: the domain is bogus for everybody, and DANE goes off all the same.
#[test]
fn dane_goes_off_while_the_domain_is_bogus() {
    let bench = bench([DomainSeed::new("bogus.com", DomainKind::Finished)]);
    let domain = walking(&bench, "bogus.com", "dane-off", "[]");
    let foreign = format!("4711 13 2 {}", "ab".repeat(32));
    bench.lab.set_ds("bogus.com", &[foreign]).unwrap();
    bench.lab.flush_resolvers();
    let file = domain.file.to_str().unwrap();
    exits(&domain.run(&["verify", file]), 1, &["bogus"]);
    // Somebody has to agree.
    exits(&domain.apply(&["--no-wait"]).end(LONG), 4, &["dane-off"]);
    assert!(domain.cmdlets().is_empty());
    exits(&domain.run(&["approve", &domain.name, "dane-off"]), 0, &[]);
    exits(&domain.walk(&[]), 0, &[]);
    assert_eq!(domain.cmdlets(), ["Disable-SmtpDaneInbound"]);
}

/// Whoever takes the mail: the zone is signed, its DS is at the parent, and Microsoft is told nothing.
#[test]
fn dnssec_alone_asks_nothing_of_who_takes_the_mail() {
    let seed = DomainSeed::new("signed.com", DomainKind::Gateway).without_cds();
    let bench = bench([seed]);
    let domain = walking(&bench, "signed.com", "dnssec-only", "all");
    let before = domain.mx();
    exits(
        &domain.plan(),
        0,
        &["has the provider sign the zone", "publishes at the parent"],
    );
    exits(&domain.walk(&[]), 0, &[]);
    assert!(domain.has_ds());
    assert_eq!(domain.mx(), before);
    assert_eq!(domain.cmdlets(), [] as [&str; 0]);
    domain.mail_never_stopped();
    exits(&domain.plan(), 0, &["Nothing to do"]);
}

/// From the DS on, senders would hold the gateway to its records: without them, or with others', nothing is begun.
#[test]
fn a_gateway_that_its_records_do_not_match_is_no_start() {
    let bench = bench([DomainSeed::new("wrong.com", DomainKind::Gateway).signed()]);
    let domain = walking(&bench, "wrong.com", "gateway-inline", "all");
    exits(&domain.walk(&[]), 1, &["gateway.no-tlsa"]);
    bench.lab.publish_gateway_tlsa(false).unwrap();
    bench.lab.flush_resolvers();
    exits(&domain.walk(&[]), 1, &["tlsa.mismatch"]);
    assert!(domain.writes().is_empty(), "{:?}", domain.writes());
}

/// The MX stays at the gateway; its own leg is proven before the DS, and a person vouches for where it delivers to.
#[test]
fn a_gateway_keeps_the_mx_and_both_legs_are_protected() {
    let seed = DomainSeed::new("inline.com", DomainKind::Gateway).without_cds();
    let bench = bench([seed]);
    let domain = walking(&bench, "inline.com", "gateway-inline", "[ds, smart-hosts]");
    let before = domain.mx();
    bench.lab.publish_gateway_tlsa(true).unwrap();
    bench.lab.flush_resolvers();
    exits(
        &domain.plan(),
        0,
        &["gate gateway", "runs Enable-SmtpDaneInbound"],
    );
    // It goes as far as the person who knows the gateway, and names the host to them.
    let asked = domain.walk(&[]);
    exits(&asked, 4, &["gate gateway", "mx.microsoft"]);
    assert_eq!(domain.cmdlets(), ["Enable-DnssecForVerifiedDomain"]);
    exits(&domain.run(&["approve", &domain.name, "gateway"]), 0, &[]);
    exits(&domain.walk(&[]), 0, &[]);
    assert_eq!(domain.mx(), before);
    assert!(domain.has_ds());
    domain.mail_never_stopped();
    exits(
        &domain.run(&["verify", domain.file.to_str().unwrap()]),
        0,
        &[],
    );
}

/// The move, with a word from whoever sees the gateway before the legacy host goes.
#[test]
fn beside_a_gateway_the_legacy_host_stays_until_mail_was_seen_to_flow() {
    let bench = bench([DomainSeed::ordinary("parallel.com").without_cds()]);
    let domain = walking(
        &bench,
        "parallel.com",
        "gateway-parallel",
        "[ds, smart-hosts, swap, removal]",
    );
    exits(&domain.plan(), 0, &["forward servers", "gate mail-flow"]);
    let asked = domain.apply(&["--wait"]).end(LONG);
    exits(&asked, 4, &["mail-flow"]);
    assert_eq!(domain.mx().contents.len(), 2, "the fallback is there");
    exits(&domain.run(&["approve", &domain.name, "mail-flow"]), 0, &[]);
    exits(&domain.walk(&[]), 0, &[]);
    domain.mail_never_stopped();
    domain.is_moved();
}

#[test]
fn check_names_the_line_the_rule_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, more: &[&str]| {
        let file = folder.path().join("ours.yml");
        std::fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
            .args(["playbook", "check"])
            .arg(&file)
            .args(more)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let exchange = include_str!("../../playbooks/exchange-dane.yml");
    let (code, text) = check(exchange, &[]);
    assert_eq!(code, Some(0), "{text}");
    for words in ["safe", "waits for caches", "unsigned"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let bad = exchange.replace(
        "needs: [verify-swapped, mta-sts]",
        "needs: [verify-swapped]",
    );
    let line = bad
        .lines()
        .position(|l| l.contains("step: remove-mx"))
        .unwrap()
        + 1;
    let (code, text) = check(&bad, &[]);
    assert_eq!(code, Some(1), "{text}");
    for words in ["S2", &format!("ours.yml:{line}:"), "step: mta-sts above"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let (code, text) = check(&bad, &["--json"]);
    assert_eq!(code, Some(1), "{text}");
    let error = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .find(|object| object["type"] == "error")
        .unwrap_or_else(|| panic!("{text}"));
    assert_eq!(error["id"], "playbook.unsafe");
    assert_eq!(error["mistakes"][0]["line"], line);
    assert_eq!(error["mistakes"][0]["code"], "unsafe");
    let (code, text) = check("name: ours\n", &[]);
    assert_eq!(code, Some(2), "{text}");
}
