//! The way back, from every stage of the move: it ends in the record set that was there, byte for byte.

use crate::kill::bench::{Domain, LONG, bench};

/// A step of each stage of the MX record set, and the last; `real::back` goes back from all of them, one after the other.
const STEPS: [&str; 4] = ["lower-ttl", "verify-added", "verify-swapped", "final-proof"];

impl Domain<'_> {
    /// How many DS records the parent has.
    fn ds(&self) -> usize {
        let (_, parent) = self.name.split_once('.').unwrap();
        let ds = self.bench.lab.record_set(parent, &self.name, "DS");
        ds.map_or(0, |set| set.contents.len())
    }
}

fn walk_until(domain: &Domain<'_>, step: &str) {
    let ended = domain
        .apply(&["--yes", "--wait", "--until", step])
        .end(LONG);
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

#[test]
fn from_every_stage_it_ends_in_the_original_record_set_and_no_mail_is_lost() {
    let names: Vec<String> = (0..STEPS.len()).map(|n| format!("back{n}.com")).collect();
    let bench = bench(&names.iter().map(String::as_str).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for (name, step) in names.iter().zip(STEPS) {
            let bench = &bench;
            scope.spawn(move || {
                let domain = Domain::new(bench, name);
                let original = domain.mx();
                walk_until(&domain, step);
                assert_ne!(domain.mx(), original, "{step}");
                let delegation = domain.ds();

                // Shown first: nothing is changed, and without anybody to ask nothing is begun.
                let file = domain.file.to_str().unwrap().to_owned();
                let before = domain.mx();
                let shown = domain.run(&["rollback", &file, "--dry-run"]);
                assert_eq!(shown.code(), Some(0), "{step}: {shown:?}");
                for wanted in ["restore-mx", "Total", "T_min"] {
                    assert!(shown.text.contains(wanted), "{step}, {wanted}: {shown:?}");
                }
                let asked = domain.run(&["rollback", &file]);
                assert_eq!(asked.code(), Some(2), "{step}: {asked:?}");
                assert_eq!(domain.mx(), before, "{step}");

                let ended = domain
                    .start(&["rollback", &file, "--yes", "--wait"])
                    .end(LONG);
                assert_eq!(ended.code(), Some(0), "{step}: {ended:?}");
                assert_eq!(domain.mx(), original, "{step}: {ended:?}");
                assert!(domain.ds() >= delegation, "{step}: DNSSEC is left alone");
                domain.mail_never_stopped();

                // Nothing is left to do, and the way there can be walked again.
                let again = domain.run(&["rollback", &file, "--yes"]);
                assert_eq!(again.code(), Some(0), "{step}: {again:?}");
                assert_eq!(domain.mx(), original, "{step}");
            });
        }
    });
}

/// `on_failure: rollback`: the new host takes mail, and within the soak refuses it.
#[test]
fn what_turns_bad_in_its_soak_is_taken_back_where_the_file_says_so() {
    let bench = bench(&["stop.com", "back.com"]);
    for (name, setting) in [("stop.com", ""), ("back.com", "on_failure: rollback\n")] {
        let domain = Domain::new(&bench, name);
        let original = domain.mx();
        let file = std::fs::read_to_string(&domain.file).unwrap();
        let file = file.replace("swapped_soak: 0", "swapped_soak: 40");
        assert!(file.contains("swapped_soak: 40"), "{file}");
        std::fs::write(&domain.file, file + setting).unwrap();
        let life = domain.apply(&["--yes", "--wait"]);
        let started = std::time::Instant::now();
        // The plan names the soak before; the walk stands in it.
        let soaks = |text: &str| {
            let done = text.split_once("swap-mx done");
            done.is_some_and(|(_, after)| after.contains("soaking since"))
        };
        while !soaks(&life.text()) {
            assert!(started.elapsed() < LONG, "{}", life.text());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let swapped = domain.mx();
        assert!(swapped.contents.len() == 2, "{swapped:?}");
        bench.lab.change_faults(|faults| {
            faults.new_host_refuses.insert(name.to_owned());
        });
        let ended = life.end(LONG);
        assert_eq!(ended.code(), Some(1), "{ended:?}");
        assert!(ended.text.contains("host.rejects"), "{ended:?}");
        let wanted = if setting.is_empty() {
            swapped
        } else {
            original
        };
        assert_eq!(domain.mx(), wanted, "{ended:?}");
        assert_eq!(
            ended.text.contains("going back: ") && ended.text.contains("goes back by itself"),
            !setting.is_empty(),
            "{ended:?}"
        );
    }
}
