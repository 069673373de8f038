//! Records from tables and from generators; lookups of every outcome.

mod lookups;
mod round_trips;
mod table;
