//! The engine's foundations: the state store and the clock.

pub mod clock;
pub mod store;
