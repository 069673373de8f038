//! The main job on real servers: PowerDNS and BIND as customers' name servers, a signed root, Unbound, Postfix.
//!
//! The program under test is the real binary. Who judges it shares no code with it: `delv`, `posttls-finger`,
//! `danetool`, and a sender that never stops.

mod back;
mod counting;
mod program;
mod scene;

use std::time::Duration;

use rollout_servers::internet::{DnsHost, Internet, SMTP_PORT};
use rollout_servers::judge::{self, Delv, Finger, Match};
use rollout_servers::namespace::run_inside;
use rollout_servers::sender::Report;

use program::{Ended, Program};
use scene::Scene;

/// The registrar's clerk: takes the DS as `rollout` prints it and enters it.
fn enter_the_printed_ds(scene: &Scene, walk: &mut Program) {
    let ds = walk.until("the DS for the registrar", |line| {
        line.trim_start().strip_prefix("DS: ").map(str::to_owned)
    });
    let fields = |text: &str| {
        let mut fields = text.split_whitespace();
        let mut head: Vec<String> = fields.by_ref().take(3).map(str::to_owned).collect();
        head.push(fields.collect::<String>().to_lowercase());
        head
    };
    // BIND's own tool computes it from what the server serves.
    let ours = scene.internet.ds_of(scene.domain).unwrap();
    assert!(
        ours.iter().any(|own| fields(own) == fields(&ds)),
        "{ds}: {ours:?}"
    );
    scene.internet.publish_ds(scene.domain, &[ds]).unwrap();
}

/// Waits until a step stands at a gate.
fn asks(walk: &mut Program, step: &str) {
    walk.until(&format!("{step} asks"), |line| {
        line.ends_with(&format!("{step} asks")).then_some(())
    });
}

/// What others find right after `rollout` says that the domain is protected. No patience: it was said to hold.
fn judges_agree(scene: &Scene) {
    let internet = &scene.internet;
    let new = Internet::new_mx(scene.domain);
    assert_eq!(scene.mx(), [format!("0 {new}")]);
    for resolver in &internet.resolvers {
        let delv = |name: &str, kind: &str| {
            judge::delv(resolver.dns_addr, &internet.bind_anchor_file(), name, kind).unwrap()
        };
        let mx = delv(scene.domain, "MX");
        assert!(
            matches!(&mx, Delv::FullyValidated(found) if found.len() == 1 && found[0].contains(&new)),
            "{mx:?}"
        );
        let tlsa = delv(&format!("_25._tcp.{new}"), "TLSA");
        // The alias, and both records of the shared set.
        assert!(
            matches!(&tlsa, Delv::FullyValidated(found) if found.len() == 3),
            "{tlsa:?}"
        );
    }
    let finger = judge::posttls_finger(&internet.postfix.configuration(), scene.domain).unwrap();
    assert!(matches!(finger, Finger::Verified(_)), "{finger:?}");
    assert_eq!(judge::danetool(&new, SMTP_PORT).unwrap(), Match::Yes);
}

/// A second call finds nothing to do, and does nothing.
fn nothing_is_left_to_do(scene: &Scene) {
    let writes = scene.writes();
    let mx = scene.mx();
    let again = scene.run(&["apply", "FILE", "--yes", "--wait"]);
    assert_eq!(again.code, 0, "{}", again.text());
    let plan = scene.run(&["plan", "FILE", "--detailed-exitcode"]);
    assert_eq!(
        plan.code,
        0,
        "5 would mean pending changes: {}",
        plan.text()
    );
    for said in [&again, &plan] {
        let text = said.text().to_lowercase();
        assert!(text.contains("nothing to do"), "{text}");
    }
    assert_eq!(
        scene.writes(),
        writes,
        "something was written: {:?}",
        scene.calls()
    );
    assert_eq!(scene.mx(), mx);
}

/// Mail never stopped, and went to the old host first and to the new one then.
fn mail_never_stopped(scene: &Scene, report: &Report) {
    assert!(report.always_worked(), "{report:?}");
    assert!(report.longest_gap < Duration::from_secs(6), "{report:?}");
    let hosts: Vec<&str> = report.hosts.iter().map(|(_, host)| host.as_str()).collect();
    let (old, new) = (
        Internet::legacy_mx(scene.domain),
        Internet::new_mx(scene.domain),
    );
    assert_eq!(hosts, [format!("{old}."), format!("{new}.")]);
}

/// The journal is whole.
fn history_verifies(scene: &Scene) {
    let history = scene.run(&["history", scene.domain, "--verify"]);
    assert_eq!(history.code, 0, "{}", history.text());
    assert!(history.text().contains("The chain is whole"));
}

fn measured(scene: &Scene, walk: &Ended) {
    let calls = scene.calls();
    let total: usize = calls.values().sum();
    println!(
        "MEASURED {}: {:.1} s, {total} API calls {calls:?}",
        scene.domain,
        walk.took.as_secs_f64()
    );
    assert!(total <= 60, "{calls:?}");
}

#[test]
fn a_domain_on_powerdns_becomes_protected() {
    run_inside(
        "real::a_domain_on_powerdns_becomes_protected",
        Internet::PROGRAMS,
        || {
            let scene = Scene::start("contoso.com", DnsHost::PowerDns);
            let sender = scene.sender();
            let mut walk = scene.rollout(&["apply", "FILE", "--yes", "--wait"]);
            enter_the_printed_ds(&scene, &mut walk);
            let walk = walk.end();
            assert_eq!(walk.code, 0, "{}", walk.text());
            judges_agree(&scene);
            mail_never_stopped(&scene, &sender.stop());
            measured(&scene, &walk);
            assert_eq!(
                scene.cmdlets(),
                ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"]
            );
            history_verifies(&scene);
            nothing_is_left_to_do(&scene);
            assert_eq!(
                scene.end(),
                [Internet::new_mx("contoso.com"), "TLSA".to_owned()]
            );
        },
    );
}

#[test]
fn a_domain_on_bind_becomes_protected_with_its_admin_signing() {
    run_inside(
        "real::a_domain_on_bind_becomes_protected_with_its_admin_signing",
        Internet::PROGRAMS,
        || {
            let scene = Scene::start("fabrikam.com", DnsHost::Bind);
            let sender = scene.sender();
            let mut walk = scene.rollout(&["apply", "FILE", "--yes", "--wait"]);
            // BIND has no interface for it: its administrator is asked, and does as told.
            asks(&mut walk, "sign-zone");
            scene.internet.bind.sign(scene.domain).unwrap();
            enter_the_printed_ds(&scene, &mut walk);
            let walk = walk.end();
            assert_eq!(walk.code, 0, "{}", walk.text());
            judges_agree(&scene);
            mail_never_stopped(&scene, &sender.stop());
            measured(&scene, &walk);
            history_verifies(&scene);
            nothing_is_left_to_do(&scene);
            assert_eq!(
                scene.end(),
                [Internet::new_mx("fabrikam.com"), "TLSA".to_owned()]
            );
        },
    );
}

/// A third MX, which nobody told `rollout` about.
const FOREIGN: &str = "mx.other.example";

/// That a call sees the foreign record, says so, and leaves everything as it is.
fn is_a_conflict(scene: &Scene, ended: &Ended, finding: &str, writes: usize, mx: &[String]) {
    assert_eq!(ended.code, 1, "{}", ended.text());
    assert!(
        ended.text().contains(&format!("[{finding}]")),
        "{}",
        ended.text()
    );
    assert!(ended.text().contains(FOREIGN), "{}", ended.text());
    assert_eq!(scene.writes(), writes, "{:?}", scene.calls());
    assert_eq!(scene.mx(), mx);
}

#[test]
fn a_foreign_change_on_bind_while_the_run_waits_at_a_gate_is_a_conflict() {
    run_inside(
        "real::a_foreign_change_on_bind_while_the_run_waits_at_a_gate_is_a_conflict",
        Internet::PROGRAMS,
        || {
            let scene = Scene::start("fabrikam.com", DnsHost::Bind);
            let sender = scene.sender();
            let (old, new) = (
                Internet::legacy_mx(scene.domain),
                Internet::new_mx(scene.domain),
            );
            let mut walk = scene.rollout(&["apply", "FILE", "--wait"]);
            asks(&mut walk, "sign-zone");
            asks(&mut walk, "swap-mx");
            let foreign = format!("{} 2 MX 10 {FOREIGN}.", scene.domain);
            scene.edit(&[format!("add {foreign}")]);
            let writes = scene.writes();
            let mx = [
                format!("0 {old}"),
                format!("10 {FOREIGN}"),
                format!("20 {new}"),
            ];
            // The run sees it where it stands, and everyone who calls it again, with every approval.
            is_a_conflict(&scene, &walk.end(), "mx.conflict", writes, &mx);
            let again = scene.run(&["apply", "FILE", "--yes", "--wait"]);
            is_a_conflict(&scene, &again, "mx.conflict", writes, &mx);

            scene.edit(&[format!("delete {} MX 10 {FOREIGN}.", scene.domain)]);
            let mut walk = scene.rollout(&["apply", "FILE", "--yes", "--wait"]);
            asks(&mut walk, "sign-zone");
            scene.internet.bind.sign(scene.domain).unwrap();
            enter_the_printed_ds(&scene, &mut walk);
            let walk = walk.end();
            assert_eq!(walk.code, 0, "{}", walk.text());
            judges_agree(&scene);
            mail_never_stopped(&scene, &sender.stop());
            history_verifies(&scene);
        },
    );
}

#[test]
fn a_foreign_change_on_powerdns_between_two_calls_is_a_conflict() {
    run_inside(
        "real::a_foreign_change_on_powerdns_between_two_calls_is_a_conflict",
        Internet::PROGRAMS,
        || {
            let scene = Scene::start("contoso.com", DnsHost::PowerDns);
            let sender = scene.sender();
            let (old, new) = (
                Internet::legacy_mx(scene.domain),
                Internet::new_mx(scene.domain),
            );
            let walk = scene.run(&["apply", "FILE", "--wait"]);
            assert_eq!(walk.code, 4, "only people can go on: {}", walk.text());
            let ours = [format!("0 {old}"), format!("20 {new}")];
            assert_eq!(scene.mx(), ours);

            let writes = scene.writes();
            let mx = [&ours[0], &format!("10 {FOREIGN}"), &ours[1]].map(String::clone);
            scene.set_mx(&mx);
            let approved = scene.run(&["approve", scene.domain, "swap"]);
            assert_eq!(approved.code, 0, "{}", approved.text());
            let walk = scene.run(&["apply", "FILE", "--wait"]);
            is_a_conflict(&scene, &walk, "mx.conflict", writes, &mx);

            scene.set_mx(&ours);
            let mut walk = scene.run(&["apply", "FILE", "--wait", "--until", "swap-mx"]);
            if walk.code == 3 {
                // A server was too slow to tell on a busy machine, which is right to say, and to try again.
                walk = scene.run(&["apply", "FILE", "--wait", "--until", "swap-mx"]);
            }
            assert_eq!(walk.code, 0, "{}", walk.text());
            assert_eq!(scene.mx(), [format!("0 {new}"), format!("30 {old}")]);
            // The sender's resolver may hold the set from before for a while.
            std::thread::sleep(Duration::from_secs(6));
            let report = sender.stop();
            println!("{report:?}");
            mail_never_stopped(&scene, &report);
        },
    );
}

/// Killed at random instants of one walk on real servers (50, or `ROLLOUT_KILLS`): the same end, every effect once, mail all the while.
#[test]
fn killed_at_random_instants_on_powerdns() {
    run_inside(
        "real::killed_at_random_instants_on_powerdns",
        Internet::PROGRAMS,
        || {
            let kills_wanted: usize = std::env::var("ROLLOUT_KILLS").map_or(50, |count| {
                count.parse().expect("ROLLOUT_KILLS is a number")
            });
            let scene = Scene::start("contoso.com", DnsHost::PowerDns);
            let sender = scene.sender();
            let mut seed = std::process::id() as u64 ^ 0x5eed;
            println!("seed {seed}");
            let (mut kills, mut entered) = (0, false);
            let code = loop {
                let mut life = scene.rollout(&["apply", "FILE", "--yes", "--wait"]);
                if kills == kills_wanted && entered {
                    break life.end().code;
                }
                // Short lives die while they look, longer ones around an effect.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let delay = Duration::from_millis(20 + (seed >> 33) % 680);
                let over = kills < kills_wanted && life.ended_within(delay);
                if kills == kills_wanted {
                    enter_the_printed_ds(&scene, &mut life);
                    entered = true;
                } else if !entered {
                    let ds =
                        life.so_far(|l| l.trim_start().strip_prefix("DS: ").map(str::to_owned));
                    if let Some(ds) = ds {
                        scene.internet.publish_ds(scene.domain, &[ds]).unwrap();
                        entered = true;
                    }
                }
                if over || kills == kills_wanted {
                    break life.end().code;
                }
                life.kill();
                kills += 1;
            };
            assert_eq!(code, 0);
            println!("MEASURED {kills} kills, calls {:?}", scene.calls());
            judges_agree(&scene);
            mail_never_stopped(&scene, &sender.stop());
            assert_eq!(
                scene.cmdlets(),
                ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"]
            );
            let writes = scene.calls();
            let patches: usize = writes
                .iter()
                .filter(|(call, _)| call.contains("PATCH"))
                .map(|(_, count)| count)
                .sum();
            assert_eq!(patches, 5, "each MX change once: {writes:?}");
            history_verifies(&scene);
            nothing_is_left_to_do(&scene);
            assert!(kills >= 20, "{kills}: too few to mean anything");
        },
    );
}
