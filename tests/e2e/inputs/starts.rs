//! Start states and manual modes that must simply work.

use std::time::{Duration, Instant};

use rollout_lab::{DomainKind, DomainSeed, Service, StsPolicy};

use super::stage::{Ran, Stage};

const WALK: &[&str] = &["apply", "{file}", "--yes", "--wait"];
const LOOK: &[&str] = &["apply", "{file}", "--yes", "--no-wait"];
/// The TTL that the laboratory's domain files ask for in the end.
const FINAL_TTL: u32 = 4;

fn ordinary() -> DomainSeed {
    DomainSeed::ordinary("contoso.com")
}

fn operations(stage: &Stage) -> Vec<String> {
    let log = stage.bench.lab.log();
    log.into_iter()
        .filter(|entry| entry.effect && entry.service != Service::Person)
        .map(|entry| entry.operation)
        .collect()
}

fn assert_protected(stage: &Stage, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran}");
    let (lab, domain) = (&stage.bench.lab, stage.domain.as_str());
    let mx = lab.record_set(domain, domain, "MX").unwrap();
    assert_eq!(mx.contents.len(), 1, "{mx:?}");
    assert!(mx.contents[0].starts_with("0 "), "{mx:?}");
    assert!(mx.contents[0].ends_with(".mx.microsoft."), "{mx:?}");
    assert_eq!(mx.ttl, FINAL_TTL, "{mx:?}");
    assert!(
        lab.record_set("com", domain, "DS").is_some(),
        "no DS\n{ran}"
    );
    let dane = stage.cmdlet("Get-SmtpDaneInboundStatus");
    assert!(dane.to_string().contains("Enabled"), "{dane}");
    let operations = operations(stage);
    for cmdlet in ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"] {
        let times = operations.iter().filter(|o| *o == cmdlet).count();
        assert!(times <= 1, "{operations:?}");
    }
}

/// Calls `apply --no-wait` as a timer does, until it is done, showing each answer to a person.
fn drive(stage: &Stage, mut person: impl FnMut(&Stage, &Ran)) -> Ran {
    let begun = Instant::now();
    loop {
        let ran = stage.run(LOOK);
        match ran.code {
            Some(0) => return ran,
            Some(4) => person(stage, &ran),
            _ => panic!("{ran}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{ran}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn already_moved_with_dane_off() {
    let stage = Stage::of(DomainSeed::new("contoso.com", DomainKind::Moved));
    let ran = stage.run(WALK);
    assert_protected(&stage, &ran);
    let operations = operations(&stage);
    assert!(
        operations.contains(&"Enable-SmtpDaneInbound".to_owned()),
        "{operations:?}"
    );
    assert!(
        !operations.contains(&"Enable-DnssecForVerifiedDomain".to_owned()),
        "{operations:?}"
    );
}

#[test]
fn everything_done() {
    let stage = Stage::of(DomainSeed::new("contoso.com", DomainKind::Finished));
    let (records, files) = (stage.records(), stage.files());
    let ran = stage.run(WALK);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(
        ran.words().contains("nothing to do") || ran.words().contains("Nothing to do"),
        "{ran}"
    );
    assert_eq!(stage.effects(0), Vec::<String>::new());
    assert_eq!(stage.records(), records);
    assert!(stage.files() == files, "files were changed\n{ran}");
    let detailed = stage.run(&["plan", "{file}", "--detailed-exitcode"]);
    assert_eq!(detailed.code, Some(0), "{detailed}");
}

#[test]
fn cautious() {
    let stage = Stage::of(ordinary().signed());
    stage.append("schedule: cautious\n");
    let ran = stage.run(WALK);
    assert_protected(&stage, &ran);
}

/// A person did the first steps of Microsoft's page; the tool does the rest, and none of them again.
fn done_by_hand(steps: usize) {
    let stage = Stage::of(ordinary().without_cds());
    let legacy = stage.legacy();
    let pause = || std::thread::sleep(Duration::from_millis(5500));
    let mut host = String::new();
    for step in 1..=steps {
        match step {
            1 => stage.edit("MX", 2, &[&format!("0 {legacy}")]),
            2 => stage.sign_by_hand(),
            3 => {
                pause();
                stage.bench.lab.publish_ds("contoso.com").unwrap();
            }
            4 => host = format!("{}.", stage.enable_dnssec_by_hand()),
            5 => {
                pause();
                stage.edit("MX", 2, &[&format!("0 {legacy}"), &format!("20 {host}")]);
            }
            6 => {
                pause();
                stage.edit("MX", 2, &[&format!("0 {host}"), &format!("30 {legacy}")]);
            }
            7 => {
                pause();
                stage.edit("MX", 2, &[&format!("0 {host}")]);
            }
            8 => drop(stage.cmdlet("Enable-SmtpDaneInbound")),
            _ => stage.edit("MX", FINAL_TTL, &[&format!("0 {host}")]),
        }
    }
    pause();
    let from = stage.bench.lab.log().len();
    let ran = if steps == 2 {
        // Signed past the API, the zone has no CDS: a person carries the DS when asked.
        drive(&stage, |stage, ran| {
            if ran.out.contains("Enter the DS record below") {
                let _ = stage.bench.lab.publish_ds("contoso.com");
            }
        })
    } else {
        stage.run(WALK)
    };
    assert_protected(&stage, &ran);
    let later = stage.effects(from).join("; ");
    if steps >= 2 {
        for signing in ["PUT zone", "POST cryptokeys"] {
            assert!(!later.contains(signing), "signed again: {later}");
        }
    }
    if steps >= 4 {
        assert!(!later.contains("Enable-DnssecForVerifiedDomain"), "{later}");
    }
    if steps >= 8 {
        assert!(!later.contains("Enable-SmtpDaneInbound"), "{later}");
    }
    if steps >= 9 {
        assert_eq!(later, "", "everything was done");
    }
    let writes = later.matches("PATCH zone").count();
    // Lower, add, swap, remove, raise; each of those done by hand is one less.
    let at_most = [5, 4, 4, 4, 4, 3, 2, 2, 1, 0][steps];
    assert!(writes <= at_most, "{steps} by hand: {later}");
}

#[test]
fn by_hand_until_the_ttl_is_lowered() {
    done_by_hand(1);
}

#[test]
fn by_hand_until_the_zone_is_signed() {
    done_by_hand(2);
}

#[test]
fn by_hand_until_the_ds_is_published() {
    done_by_hand(3);
}

#[test]
fn by_hand_until_dnssec_is_enabled() {
    done_by_hand(4);
}

#[test]
fn by_hand_until_the_new_host_is_added() {
    done_by_hand(5);
}

#[test]
fn by_hand_until_the_swap() {
    done_by_hand(6);
}

#[test]
fn by_hand_until_the_removal() {
    done_by_hand(7);
}

#[test]
fn by_hand_until_dane_is_enabled() {
    done_by_hand(8);
}

#[test]
fn by_hand_until_the_end() {
    done_by_hand(9);
}

/// No API rights at Microsoft: a person runs the cmdlets as printed.
#[test]
fn manual_microsoft() {
    let stage = Stage::of(ordinary().signed());
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let (before, rest) = text.split_once("microsoft:\n").unwrap();
    let (_, after) = rest.split_once("\ndns:").unwrap();
    let text = format!("{before}microsoft: {{ backend: manual }}\n\ndns:{after}");
    std::fs::write(&stage.file, text).unwrap();

    let ran = stage.run(LOOK);
    assert_eq!(ran.code, Some(4), "{ran}");
    let words = ran.words();
    for wanted in [
        "Connect-ExchangeOnline",
        "Enable-DnssecForVerifiedDomain -DomainName 'contoso.com'",
        "--mx-host",
    ] {
        assert!(words.contains(wanted), "{wanted}: {ran}");
    }
    let host = stage.enable_dnssec_by_hand();
    let told = stage.run(&["apply", "{file}", "--yes", "--no-wait", "--mx-host", &host]);
    assert_eq!(told.code, Some(4), "{told}");
    let other = stage.run(&[
        "apply",
        "{file}",
        "--yes",
        "--no-wait",
        "--mx-host",
        "other.x-v1.mx.microsoft",
    ]);
    assert_eq!(other.code, Some(2), "{other}");
    assert!(other.words().contains("contradicts"), "{other}");
    let mut ran_it = false;
    let ran = drive(&stage, |stage, ran| {
        let asked = "Enable-SmtpDaneInbound -DomainName 'contoso.com'";
        if !ran_it && ran.words().contains(asked) {
            stage.cmdlet("Enable-SmtpDaneInbound");
            ran_it = true;
        }
    });
    assert!(ran_it, "{ran}");
    assert_protected(&stage, &ran);
}

/// A DNS host without an API: a person makes each change as printed.
#[test]
fn manual_dns() {
    let stage = Stage::of(ordinary().without_cds());
    let text = std::fs::read_to_string(&stage.file).unwrap();
    let (before, rest) = text.split_once("dns:\n").unwrap();
    let (_, after) = rest.split_once("\nresolve:").unwrap();
    let text = format!("{before}dns: {{ provider: manual }}\n\nresolve:{after}");
    std::fs::write(&stage.file, text).unwrap();

    let mut changes = Vec::new();
    let (mut signed, mut delegated) = (false, false);
    let ran = drive(&stage, |stage, ran| {
        if !signed && ran.out.contains("DNSSEC on for the zone") {
            stage.sign_by_hand();
            signed = true;
        }
        if !delegated && ran.out.contains("Enter the DS record below") {
            stage.bench.lab.publish_ds("contoso.com").unwrap();
            delegated = true;
        }
        if let Some((ttl, wanted)) = printed(&ran.out) {
            let contents: Vec<&str> = wanted.iter().map(String::as_str).collect();
            if changes.last() != Some(&(ttl, wanted.clone())) {
                stage.edit("MX", ttl, &contents);
                changes.push((ttl, wanted));
            }
        }
    });
    assert!(signed && delegated, "{ran}");
    assert_protected(&stage, &ran);
    assert_eq!(changes.len(), 5, "{changes:?}");
    let effects = stage.effects(0).join("; ");
    assert!(!effects.contains("PATCH zone"), "{effects}");
}

/// The last printed record set to come: its TTL, and preferences with hosts.
fn printed(out: &str) -> Option<(u32, Vec<String>)> {
    let (_, then) = out.rsplit_once("then:\n")?;
    let mut ttl = None;
    let mut contents = Vec::new();
    for line in then.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["contoso.com.", seconds, "IN", "MX", preference, host] = words[..] else {
            break;
        };
        ttl = seconds.parse().ok();
        contents.push(format!("{preference} {host}"));
    }
    Some((ttl?, contents))
}

/// An enforcing policy that does not name the new host: it is asked for in full, and the run goes on by itself.
#[test]
fn enforcing_mta_sts() {
    let stage = Stage::of(DomainSeed::new("contoso.com", DomainKind::EnforcingMtaSts).signed());
    let mut published = false;
    let ran = drive(&stage, |stage, ran| {
        let words = ran.words();
        if published || !words.contains("The enforcing MTA-STS policy of contoso.com would reject")
        {
            return;
        }
        let legacy = stage.legacy().trim_end_matches('.').to_owned();
        let (_, new) = words.rsplit_once("contoso.com would reject ").unwrap();
        let (new, _) = new.split_once(". ").unwrap();
        let new = new.to_owned();
        for wanted in [
            "https://mta-sts.contoso.com/.well-known/mta-sts.txt",
            "version: STSv1 mode: enforce",
            &format!("mx: {legacy}"),
            &format!("mx: {new}"),
            "max_age: 20",
            "_mta-sts.contoso.com TXT \"v=STSv1; id=20260101000001;\"",
        ] {
            assert!(words.contains(wanted), "{wanted}: {ran}");
        }
        assert_eq!(
            stage.mx().iter().filter(|mx| mx.contains(&legacy)).count(),
            1,
            "the legacy host must stay until then"
        );
        let policy = StsPolicy {
            mode: "enforce".to_owned(),
            mx: vec![legacy, new],
            max_age: 20,
        };
        stage.bench.lab.set_policy("contoso.com", Some(policy));
        let id = "\"v=STSv1; id=20260101000001;\"";
        stage.edit_at("contoso.com", "_mta-sts.contoso.com", "TXT", 4, &[id]);
        published = true;
    });
    assert!(published, "{ran}");
    assert_protected(&stage, &ran);
}

/// Port 25 says nothing, and the domain file accepts that: the plan goes through, and says that nothing was proven.
#[test]
fn port_25_hangs_and_the_probe_is_advisory() {
    let stage = Stage::of(ordinary().signed());
    let text = std::fs::read_to_string(&stage.file).unwrap();
    std::fs::write(
        &stage.file,
        text.replace("smtp: { port:", "smtp: { probe: advisory, port:"),
    )
    .unwrap();
    stage
        .bench
        .lab
        .change_faults(|faults| faults.port_25_hangs = true);
    let ran = stage.run(&["plan", "{file}"]);
    assert_eq!(ran.code, Some(0), "{ran}");
    assert!(ran.words().contains("smtp.probe: advisory"), "{ran}");
    assert_eq!(stage.effects(0), Vec::<String>::new());
}

/// Plans write nothing: neither in the folder nor in the state, with and without a run in progress.
#[test]
fn a_plan_writes_nothing() {
    let stage = Stage::of(ordinary().signed());
    for round in 0..2 {
        let (records, files) = (stage.records(), stage.files());
        let from = stage.bench.lab.log().len();
        let ran = stage.run(&["plan", "{file}", "--detailed-exitcode"]);
        assert_eq!(ran.code, Some(5), "{ran}");
        assert_eq!(stage.effects(from), Vec::<String>::new());
        assert_eq!(stage.records(), records);
        assert!(stage.files() == files, "round {round}");
        if round == 0 {
            let ran = stage.run(&["apply", "{file}", "--yes", "--no-wait"]);
            assert_eq!(ran.code, Some(4), "{ran}");
        }
    }
}
