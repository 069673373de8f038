//! `rollout completions`: for a shell.

use clap_complete::Shell;

use super::{App, Exit};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(app: &App, args: &Args, mut command: clap::Command) -> Exit {
    let mut out = Vec::new();
    clap_complete::generate(args.shell, &mut command, "rollout", &mut out);
    app.console.document(&String::from_utf8_lossy(&out));
    Exit::Done
}
