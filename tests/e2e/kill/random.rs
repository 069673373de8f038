//! `kill -9` at random instants, resumed each time.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::bench::{Domain, LONG, bench};

/// So many kills in all.
const KILLS: usize = 50;
/// Domains that are killed, and the one that is left in peace.
const DOMAINS: [&str; 8] = [
    "alpha.com",
    "bravo.com",
    "charlie.ch",
    "delta.com",
    "echo.net",
    "foxtrot.com",
    "golf.ch",
    "hotel.com",
];
const UNDISTURBED: &str = "quiet.com";
/// So many kills hit one domain at most; then it may go on to its end.
const EACH: usize = 10;
/// A life ends after at most this long. An undisturbed walk takes a dozen seconds.
const LONGEST_LIFE: Duration = Duration::from_millis(2200);

/// Numbers that look random and can be had again (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: Duration) -> Duration {
        let micros = u64::try_from(end.as_micros()).unwrap();
        Duration::from_micros(self.next() % micros)
    }
}

#[derive(Default)]
struct Figures {
    kills: usize,
    resumes: usize,
    effects: usize,
    mails: u64,
    longest_gap: Duration,
}

#[test]
fn killed_at_fifty_random_instants_every_domain_ends_like_an_undisturbed_one() {
    let seed = std::env::var("ROLLOUT_KILL_SEED").map_or_else(
        |_| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) ^ now.as_secs()
        },
        |seed| seed.parse().unwrap(),
    );
    println!("to repeat: ROLLOUT_KILL_SEED={seed}");
    let all: Vec<&str> = DOMAINS.into_iter().chain([UNDISTURBED]).collect();
    let bench = bench(&all);
    let quiet = Domain::new(&bench, UNDISTURBED);
    let queue = Mutex::new(DOMAINS.into_iter().enumerate().collect::<VecDeque<_>>());
    let figures = Mutex::new(Figures::default());
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let walked = quiet.apply(&["--yes", "--wait"]).end(LONG);
            assert_eq!(walked.code(), Some(0), "{walked:?}");
            quiet.is_moved();
            quiet.each_once(quiet.counts());
        });
        for _ in 0..5 {
            scope.spawn(|| {
                while figures.lock().unwrap().kills < KILLS {
                    let Some((number, name)) = queue.lock().unwrap().pop_front() else {
                        break;
                    };
                    let domain = Domain::new(&bench, name);
                    torment(&domain, Dice(seed ^ number as u64), &figures);
                    ended.lock().unwrap().push(domain);
                }
            });
        }
    });
    let ended = ended.into_inner().unwrap();
    let mut figures = figures.into_inner().unwrap();
    for domain in &ended {
        domain.is_moved();
        assert_eq!(
            domain.end_state(),
            quiet.end_state(),
            "{} ended elsewhere than a domain that was left in peace",
            domain.name
        );
        domain.each_once(domain.counts());
        figures.effects += domain.writes().iter().filter(|w| w.effect).count();
    }
    for domain in ended.iter().chain([&quiet]) {
        let (mails, gap) = domain.mail_never_stopped();
        figures.mails += mails;
        figures.longest_gap = figures.longest_gap.max(gap);
    }
    println!(
        "{} kills, {} resumes over {} domains; {} effects, each once; {} mails, none late, longest gap {:?}",
        figures.kills,
        figures.resumes,
        ended.len(),
        figures.effects,
        figures.mails,
        figures.longest_gap
    );
    assert!(figures.kills >= KILLS, "only {} kills", figures.kills);
}

/// Kills one domain's driver again and again until the domain is done.
fn torment(domain: &Domain<'_>, mut dice: Dice, figures: &Mutex<Figures>) {
    let mut kills = 0;
    let started = Instant::now();
    loop {
        // A timer's `resume` goes on as well as a person's `apply`.
        let mut life = if kills > 0 && dice.next().is_multiple_of(2) {
            domain.start(&["resume", "--wait"])
        } else {
            domain.apply(&["--yes", "--wait"])
        };
        if kills > 0 {
            figures.lock().unwrap().resumes += 1;
        }
        if kills < EACH {
            std::thread::sleep(dice.below(LONGEST_LIFE));
            if life.kill() {
                kills += 1;
                figures.lock().unwrap().kills += 1;
                continue;
            }
        }
        let ended = life.end(LONG);
        let resumed = ended.called.starts_with("resume");
        if resumed && (ended.text.contains("No run is unfinished") || ended.code() == Some(4)) {
            // The life of each `apply` was too short to begin the run, or to note that `--yes` answers its gates: that
            // can only be said again.
            continue;
        }
        assert_eq!(
            ended.code(),
            Some(0),
            "{} after {kills} kills: {ended:?}",
            domain.name
        );
        println!(
            "{}: done after {kills} kills in {:?}",
            domain.name,
            started.elapsed()
        );
        return;
    }
}
