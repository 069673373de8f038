//! `rollout`: moves a domain's inbound mail in Exchange Online to SMTP DANE with DNSSEC.
//!
//! Deciding is pure: a rollout is one loop (`observe`, `next`, `perform`), and every command is that loop
//! in another world. Order is data (a playbook), safety is code (the [`kernel`]).

#![forbid(unsafe_code)]

pub mod kernel;
