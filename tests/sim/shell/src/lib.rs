//! The second ring: the shell around the loop in the simulated internet.
//!
//! The simulation itself walks the pure parts with a journal in memory, by the thousand. Here the same internet, the same
//! faults and the same oracle surround what a process really runs: [`rollout::engine::run::Run`] with its lease and its
//! heartbeat, on a state file in SQLite that every process opens anew. The clock is tokio's, paused, so that an hour of
//! waiting passes at once and heartbeats still come three times a minute.
//!
//! The sources are those of the simulation, compiled against the whole product instead of its pure parts.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "test support, of which this ring uses a part: a broken assumption should stop the test where it is found"
)]

#[path = "../../src/caches.rs"]
pub mod caches;
#[path = "../../src/facts.rs"]
pub mod facts;
#[path = "../../src/journal.rs"]
pub mod journal;
#[path = "../../src/oracle.rs"]
pub mod oracle;
#[path = "../../src/process.rs"]
pub mod process;
#[path = "../../src/rng.rs"]
pub mod rng;
#[path = "../../src/run.rs"]
pub mod run;
#[path = "../../src/scenario.rs"]
pub mod scenario;
#[path = "../../src/senders.rs"]
pub mod senders;
#[path = "../../src/truth/mod.rs"]
pub mod truth;
#[path = "../../src/world.rs"]
pub mod world;

mod lives;
mod surroundings;

pub use lives::{Counts, Lived, live};
