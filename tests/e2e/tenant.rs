//! What all domains of a tenant have in common is asked once for all of them.

use std::process::Command;

use rollout_lab::{DomainSeed, LogEntry};

use crate::support::{Bench, quick};

const NAMES: [&str; 3] = ["contoso.com", "fabrikam.ch", "litware.net"];

fn calls(log: &[LogEntry], operation: &str) -> usize {
    log.iter()
        .filter(|entry| entry.operation == operation)
        .count()
}

#[test]
fn three_domains_in_one_plan_ask_the_tenant_once() {
    let bench = Bench::start(rollout_lab::Options {
        timing: quick(),
        ..rollout_lab::Options::with_domains(NAMES.map(DomainSeed::ordinary))
    });
    let files = NAMES.map(|name| bench.file(name, ""));
    let before = bench.lab.log().len();
    let output = Command::new(env!("CARGO_BIN_EXE_rollout"))
        .arg("plan")
        .args(&files)
        .env("ROLLOUT_STATE", bench.folder.path().join("state"))
        .env_remove("RUST_LOG")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let log = bench.lab.log().split_off(before);
    for shared in [
        "Get-AcceptedDomain",
        "Get-OutboundConnector",
        "Get-InboundConnector",
        "GET domains",
    ] {
        assert_eq!(calls(&log, shared), 1, "{shared}: {log:#?}");
    }
    // What is said of each domain alone is asked for each.
    for own in [
        "Get-DnssecStatusForVerifiedDomain",
        "Get-IPv6StatusForAcceptedDomain",
    ] {
        let of = |name| {
            log.iter()
                .filter(|entry| entry.operation == own && entry.domain.as_deref() == Some(name))
                .count()
        };
        assert_eq!(NAMES.map(of), [1; 3], "{own}: {log:#?}");
    }
}
