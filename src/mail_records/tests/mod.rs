//! Records from tables and from generators; lookups of every outcome.

mod fuzz;
mod lookups;
mod round_trips;
mod table;
