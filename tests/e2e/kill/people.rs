//! Other processes and people beside the one that drives: a second driver, signals, brakes, gates.

use std::time::{Duration, Instant};

use super::bench::{Domain, LONG, Life, bench};

fn until_first_write(domain: &Domain<'_>, life: &mut Life) {
    let started = Instant::now();
    while domain.writes().is_empty() {
        assert!(
            !life.is_over() && started.elapsed() < LONG,
            "{}",
            life.text()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn of_two_processes_the_second_says_who_drives_and_changes_nothing() {
    let bench = bench(&["oscar.com"]);
    let domain = Domain::new(&bench, "oscar.com");
    // All at once, before there is a run: one begins it.
    let mut racing: Vec<Life> = (0..3).map(|_| domain.apply(&["--yes", "--wait"])).collect();
    let started = Instant::now();
    while racing.len() > 1 {
        assert!(started.elapsed() < LONG);
        if let Some(over) = racing.iter_mut().position(Life::is_over) {
            let second = racing.remove(over).end(LONG);
            assert_eq!(second.code(), Some(4), "{second:?}");
            assert!(second.text.contains("is driven by"), "{second:?}");
            assert!(
                racing
                    .iter()
                    .any(|life| second.text.contains(&format!("process {}", life.pid()))),
                "{second:?}"
            );
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut first = racing.pop().unwrap();
    until_first_write(&domain, &mut first);
    for args in [&["--yes", "--wait"][..], &["--yes", "--no-wait"]] {
        let late = domain.apply(args).end(LONG);
        assert_eq!(late.code(), Some(4), "{late:?}");
        let who = format!("process {}", first.pid());
        assert!(late.text.contains(&who), "{late:?}");
    }
    let timer = domain.run(&["resume", "--no-wait"]);
    assert_eq!(timer.code(), Some(4), "{timer:?}");
    let done = first.end(LONG);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}

#[test]
fn an_interrupt_or_a_termination_stops_cleanly_and_says_how_to_go_on() {
    let bench = bench(&["papa.com"]);
    let domain = Domain::new(&bench, "papa.com");
    let mut life = domain.apply(&["--yes", "--wait"]);
    until_first_write(&domain, &mut life);
    for (signal, again) in [("INT", "resume"), ("TERM", "apply")] {
        std::thread::sleep(Duration::from_millis(700));
        life.signal(signal);
        let asked = Instant::now();
        let stopped = life.end(Duration::from_secs(10));
        assert_eq!(stopped.code(), Some(4), "{signal}: {stopped:?}");
        println!("{signal}: stopped after {:?}", asked.elapsed());
        let said = stopped.text.to_lowercase();
        assert!(
            said.contains("to go on") && said.contains("rollout apply"),
            "{signal}: {stopped:?}"
        );
        let left = domain.run(&["status", "--json"]);
        assert!(
            !left.text.contains("\"owner\":{"),
            "the lease is given back: {left:?}"
        );
        life = match again {
            "resume" => domain.start(&["resume", "--wait"]),
            _ => domain.apply(&["--yes", "--wait"]),
        };
    }
    let done = life.end(LONG);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}

#[test]
fn people_pause_approve_and_abort_from_elsewhere() {
    let bench = bench(&["quebec.com"]);
    let domain = Domain::new(&bench, "quebec.com");
    let name = domain.name.as_str();

    // A pause reaches the process that drives.
    let mut life = domain.apply(&["--wait"]);
    until_first_write(&domain, &mut life);
    assert_eq!(domain.run(&["pause", name]).code(), Some(0));
    let paused = life.end(Duration::from_secs(20));
    assert_eq!(paused.code(), Some(4), "{paused:?}");
    assert!(paused.text.contains("paused"), "{paused:?}");
    let writes = domain.writes();
    let resume = domain.run(&["resume", "--wait"]);
    assert_eq!(resume.code(), Some(4), "{resume:?}");
    assert_eq!(domain.writes(), writes, "a timer does not end a pause");

    // Gates are answered one by one; each time the run goes to the next.
    let mut gates = 0;
    let mut ended = domain.apply(&["--wait"]).end(LONG);
    let mut mx = domain.mx();
    while ended.code() == Some(4) {
        let open: Vec<&str> = ["smart-hosts", "swap", "removal", "ds"]
            .into_iter()
            .filter(|gate| {
                ended
                    .text
                    .contains(&format!("rollout approve {name} {gate}"))
            })
            .collect();
        assert!(!open.is_empty(), "{ended:?}");
        gates += 1;
        assert!(gates < 5, "{ended:?}");
        if gates == 3 {
            break;
        }
        assert_eq!(domain.run(&["approve", name, open[0]]).code(), Some(0));
        ended = domain.start(&["resume", "--wait"]).end(LONG);
        if open[0] == "swap" {
            assert_ne!(domain.mx(), mx, "{ended:?}");
            mx = domain.mx();
        }
    }

    // Giving up undoes nothing, and says so with exit 1 to whoever drives.
    let mut life = domain.apply(&["--wait", "--yes", "--until", "delegate"]);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(domain.run(&["abort", name]).code(), Some(0));
    while !life.is_over() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let aborted = life.end(LONG);
    assert_eq!(aborted.code(), Some(1), "{aborted:?}");

    // A new run goes on from what is there.
    let done = domain.apply(&["--yes", "--wait"]).end(LONG);
    assert_eq!(done.code(), Some(0), "{done:?}");
    domain.is_moved();
    domain.each_once(domain.counts());
    println!("{:?}", domain.mail_never_stopped());
}
