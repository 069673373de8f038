//! An enforcing MTA-STS policy that the run publishes itself: by a file or an executable, there and back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rollout_lab::{DomainKind, DomainSeed};

use crate::inputs::stage::Stage;

const RECORD: &str = "_mta-sts.contoso.com";
const FIRST_ID: &str = "\"v=STSv1; id=20260101000000\"";

fn id(number: u32) -> String {
    format!("\"v=STSv1; id=2026010100000{number}\"")
}

/// The policy as the laboratory serves it first, with a field that is ours and lines that end as on Windows.
fn policy(mode: &str, hosts: &[&str]) -> String {
    let hosts: String = hosts.iter().map(|host| format!("mx: {host}\r\n")).collect();
    format!("version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: 20\r\nnote: ours\r\n")
}

struct Site {
    stage: Stage,
    file: PathBuf,
    legacy: String,
}

impl Site {
    /// The policy stands in a file that is served, and the domain file says so.
    fn new(part: impl Fn(&Path) -> String) -> Self {
        let seed = DomainSeed::new("contoso.com", DomainKind::EnforcingMtaSts).signed();
        let stage = Stage::of(seed);
        let legacy = stage.legacy().trim_end_matches('.').to_owned();
        let file = stage.at("mta-sts.txt");
        std::fs::write(&file, policy("enforce", &[&legacy])).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        stage.bench.lab.serve_policy_file("contoso.com", &file);
        stage.append(&part(&file));
        Self {
            stage,
            file,
            legacy,
        }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }

    fn record(&self) -> Vec<String> {
        let lab = &self.stage.bench.lab;
        let set = lab.record_set("contoso.com", RECORD, "TXT").unwrap();
        assert_eq!(set.ttl, 4);
        set.contents
    }

    fn new_host(&self) -> String {
        let mx = self.stage.mx();
        let host = mx.iter().find_map(|mx| mx.split(' ').nth(1));
        host.unwrap().trim_end_matches('.').to_owned()
    }

    fn walk(&self, args: &[&str]) -> String {
        let ran = self.stage.run(args);
        assert_eq!(ran.code, Some(0), "{ran}");
        ran.words()
    }
}

const THERE: &[&str] = &["apply", "{file}", "--yes", "--wait"];

#[test]
fn a_policy_file_is_written_before_the_move_after_it_and_on_the_way_back() {
    let site = Site::new(|file| format!("mta_sts:\n  policy: {}\n", file.display()));
    let old = policy("enforce", &[&site.legacy]);

    // The plan shows it whole, and changes nothing.
    let planned = site.walk(&["plan", "{file}"]);
    for wanted in [
        "publishes the MTA-STS policy:",
        &format!("mx: {}", site.legacy),
        "+ mx: assigned-by-microsoft.mx.microsoft",
        &format!("- {RECORD}. 4 IN TXT {FIRST_ID}"),
        &format!("+ {RECORD}. 4 IN TXT {}", id(1)),
        &format!("+ {RECORD}. 4 IN TXT {}", id(2)),
    ] {
        assert!(planned.contains(wanted), "{wanted}: {planned}");
    }
    assert_eq!(
        (site.text(), site.record()),
        (old.clone(), vec![FIRST_ID.to_owned()])
    );

    // Both hosts while the legacy one is listed: at no moment does the record announce what is not served.
    let done = std::sync::atomic::AtomicBool::new(false);
    let (seen, said) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut seen: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                // The record first: what it announces must be there already.
                let record = site.record();
                let now = (site.text(), record, site.stage.mx());
                if seen.last() != Some(&now) {
                    seen.push(now);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        let said = site.walk(THERE);
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (watch.join().unwrap(), said)
    });
    let new = site.new_host();
    let (both, after) = (
        policy("enforce", &[&site.legacy, &new]),
        policy("enforce", &[&new]),
    );
    for (text, record, mx) in &seen {
        let number = record[0].trim_matches('"').chars().last().unwrap();
        match number {
            '0' => assert!(*text == old || *text == both, "{text}"),
            '1' => assert!(*text == both || *text == after, "{text}"),
            '2' => assert_eq!(*text, after),
            other => panic!("{other}"),
        }
        if *text == after {
            assert_eq!(mx.len(), 1, "the legacy host is listed: {mx:?}");
        }
    }
    assert_eq!(
        (site.text(), site.record()),
        (after.clone(), vec![id(2)]),
        "{said}"
    );
    let mode = site.file.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o644);
    for wanted in [
        "The MTA-STS policy as it was found:",
        "publish the MTA-STS policy:",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    // Again: nothing to do.
    site.walk(THERE);
    assert_eq!((site.text(), site.record()), (after.clone(), vec![id(2)]));

    // Back: the old host is let in first, and in the end the policy is as it was, byte for byte, under a new id.
    let shown = site.walk(&["rollback", "{file}", "--dry-run"]);
    for wanted in [
        "mta-sts-back",
        "restore-mta-sts",
        &format!("+ mx: {}", site.legacy),
    ] {
        assert!(shown.contains(wanted), "{wanted}: {shown}");
    }
    assert_eq!(site.text(), after);
    site.walk(&["rollback", "{file}", "--yes", "--wait"]);
    assert_eq!((site.text(), site.record()), (old, vec![id(4)]));
    assert_eq!(site.stage.mx(), [format!("0 {}.", site.legacy)]);
    let left: Vec<_> = std::fs::read_dir(site.file.parent().unwrap())
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter(|name| name.starts_with(".mta-sts-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// An executable, and Microsoft's way: testing while the MX moves.
#[test]
fn an_executable_publishes_it_and_the_policy_only_tests_meanwhile() {
    let site = Site::new(|file| {
        let program = file.with_file_name("publish.sh");
        let script = format!(
            "#!/bin/sh\n[ \"$ROLLOUT_DOMAIN\" = contoso.com ] && [ -z \"$ROLLOUT_STATE\" ] || exit 9\ncat > {0}.new && mv {0}.new {0}\n",
            file.display()
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        "mta_sts:\n  publish: [./publish.sh]\n  during_move: testing\n".to_owned()
    });
    let until = &["apply", "{file}", "--yes", "--wait", "--until", "remove-mx"];
    site.walk(until);
    let new = site.new_host();
    assert_eq!(site.text(), policy("testing", &[&site.legacy, &new]));
    assert_eq!(site.record(), [id(1)]);
    site.walk(THERE);
    assert_eq!(site.text(), policy("enforce", &[&new]));
    assert_eq!(site.record(), [id(2)]);
}

/// What fails says why, and a policy that somebody else changed is left alone.
#[test]
fn an_executable_that_fails_and_a_file_that_was_changed_stop_the_run() {
    let site = Site::new(|_| {
        "mta_sts:\n  publish: [/bin/sh, -c, \"printf 'no \\\\033[31mspace' >&2; exit 3\"]\n"
            .to_owned()
    });
    let ran = site.stage.run(THERE);
    assert_eq!(ran.code, Some(1), "{ran}");
    let words = ran.words();
    for wanted in ["exit status: 3", "space", "effect.refused"] {
        assert!(words.contains(wanted), "{wanted}: {ran}");
    }
    assert!(!words.contains("\u{1b}[31m"), "{ran}");
    assert_eq!(site.record(), [FIRST_ID]);

    let site = Site::new(|file| format!("mta_sts:\n  policy: {}\n", file.display()));
    let served = site.stage.at("served.txt");
    std::fs::copy(&site.file, &served).unwrap();
    site.stage
        .bench
        .lab
        .serve_policy_file("contoso.com", &served);
    let theirs = site.text() + "# by hand\r\n";
    std::fs::write(&site.file, &theirs).unwrap();
    let begun = Instant::now();
    let ran = site.stage.run(&["plan", "{file}"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    assert!(ran.words().contains("mta-sts.conflict"), "{ran}");
    assert_eq!(site.text(), theirs);
    assert!(begun.elapsed() < Duration::from_secs(60));
}
