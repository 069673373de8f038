//! When changes may be made: the stop file, change windows, freezes.

use std::time::{Duration, Instant};

use crate::kill::bench::{Domain, LONG, Life, bench};

fn until(life: &mut Life, what: &str, seen: impl Fn(&Life) -> bool) {
    let started = Instant::now();
    while !seen(life) {
        assert!(
            !life.is_over() && started.elapsed() < LONG,
            "{what}: {}",
            life.text()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stop_file_halts_every_effect_until_it_is_taken_away() {
    let bench = bench(&["uniform.com"]);
    let domain = Domain::new(&bench, "uniform.com");
    let mut life = domain.apply(&["--yes", "--wait"]);
    until(&mut life, "no write", |_| !domain.writes().is_empty());
    std::fs::write(domain.stop_file(), "mail outage\u{1b}[2J, ask Ada\n").unwrap();
    until(&mut life, "does not stop", |life| {
        life.text().contains("ask Ada")
    });
    let writes = domain.writes();
    std::thread::sleep(Duration::from_secs(3));
    life.signal("INT");
    let stopped = life.end(Duration::from_secs(20));
    assert_eq!(stopped.code(), Some(4), "{stopped:?}");
    assert!(
        stopped.text.contains("until it is taken away"),
        "{stopped:?}"
    );
    // Neither a timer, nor a person who calls apply, goes past it; both come back.
    let file = domain.file.to_str().unwrap();
    for args in [
        &["resume", "--no-wait"][..],
        &["apply", file, "--yes", "--no-wait"],
    ] {
        std::thread::sleep(Duration::from_millis(500));
        let halted = domain.run(args);
        assert_eq!(halted.code(), Some(4), "{halted:?}");
    }
    assert_eq!(domain.writes(), writes);
    let status = domain.run(&["status"]);
    assert!(status.text.contains("No run makes a change"), "{status:?}");
    for shown in [&stopped, &status, &domain.run(&["why", &domain.name])] {
        assert!(shown.text.contains("ask Ada"), "{shown:?}");
        assert!(!shown.text.contains("\u{1b}[2J"), "{shown:?}");
    }

    std::fs::remove_file(domain.stop_file()).unwrap();
    let done = domain.start(&["resume", "--wait"]).end(LONG);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}

#[test]
fn nothing_is_changed_in_a_freeze_nor_while_nobody_can_tell_of_one() {
    let bench = bench(&["victor.com"]);
    let domain = Domain::new(&bench, "victor.com");
    let text = std::fs::read_to_string(&domain.file).unwrap();
    std::fs::write(
        &domain.file,
        format!("{text}change:\n  zone: Europe/Berlin\n  freeze_file: freezes.yml\n"),
    )
    .unwrap();
    let freezes = domain.file.with_file_name("freezes.yml");
    let call = |code: i32, wanted: &[&str]| {
        let ended = domain.apply(&["--yes", "--no-wait"]).end(LONG);
        assert_eq!(ended.code(), Some(code), "{ended:?}");
        for wanted in wanted {
            assert!(ended.text.contains(wanted), "{wanted}: {ended:?}");
        }
        assert_eq!(domain.writes(), []);
    };
    // Before there is a run.
    call(3, &["change.freezes", "cannot be read"]);
    let frozen = "- {from: 2020-01-01, to: 2099-12-31, reason: year end}\n";
    std::fs::write(&freezes, frozen).unwrap();
    call(
        4,
        &["a change freeze lasts until Fri 2100-01-01 00:00 CET (Europe/Berlin): year end"],
    );
    std::fs::write(&freezes, "- {from: 2020-01-01\n").unwrap();
    call(3, &["change.freezes"]);

    std::fs::write(&freezes, "[]\n").unwrap();
    let done = domain.apply(&["--yes", "--wait"]).end(LONG);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
}
