//! Tests of the whole module, and the certificates they share.

mod certificates;
mod fuzz;
mod hosts;
mod mta_sts;
mod policy;
mod probe;
mod prober;
mod server;
mod tlsa;
mod web;
