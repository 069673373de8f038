//! The legacy host goes away in the middle of a move: what stops, what is still done, and until when it matters.

use std::time::Duration;

use crate::kill::bench::{Domain, Ended, LONG, bench};

const ON: [&str; 2] = ["--yes", "--wait"];

fn walk_until(domain: &Domain<'_>, step: &str) {
    let ended = domain
        .apply(&["--yes", "--wait", "--until", step])
        .end(LONG);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

fn legacy_goes(domain: &Domain<'_>) {
    let name = domain.name.clone();
    domain.bench.lab.change_faults(|faults| {
        faults.legacy_gone.insert(name);
    });
    // Nobody has its address any more, and the zone of the hosts has taken the change up.
    std::thread::sleep(Duration::from_secs(4));
}

/// The walk stops with the alarm, and says what is safe now.
fn alarm(domain: &Domain<'_>) -> Ended {
    let ended = domain.apply(&ON).end(LONG);
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    for wanted in ["legacy.gone", "NXDOMAIN", "do not go back"] {
        assert!(ended.text.contains(wanted), "{wanted}: {ended:?}");
    }
    let why = domain.run(&["why", &domain.name]);
    assert!(why.text.contains("legacy.gone"), "{why:?}");
    // What does not help with this is left alone.
    let counts = domain.counts();
    assert_eq!(counts.get("Enable-SmtpDaneInbound"), None, "{counts:?}");
    ended
}

/// Called again and again, it ends well, and nothing was done twice.
fn ends_well(domain: &Domain<'_>) {
    for _ in 0..12 {
        let ended = domain.apply(&ON).end(LONG);
        match ended.code() {
            Some(0) => {
                // The alarm may have ended while this call waited for something else.
                domain.is_moved();
                domain.each_once(domain.counts());
                return;
            }
            Some(1) => assert!(ended.text.contains("legacy.gone"), "{ended:?}"),
            other => panic!("{other:?}: {ended:?}"),
        }
        std::thread::sleep(Duration::from_secs(2));
    }
    panic!(
        "the alarm does not end: {:?}",
        domain.run(&["why", &domain.name])
    );
}

#[test]
fn between_adding_and_swapping_the_swap_is_hastened_and_the_run_stops() {
    let bench = bench(&["romeo.com"]);
    let domain = Domain::new(&bench, "romeo.com");
    walk_until(&domain, "add-mx");
    let legacy = domain.mx().contents.iter().min().cloned().unwrap();
    assert!(
        legacy.starts_with("0 ") && !legacy.contains("mx.microsoft"),
        "{legacy}"
    );
    legacy_goes(&domain);
    alarm(&domain);
    // New mail goes to the new host first, whatever else was done.
    let mx = domain.mx();
    let first = mx.contents.iter().find(|mx| mx.starts_with("0 ")).unwrap();
    assert!(first.ends_with(".mx.microsoft."), "{mx:?}");
    ends_well(&domain);
}

#[test]
fn after_the_swap_it_is_an_alarm_while_caches_may_hold_it() {
    let bench = bench(&["sierra.com"]);
    let domain = Domain::new(&bench, "sierra.com");
    walk_until(&domain, "swap-mx");
    legacy_goes(&domain);
    alarm(&domain);
    ends_well(&domain);
}

#[test]
fn after_its_last_copy_expired_nobody_minds() {
    let bench = bench(&["tango.com"]);
    let domain = Domain::new(&bench, "tango.com");
    walk_until(&domain, "remove-mx");
    // The TTL of the RRset that named it is 2 s.
    std::thread::sleep(Duration::from_secs(3));
    legacy_goes(&domain);
    let ended = domain.apply(&ON).end(LONG);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(!ended.text.contains("legacy."), "{ended:?}");
    domain.is_moved();
}
