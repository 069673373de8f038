//! A timer that calls `resume --no-wait` all the time.

use std::time::{Duration, Instant};

use super::bench::{Domain, LONG, bench};

#[test]
fn short_lives_reach_the_end_and_each_says_when_to_come_back() {
    let bench = bench(&["romeo.com"]);
    let domain = Domain::new(&bench, "romeo.com");
    let started = Instant::now();
    let mut ended = domain.apply(&["--yes", "--no-wait"]).end(LONG);
    let mut lives = 1;
    while ended.code() != Some(0) {
        assert_eq!(ended.code(), Some(4), "{ended:?}");
        assert!(ended.text.contains(" UTC"), "no time is named: {ended:?}");
        assert!(started.elapsed() < LONG, "{ended:?}");
        std::thread::sleep(Duration::from_millis(200));
        ended = domain.run(&["resume", "--no-wait"]);
        lives += 1;
    }
    domain.is_moved();
    domain.each_once(domain.counts());
    let after = domain.run(&["resume", "--no-wait"]);
    assert_eq!(after.code(), Some(0), "{after:?}");
    println!(
        "{lives} lives in {:?}, {:?}",
        started.elapsed(),
        domain.mail_never_stopped()
    );
    assert!(lives > 1, "no walk has no wait");
}
