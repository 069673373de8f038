//! Somebody else changes the MX record set: a conflict, and nothing is overwritten.

use std::time::Instant;

use rollout_lab::{Edit, RecordSet};

use super::bench::{Domain, Ended, LONG, bench};

/// Adds an MX host that the run knows nothing of, and returns the record set before and after.
fn meddle(domain: &Domain<'_>) -> (RecordSet, RecordSet) {
    let before = domain.mx();
    let mut after = before.clone();
    after.contents.push("50 mx.elsewhere.net.".to_owned());
    put(domain, &after);
    (before, domain.mx())
}

fn put(domain: &Domain<'_>, set: &RecordSet) {
    domain
        .bench
        .lab
        .edit_zone(&domain.name, &[Edit::Replace(set.clone())])
        .unwrap();
}

/// Undoes it and applies again: for as long as the second name server, which takes its time, still serves it, it is the same
/// conflict.
fn undo(domain: &Domain<'_>, before: &RecordSet, args: &[&str]) -> Ended {
    put(domain, before);
    let since = Instant::now();
    loop {
        let ended = domain.apply(args).end(LONG);
        let is_conflict = ended.code() == Some(1) && ended.text.contains("mx.elsewhere.net");
        if !is_conflict || since.elapsed() > LONG {
            return ended;
        }
    }
}

#[test]
fn a_change_between_plan_and_apply_refuses_the_plan() {
    let bench = bench(&["mike.com"]);
    let domain = Domain::new(&bench, "mike.com");
    let saved = bench.folder.path().join("saved.json");
    let saved = saved.to_str().unwrap();
    let file = domain.file.to_str().unwrap();
    let plan = domain.run(&["plan", file, "--out", saved]);
    assert_eq!(plan.code(), Some(0), "{plan:?}");

    let (before, after) = meddle(&domain);
    let refused = domain
        .apply(&["--plan", saved, "--yes", "--wait"])
        .end(LONG);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    assert!(refused.text.contains("mx.elsewhere.net"), "{refused:?}");
    assert!(refused.text.contains("Nothing was done"), "{refused:?}");
    assert_eq!(domain.mx(), after, "nothing is overwritten");
    assert_eq!(domain.writes(), []);

    let done = undo(&domain, &before, &["--plan", saved, "--yes", "--wait"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}

#[test]
fn a_change_between_two_steps_is_a_conflict_until_it_is_undone() {
    let bench = bench(&["november.com"]);
    let domain = Domain::new(&bench, "november.com");
    let waiting = domain.apply(&["--wait"]).end(LONG);
    assert!(waiting.text.contains("gate smart-hosts"), "{waiting:?}");
    let approved = domain.run(&["approve", &domain.name, "smart-hosts"]);
    assert_eq!(approved.code(), Some(0), "{approved:?}");
    let waiting = domain.apply(&["--wait"]).end(LONG);
    assert_eq!(waiting.code(), Some(4), "{waiting:?}");
    assert!(waiting.text.contains("gate swap"), "{waiting:?}");

    let (before, after) = meddle(&domain);
    let writes = || {
        let mut counts = domain.counts();
        counts.remove("PUT metadata");
        counts
    };
    let so_far = writes();
    for _ in 0..2 {
        let conflict = domain.apply(&["--yes", "--wait"]).end(LONG);
        assert_eq!(conflict.code(), Some(1), "{conflict:?}");
        assert!(conflict.text.contains("mx.elsewhere.net"), "{conflict:?}");
        assert_eq!(domain.mx(), after, "nothing is overwritten");
        assert_eq!(writes(), so_far, "nothing was written to the MX record set");
    }

    let done = undo(&domain, &before, &["--yes", "--wait"]);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}
