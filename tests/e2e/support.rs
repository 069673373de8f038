//! What the end-to-end tests share.

use std::path::PathBuf;
use std::time::Duration;

use rollout::domain_file;
use rollout::engine::store::{Owner, SqliteStore, StoreOptions};
use rollout::redact::Redactor;
use rollout_lab::{Lab, Options, Timing};

/// A laboratory with short times, and a folder with domain files on it.
pub struct Bench {
    pub lab: Lab,
    pub folder: tempfile::TempDir,
    pub timing: Timing,
}

/// TTLs as short as whole seconds allow, so that a walk takes seconds.
pub fn quick() -> Timing {
    Timing {
        record_ttl: 4,
        negative_ttl: 2,
        ds_ttl: 2,
        dnskey_ttl: 2,
        microsoft_ttl: 2,
        parent_scan: Duration::from_millis(500),
        parent_hold: Duration::from_millis(500),
        parent_batch: Duration::from_millis(500),
        cmdlet: Duration::from_millis(500),
        cmdlet_limit: Duration::from_secs(1),
        new_host: Duration::from_millis(500),
        tlsa: Duration::from_secs(1),
        ..Timing::default()
    }
}

impl Bench {
    pub fn start(options: Options) -> Self {
        install_crypto();
        let timing = options.timing.clone();
        Self {
            lab: Lab::start(options).unwrap(),
            folder: tempfile::tempdir().unwrap(),
            timing,
        }
    }

    pub fn file(&self, domain: &str, extra: &str) -> PathBuf {
        let endpoints = self.lab.endpoints().unwrap();
        let path = rollout::laboratory::write_domain_file(
            self.folder.path(),
            domain,
            &endpoints,
            &self.timing,
            extra,
        )
        .unwrap();
        // The laboratory runs in this process: commands must not start it again.
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("laboratory: ./lab\n", "")).unwrap();
        path
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state").join("rollout.db")
    }
}

pub fn install_crypto() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

pub async fn store(bench: &Bench) -> SqliteStore {
    SqliteStore::open(bench.state(), StoreOptions::default())
        .await
        .unwrap()
}

pub fn owner() -> Owner {
    Owner::this_process()
}

pub fn redactor() -> Redactor {
    Redactor::new()
}

pub fn load(path: &std::path::Path) -> domain_file::Loaded {
    domain_file::load(path).unwrap_or_else(|e| panic!("{}", e.render(false, 100)))
}
