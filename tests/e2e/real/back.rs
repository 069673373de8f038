//! The way back on real servers, from every step in turn: the zone is what it was, byte for byte, and mail never stops.

use std::collections::BTreeMap;
use std::time::Duration;

use rollout_servers::internet::{DnsHost, Internet};
use rollout_servers::namespace::run_inside;

use super::enter_the_printed_ds;
use super::scene::Scene;

/// Every step after which the MX record set or the tenant is another than before.
const STEPS: [&str; 8] = [
    "lower-ttl",
    "add-mx",
    "verify-added",
    "swap-mx",
    "verify-swapped",
    "remove-mx",
    "enable-dane",
    "final-proof",
];

/// A zone as PowerDNS has it: by name and type, the TTL and the values. The serial counts changes, and is left out.
type Held = BTreeMap<(String, String), (u64, Vec<String>)>;

impl Scene {
    fn held(&self) -> Held {
        let zone = self.powerdns_zone();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        zone["rrsets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|set| set["type"] != "SOA")
            .map(|set| {
                let records = set["records"].as_array().unwrap();
                let mut values: Vec<String> = records
                    .iter()
                    .map(|record| text(&record["content"]))
                    .collect();
                values.sort();
                let key = (text(&set["name"]), text(&set["type"]));
                (key, (set["ttl"].as_u64().unwrap(), values))
            })
            .collect()
    }
}

/// One domain goes there and back for each step, so that each later walk also starts where an earlier one was undone.
#[test]
#[ignore = "eight walks one after the other take minutes: tests/heavy.sh"]
fn from_every_step_on_powerdns_the_zone_is_what_it_was() {
    run_inside(
        "real::back::from_every_step_on_powerdns_the_zone_is_what_it_was",
        Internet::PROGRAMS,
        || {
            let scene = Scene::start("contoso.com", DnsHost::PowerDns);
            let original = scene.held();
            let sender = scene.sender();
            for (round, step) in STEPS.into_iter().enumerate() {
                let until = ["apply", "FILE", "--yes", "--wait", "--until", step];
                let mut there = scene.rollout(&until);
                // Signing is not undone: the DS is asked for once.
                if round == 1 {
                    enter_the_printed_ds(&scene, &mut there);
                }
                let there = there.end();
                assert_eq!(there.code, 0, "{step}: {}", there.text());
                assert_ne!(scene.held(), original, "{step}");

                let back = scene.run(&["rollback", "FILE", "--yes", "--wait"]);
                assert_eq!(back.code, 0, "{step}: {}", back.text());
                assert_eq!(scene.held(), original, "{step}");
                println!(
                    "MEASURED back from {step} in {:.1} s",
                    back.took.as_secs_f64()
                );
            }
            let report = sender.stop();
            assert!(report.always_worked(), "{report:?}");
            assert!(report.longest_gap < Duration::from_secs(6), "{report:?}");
            println!(
                "MEASURED {} deliveries tried, longest gap {:?}",
                report.attempts, report.longest_gap
            );
        },
    );
}
