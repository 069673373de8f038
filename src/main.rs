//! The program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One provider for every TLS connection of the process; a second installation would only be refused.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    rollout::cli::run().into()
}
