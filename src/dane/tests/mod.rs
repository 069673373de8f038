//! Tests of the whole module, and the certificates they share.

mod certificates;
mod probe;
mod server;
mod tlsa;
