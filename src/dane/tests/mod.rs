//! Tests of the whole module, and the certificates they share.

mod certificates;
mod discovery;
mod fuzz;
mod hosts;
mod mta_sts;
mod policy;
mod probe;
mod senders;
mod server;
mod tlsa;
mod web;
