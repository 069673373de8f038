//! Real name and mail servers on loopback, for tests.
//!
//! Every server runs in a temporary folder of its own and ends, by its recorded process id, when its value is
//! dropped. [`bind::Bind`], [`pdns::PowerDns`], [`knot::Knot`], [`unbound::Unbound`] and [`moto::Moto`] need no rights and take a
//! free port.
//!
//! A machine without the packages (`tests/install-servers.sh` installs them) still passes: ask
//! [`programs::available`] first, which prints what is left out. With `ROLLOUT_REQUIRE_SERVERS=1` a missing program is a
//! failure instead, so that CI cannot quietly prove nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test support: a broken assumption about the machine should stop the test where it is found"
)]

pub mod ask;
pub mod bind;
pub mod certificates;
pub mod crooked;
pub mod error;
pub mod internet;
pub mod judge;
pub mod knot;
pub mod moto;
pub mod namespace;
pub mod nsd;
pub mod pdns;
pub mod ports;
pub mod postfix;
pub mod process;
pub mod programs;
pub mod sender;
pub mod signer;
pub mod smtp;
pub mod tsig;
pub mod unbound;
pub mod update;
pub mod zone;

pub use error::ServerError;
