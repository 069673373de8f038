//! What the state store costs: `cargo bench --bench store`.
//!
//! Prints durable transitions per second, as a ratio to what this disk can sync, and how long `status` takes to open
//! and read a store of many runs. `ROLLOUT_BENCH_RUNS` sets how many (default 10,000).

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rollout::engine::store::{
    Entry, NewRun, Owner, ReadOnlyStore, SqliteStore, Store as _, StoreOptions, StoreReader as _,
    Transition, path_in,
};
use serde_json::json;

const TTL: Duration = Duration::from_secs(600);

fn new_run(number: usize) -> NewRun {
    NewRun {
        domain: format!("d{number}.example"),
        domain_file: "domain.yml".into(),
        playbook: "dane".to_owned(),
        // About as long as a real one.
        playbook_text: "- step: something\n".repeat(150),
        settings: json!({}),
        memory: None,
    }
}

/// Appends and syncs of one page to a bare file: the limit of this disk.
fn syncs_per_second(directory: &Path) -> std::io::Result<f64> {
    const TIMES: u32 = 200;
    let mut file = std::fs::File::create(directory.join("bare"))?;
    let began = Instant::now();
    for _ in 0..TIMES {
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
    }
    Ok(f64::from(TIMES) / began.elapsed().as_secs_f64())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runs = match std::env::var("ROLLOUT_BENCH_RUNS") {
        Ok(number) => number.parse()?,
        Err(_) => 10_000,
    };
    let directory = tempfile::tempdir()?;
    let path = path_in(directory.path());
    let store = SqliteStore::open(&path, StoreOptions::default()).await?;
    let owner = Owner::this_process();

    let lease = store.create_run(new_run(0), &owner, TTL).await?;
    let transitions = 300_u32;
    let began = Instant::now();
    for _ in 0..transitions {
        let (id, intent) = Entry::intent(Timestamp::now(), json!({"action": "change a record"}));
        store
            .append(&lease, Transition::entries(vec![intent]))
            .await?;
        let outcome = Entry::outcome(Timestamp::now(), id, json!("done"));
        let transition = Transition::entries(vec![outcome]).memory(json!({"ttl": 3600}));
        store.append(&lease, transition).await?;
    }
    let rate = f64::from(transitions) / began.elapsed().as_secs_f64();
    let limit = syncs_per_second(directory.path())?;
    println!("transitions (intent and outcome, both durable): {rate:.0}/s");
    println!(
        "  commits per bare sync of this disk: {:.2}",
        2.0 * rate / limit
    );

    for number in 1..runs {
        store
            .create_run(new_run(number), &owner, Duration::ZERO)
            .await?;
    }
    let began = Instant::now();
    let found = ReadOnlyStore::new(&path).runs(None).await?.len();
    println!(
        "status of {found} runs, opened and read: {:.1?}",
        began.elapsed()
    );
    let began = Instant::now();
    let one = ReadOnlyStore::new(&path).unfinished("d1.example").await?;
    println!("status of one ({}): {:.1?}", one.is_some(), began.elapsed());
    let began = Instant::now();
    let due = store
        .claim_due(&owner, Timestamp::now(), TTL, 10)
        .await?
        .len();
    println!(
        "claiming {due} due runs among them: {:.1?}",
        began.elapsed()
    );
    Ok(())
}
