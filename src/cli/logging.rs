//! Logs on standard error, by `-v` or `RUST_LOG`; never with secrets.

use std::io;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::output::Console;

/// Crates that write headers or bodies into their finer logs, or flood them.
const TALKATIVE: [&str; 10] = [
    "azure_core",
    "azure_identity",
    "graph_core",
    "graph_http",
    "h2",
    "hickory",
    "hyper",
    "reqwest",
    "rustls",
    "typespec",
];

/// Starts logging. `verbosity` counts `-v`; `RUST_LOG` takes its place where it is set.
pub fn start(verbosity: u8, console: &Console) {
    let own = match verbosity {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let others = if verbosity > 2 { "info" } else { "error" };
    let usual = format!("{others},rollout={own},rollout_providers={own}");
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => EnvFilter::try_new(wanted),
        _ => EnvFilter::try_new(usual),
    };
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("warn"));
    let layer = fmt::layer()
        .with_ansi(console.error_look().colour)
        .with_target(verbosity > 1)
        .with_writer(Writer(console.clone()))
        .with_filter(filter.and(filter_fn(harmless)));
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// Whatever `RUST_LOG` says: no headers, no bodies.
fn harmless(metadata: &Metadata<'_>) -> bool {
    is_harmless(metadata.target(), *metadata.level())
}

fn is_harmless(target: &str, level: Level) -> bool {
    level <= Level::INFO || !TALKATIVE.iter().any(|name| target.starts_with(name))
}

#[derive(Clone)]
struct Writer(Console);

impl io::Write for Writer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.write_err(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Writer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_that_log_headers_never_log_finely() {
        assert!(!is_harmless("hyper_util::client", Level::DEBUG));
        assert!(!is_harmless("azure_core::http", Level::TRACE));
        assert!(is_harmless("hyper_util::client", Level::WARN));
        assert!(is_harmless("rollout::engine", Level::TRACE));
    }
}
