//! Tests of the store, by what they are about.

mod files;
mod journal;
mod lease_sequences;
mod leases;
mod migrations;
mod processes;

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::*;

const TTL: Duration = Duration::from_secs(30);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn new_run(domain: &str) -> NewRun {
    NewRun {
        domain: domain.to_owned(),
        domain_file: PathBuf::from("domains/example.yml"),
        playbook: "dane".to_owned(),
        playbook_text: "steps: [lower-ttl]\n".to_owned(),
        settings: json!({"profile": "overlap"}),
        memory: None,
    }
}

fn owner(pid: u32) -> Owner {
    Owner {
        token: Uuid::from_u128(pid.into()),
        user: "admin".to_owned(),
        host: "mx-admin".to_owned(),
        pid,
        birth: None,
    }
}

/// A state file path in a fresh directory that does not exist yet.
fn fresh() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = path_in(&directory.path().join("state"));
    (directory, path)
}

async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, StoreOptions::default())
        .await
        .unwrap()
}

/// A store in memory whose leases run on a clock of the test's.
fn with_clock() -> (SqliteStore, TestDatabaseClock) {
    let clock = TestDatabaseClock::new(at(0));
    let options = StoreOptions {
        test_clock: Some(clock.clone()),
        ..StoreOptions::default()
    };
    (SqliteStore::in_memory(options).unwrap(), clock)
}

fn note(text: &str) -> Transition {
    Transition::entries(vec![Entry::note(at(1), json!({"text": text}))])
}
