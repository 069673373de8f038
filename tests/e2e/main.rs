//! End to end: domain files in, protected domains out. On the embedded laboratory, and on real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod dane;
mod dane_plan;
mod dns;
mod doctor;
mod faults;
mod hand;
mod init;
mod inputs;
mod kill;
mod legacy;
mod mta_sts;
mod playbooks;
mod pwsh;
mod readme;
mod real;
mod record;
mod rollback;
mod secrets;
mod sign_in;
mod support;
mod tenant;
mod tlsrpt;
mod truth;
mod verify;
mod walk;
mod when;
