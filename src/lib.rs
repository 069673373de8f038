//! placeholder

pub mod dane;
pub mod dns;
