//! `rollout`: moves a domain's inbound mail in Exchange Online to SMTP DANE with DNSSEC.
//!
//! Deciding is pure: a rollout is one loop (`observe`, `next`, `perform`), and every command is that loop
//! in another world. Order is data (a [`playbook`]), safety is code (the [`kernel`]).

#![forbid(unsafe_code)]

pub mod calendar;
pub mod cli;
pub mod clock;
pub mod dane;
pub mod dns;
pub mod doctor;
pub mod domain_file;
pub mod engine;
pub mod finding;
#[cfg(test)]
mod fuzz;
pub mod kernel;
pub mod laboratory;
pub mod mail_records;
pub mod microsoft;
pub mod output;
pub mod playbook;
pub mod redact;
pub mod source;
pub mod step;
pub mod surroundings;
pub mod tls_report;
pub mod verify;
pub mod world;
