//! Tests of the whole module, and the certificates they share.

mod captured;
mod certificates;
mod discovery;
mod families;
mod fuzz;
mod handshake;
mod hosts;
mod mta_sts;
mod names;
mod parameter_sets;
mod policy;
mod probe;
mod prober;
mod senders;
mod server;
mod tlsa;
mod variants;
mod web;
mod webpki;
