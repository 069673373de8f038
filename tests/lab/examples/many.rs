//! A laboratory of many domains, as a process of its own, for measuring what looks at it.
//!
//! `many FINISHED ORDINARY [SECURE-ORDINARY]` starts one on ports 53 and 25 of 127.77.0.x (so inside a network namespace, or as
//! root), prints where everything is as one line of JSON, and then obeys lines on standard input, answering each with a line:
//! `dns-delay MS`, `smtp-delay MS`, `dead-host ADDRESS` and `dead-server ADDRESS` (every new host, or the second name server of
//! every customer, gets this address too), `asked` (the counts since it was last said). It ends with its input.

#![expect(clippy::unwrap_used, reason = "a tool for measuring, by hand")]

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use rollout_lab::{DomainKind, DomainSeed, Edit, Lab, Options, Places, Timing};

fn main() {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|a| a.parse().unwrap())
        .collect();
    let number = |at: usize| numbers.get(at).copied().unwrap_or(0);
    let finished =
        (0..number(0)).map(|i| DomainSeed::new(&format!("finished{i}.com"), DomainKind::Finished));
    let ordinary = (0..number(1)).map(|i| DomainSeed::ordinary(&format!("ordinary{i}.ch")));
    let signed = (0..number(2)).map(|i| DomainSeed::ordinary(&format!("signed{i}.net")).signed());
    let domains: Vec<DomainSeed> = finished.chain(ordinary).chain(signed).collect();
    // The TTLs of the internet rather than of a laboratory: peers may use their caches.
    let timing = Timing {
        record_ttl: 3600,
        negative_ttl: 900,
        ds_ttl: 86_400,
        dnskey_ttl: 3600,
        microsoft_ttl: 900,
        infrastructure_ttl: 86_400,
        ..Timing::default()
    };
    let begun = Instant::now();
    let lab = Lab::start(Options {
        domains,
        timing,
        resolvers: 1,
        still: true,
        places: Places {
            network: Some((77, 0)),
            dns_port: Some(53),
            smtp_port: Some(25),
            https_port: Some(443),
            api_ports: None,
        },
        ..Options::default()
    })
    .unwrap();
    eprintln!("started in {:?}", begun.elapsed());
    let hosts: Vec<String> = (0..number(0))
        .map(|i| format!("finished{i}.com"))
        .map(|domain| lab.record_set(&domain, &domain, "MX").unwrap())
        .map(|mx| {
            let host = mx.contents[0].split_once(' ').unwrap().1;
            host.trim_end_matches('.').to_owned()
        })
        .collect();
    println!(
        "{}",
        serde_json::to_string(&lab.endpoints().unwrap()).unwrap()
    );
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let millis = |text: &str| Duration::from_millis(text.trim().parse().unwrap());
        match line.split_once(' ').unwrap_or((line.as_str(), "")) {
            ("dns-delay", ms) => lab.change_faults(|f| f.dns_delay = millis(ms)),
            ("smtp-delay", ms) => lab.change_faults(|f| f.smtp_delay = millis(ms)),
            ("dead-host", address) => {
                for host in &hosts {
                    also_at(&lab, host.split_once('.').unwrap().1, host, address);
                }
            }
            ("dead-server", address) => also_at(&lab, "net", "ns2.nameservice.net", address),
            ("asked", _) => {}
            (other, _) => panic!("unknown: {other}"),
        }
        println!("{}", serde_json::to_string(&lab.take_asked()).unwrap());
    }
    lab.stop();
}

/// Gives a name one more IPv4 address.
fn also_at(lab: &Lab, zone: &str, name: &str, address: &str) {
    let mut set = lab.record_set(zone, name, "A").unwrap();
    set.contents.push(address.to_owned());
    lab.edit_zone(zone, &[Edit::Replace(set)]).unwrap();
}
