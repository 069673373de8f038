//! End to end: domain files in, protected domains out. On the embedded laboratory, and on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod readme;
mod support;

mod inputs;
mod secrets;
mod walk;
