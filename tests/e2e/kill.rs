//! What must survive: `kill -9` at any instant, lost answers, a second driver, foreign changes, signals.

pub mod bench;
mod effects;
mod foreign;
mod people;
mod random;
mod timer;
