//! Unsafe playbooks, each with the complaint at its line; and the built-in ones, which have none.

use super::*;
use crate::playbook::{BUILTIN, from_text};

fn text_of(name: &str) -> &'static str {
    BUILTIN.iter().find(|(known, _)| *known == name).unwrap().1
}

/// A built-in playbook with one change.
fn but(name: &str, from: &str, to: &str) -> String {
    let text = text_of(name);
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// What is said of a playbook, as `step: rule: sentence`, and that each complaint stands at the line of its step.
fn said(text: &str) -> Vec<String> {
    let document = Document::parse("ours.yml", text.to_owned()).unwrap();
    let playbook = from_document(&document).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let (complaints, _) = lint(&playbook);
    let rejected = match lint_document(&document) {
        Ok(_) => {
            assert_eq!(complaints, []);
            return Vec::new();
        }
        Err(Unfit::Unsafe(rejected)) => rejected,
        Err(Unfit::Mistaken(rejected)) => panic!("{rejected}"),
    };
    let lines: Vec<&str> = text.lines().collect();
    let mistakes: Vec<_> = rejected.mistakes().collect();
    for (complaint, mistake) in complaints.iter().zip(&mistakes) {
        let kind = playbook.steps[complaint.step].kind;
        let line = lines[mistake.line.unwrap() - 1];
        assert!(
            line.contains(&format!("step: {kind}")),
            "{line}: {complaint:?}"
        );
        assert!(mistake.help.as_ref().is_some_and(|help| !help.is_empty()));
        assert_eq!(mistake.code, Code::Unsafe);
    }
    let of = |complaint: &Complaint| {
        let step = &playbook.steps[complaint.step].id;
        format!("{step}: {}: {}", complaint.rule, complaint.what)
    };
    complaints.iter().map(of).collect()
}

#[test]
fn the_built_in_playbooks_are_safe() {
    for (name, text) in BUILTIN {
        assert_eq!(said(text), [] as [&str; 0], "{name}");
    }
    let example = include_str!("../../../examples/playbooks/dane-only.yml");
    assert_eq!(said(example), [] as [&str; 0]);
}

const HEAD: &str = "name: ours\ntitle: Ours\nsteps:\n";

/// Steps by kind, each waiting for the one above, with arguments where a kind needs them.
fn steps(kinds: &[&str]) -> String {
    let mut text = HEAD.to_owned();
    for (index, kind) in kinds.iter().enumerate() {
        let needs = if index == 0 { "\n    needs: []" } else { "" };
        let line = match kind.split_once(' ') {
            Some((kind, with)) => {
                format!("  - step: {kind}{needs}\n    id: s{index}\n    with: {{ {with} }}\n")
            }
            None => format!("  - step: {kind}{needs}\n"),
        };
        text.push_str(&line);
    }
    text
}

const ADDED: &str = "verify-mx expect: added, soak: 60";
const SWAPPED: &str = "verify-mx expect: swapped, soak: 60";
const ORIGINAL: &str = "verify-mx expect: original";
const WHOLE: [&str; 17] = [
    "preflight",
    "lower-ttl",
    "sign-zone",
    "delegate",
    "enable-dnssec",
    "prove-host",
    "mta-sts",
    "add-mx",
    ADDED,
    "swap-mx",
    SWAPPED,
    "remove-mx",
    "enable-dane",
    "verify-tlsa",
    "final-ttl",
    "final-proof",
    "confirm",
];

/// The whole move, step after step, without these.
fn whole_but(gone: &[&str]) -> String {
    let left: Vec<&str> = WHOLE
        .into_iter()
        .filter(|kind| *kind != "confirm" && !gone.contains(kind))
        .collect();
    steps(&left)
}

#[test]
#[rustfmt::skip]
fn each_unsafe_playbook_has_its_complaint_at_its_line() {
    assert_eq!(said(&whole_but(&[])), [] as [&str; 0]);
    let exchange = "exchange-dane";
    let cases: Vec<(String, &[&str])> = vec![
        // Missing steps.
        (whole_but(&["prove-host"]), &["add-mx: S2: add-mx does not wait for prove-host"]),
        (whole_but(&["prove-host", ADDED]), &["swap-mx: S2: the kernel would refuse swap-mx for ever", "refused for good by new-host"]),
        (whole_but(&["mta-sts"]), &["remove-mx: S2: the kernel would refuse remove-mx for ever", "MTA-STS policy"]),
        (whole_but(&["sign-zone"]), &["delegate: S4: the kernel would refuse delegate for ever", "bogus"]),
        (whole_but(&["delegate"]), &["final-proof: S3: final-proof would never end", "no DS"]),
        (whole_but(&["sign-zone", "delegate"]), &["final-proof: S3: final-proof would never end", "no DS"]),
        (whole_but(&["enable-dnssec"]), &["prove-host: T2: prove-host does not wait for enable-dnssec"]),
        (whole_but(&["add-mx"]), &["swap-mx: S2: swap-mx does not wait for add-mx"]),
        (whole_but(&[ADDED]), &["swap-mx: S2: swap-mx does not wait for a verify-mx with expect: added"]),
        (whole_but(&["swap-mx"]), &["remove-mx: S2: remove-mx does not wait for swap-mx"]),
        (whole_but(&[SWAPPED]), &["remove-mx: S2: remove-mx does not wait for a verify-mx with expect: swapped"]),
        (whole_but(&["remove-mx"]), &["enable-dane: S5: enable-dane does not wait for remove-mx"]),
        (whole_but(&["verify-tlsa"]), &["enable-dane: S3: nothing looks at the TLSA records", "final-proof: S3: final-proof would never end"]),
        (whole_but(&["enable-dane"]), &["final-proof: S3: final-proof would never end", "has no TLSA records"]),
        (whole_but(&["final-ttl"]), &["lower-ttl: T1: nothing raises the TTL"]),
        (whole_but(&["final-proof"]), &["enable-dane: S3: no final-proof follows"]),
        (steps(&["preflight", "enable-dnssec", "prove-host", "add-mx"]), &["add-mx: T4: nothing looks whether mail still arrives"]),
        (but("rollback", "  - step: mta-sts-back\n    needs: []\n", "").replace("[mta-sts-back]", "[]"), &["restore-mx: S2: the kernel would refuse restore-mx for ever", "MTA-STS policy"]),
        // In the wrong order.
        (but(exchange, "- step: mta-sts-after\n    needs: [remove-mx]", "- step: mta-sts-after\n    needs: [mta-sts]"), &["mta-sts-after: S2: mta-sts-after does not wait for remove-mx"]),
        (but(exchange, "with: { expect: swapped, soak: $swapped_soak }", "with: { expect: swapped, soak: 0 }").replace("  swapped_soak:\n    type: seconds\n    default: 5m\n    max: 604800\n    about: How long the swapped hosts must stay good before the legacy host is removed.\n", ""), &["remove-mx: S2: remove-mx waits for a verify-mx that does not soak"]),
        (but(exchange, "needs: [verify-swapped, mta-sts]", "needs: [verify-swapped]"), &["remove-mx: S2: the kernel would refuse remove-mx for ever"]),
        (but(exchange, "needs: [prove-host, lower-ttl]", "needs: [prove-host]"), &["add-mx: S1: add-mx and lower-ttl both write"]),
        (but(exchange, "needs: [sign-zone]", "needs: [preflight]"), &["delegate: S4: the kernel would refuse delegate for ever"]),
        (but(exchange, "needs: [remove-mx]", "needs: [swap-mx]"), &["enable-dane: S5: enable-dane does not wait for remove-mx"]),
        (but(exchange, "needs: [enable-dnssec]\n\n  - step: mta-sts", "needs: [preflight]\n\n  - step: mta-sts"), &["prove-host: T2: prove-host does not wait for enable-dnssec"]),
        (but(exchange, "needs: [final-ttl, verify-tlsa, delegate]", "needs: [final-ttl, verify-tlsa]"), &["final-proof: S3: final-proof does not wait for delegate", "final-proof: S3: final-proof would never end"]),
        (but(exchange, "needs: [verify-tlsa]\n    with: { ttl: $final_ttl }", "needs: [verify-swapped]\n    with: { ttl: $final_ttl }"), &["final-ttl: T1: final-ttl does not wait for remove-mx"]),
        // Less than a move.
        (but("gateway-inline", "  - step: sign-zone\n    needs: [prove-gateway]", "  - step: sign-zone\n    needs: [preflight]"), &["delegate: S2: delegate does not wait for prove-gateway"]),
        (steps(&["preflight", "enable-dane", "final-proof"]), &["enable-dane: S3: nothing looks at the TLSA records"]),
        (steps(&["preflight", "delegate"]), &["delegate: S4: the kernel would refuse delegate for ever"]),
        // Ways back.
        (steps(&["unsign-zone", "withdraw-ds"]), &["unsign-zone: S4: the kernel would refuse unsign-zone for ever"]),
        (steps(&["unsign-zone"]), &["unsign-zone: S4: the kernel would refuse unsign-zone for ever"]),
        (steps(&["restore-mx", "restore-ttl"]), &["restore-mx: T4: nothing looks whether mail still arrives"]),
        (steps(&["restore-mx", ORIGINAL]), &["restore-mx: T1: nothing gives the MX record set its own TTL"]),
        (steps(&["restore-mx", ORIGINAL, "restore-ttl", "withdraw-ds"]), &["withdraw-ds: S4: withdraw-ds takes DNSSEC away in a playbook that takes the MX back"]),
        (steps(&["restore-ttl"]), &["restore-ttl: T1: restore-ttl does not wait for restore-mx"]),
        (steps(&["disable-dane"]), &["disable-dane: T4: nothing looks whether"]),
        (steps(&["preflight", "enable-dnssec", "prove-host", "disable-dane", "verify-no-tlsa"]), &["disable-dane: S2: disable-dane is of a way back"]),
    ];
    let mut missed = Vec::new();
    for (text, wanted) in cases {
        let said = said(&text);
        for wanted in wanted {
            if !said.iter().any(|one| one.contains(wanted)) {
                missed.push(format!("{wanted:?} is not in {said:#?}\n{text}"));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

/// Whoever asks for proof above, in another order, gets none of the complaints of its absence.
#[test]
fn what_is_right_in_another_order_is_right() {
    // DNSSEC at the very start, or at the very end before the proof.
    let early = whole_but(&[]);
    assert!(said(&early).is_empty());
    let late = steps(&[
        "preflight",
        "lower-ttl",
        "enable-dnssec",
        "prove-host",
        "add-mx",
        ADDED,
        "mta-sts",
        "swap-mx",
        SWAPPED,
        "remove-mx",
        "enable-dane",
        "verify-tlsa",
        "sign-zone",
        "delegate",
        "final-ttl",
        "final-proof",
    ]);
    assert_eq!(said(&late), [] as [&str; 0]);
}

#[test]
fn how_long_caches_are_waited_for_at_most_is_said() {
    let playbook = from_text("exchange-dane", text_of("exchange-dane")).unwrap();
    let (_, longest) = lint(&playbook);
    let of = |id: &str| longest.iter().find(|one| one.step == id);
    let ds = of("delegate").expect("unsigned answers have to expire");
    assert_eq!(ds.wait.as_secs(), 604_805);
    assert!(ds.held.contains("unsigned"), "{ds:?}");
    assert!(of("final-proof").is_some() && of("lower-ttl").is_none());
}
