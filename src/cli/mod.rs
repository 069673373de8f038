//! A file per command: arguments, calls, exit code.

mod abort;
mod app;
mod apply;
mod approve;
mod completions;
mod dane;
mod demo;
mod dns;
mod doctor;
mod drive;
mod error;
mod exit;
mod hand;
mod history;
mod init;
mod lab;
mod logging;
mod man;
mod microsoft;
mod pause;
mod plan;
mod playbook;
mod prompt;
mod providers;
mod resume;
mod rollback;
mod runs;
mod schema;
mod session;
mod sign_in;
mod status;
mod stop;
mod tlsrpt;
mod verify;
mod why;

use std::path::PathBuf;

use clap::{ArgAction, CommandFactory as _, Parser, Subcommand};

pub use app::App;
pub use error::CliError;
pub use exit::Exit;
pub use session::Session;

use crate::output::{Console, Manner, json};
use crate::redact::Redactor;

/// Moves a domain's inbound mail in Exchange Online to SMTP DANE with DNSSEC, without losing a mail.
#[derive(Debug, Parser)]
#[command(name = "rollout", version, propagate_version = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, or safe, or nothing to do
  1  blocked, failed, or a finding forbids it
  2  usage or configuration
  3  could not tell
  4  right but not yet: a wait or an open gate; the time is printed; run again
  5  plan --detailed-exitcode, dns diff: changes are pending";

/// Flags of every command.
#[derive(Debug, clap::Args)]
struct Global {
    /// The directory of the state file [default: $ROLLOUT_STATE, else $XDG_STATE_HOME/rollout, else
    /// ~/.local/state/rollout]
    #[arg(long, global = true, value_name = "DIR")]
    state: Option<PathBuf>,
    /// An object per line for programs, a schema version first
    #[arg(long, global = true)]
    json: bool,
    /// Results only
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Logs on standard error: -v, -vv, -vvv; RUST_LOG takes its place
    #[arg(long, short, global = true, action = ArgAction::Count)]
    verbose: u8,
    /// No colour, as NO_COLOR does
    #[arg(long, alias = "no-colour", global = true)]
    no_color: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Walk the whole rollout on an embedded laboratory, in a minute
    Demo(demo::Args),
    /// Find DNS host, tenant and state of domains, and write a domain file for each
    Init(init::Args),
    /// Say whether everything is there that a rollout needs: credentials, rights, reach; changes nothing
    Doctor(doctor::Args),
    /// Show every step, exact record changes, every wait and the total; changes nothing
    Plan(plan::Args),
    /// Do it; run it again to go on
    Apply(apply::Args),
    /// Go on with every unfinished run that is due (what a timer calls)
    Resume(resume::Args),
    /// Show where each run is
    Status(status::Args),
    /// Show what exactly a domain's run waits for, and what would end it sooner
    Why(why::Args),
    /// Answer a gate
    Approve(approve::Args),
    /// Have a run start nothing new until `apply` is called again
    Pause(pause::Args),
    /// Give a run up; nothing is undone
    Abort(abort::Args),
    /// Go back to the MX record set that was there before the run; planned and shown first
    Rollback(rollback::Args),
    /// Show the journal of a domain's runs
    History(history::Args),
    /// Say whether mail reaches domains, and whether it is protected: DNSSEC, MX, TLSA, SMTP, MTA-STS
    Verify(verify::Args),
    /// Read what senders report of a domain's TLS (RFC 8460): who failed at which host, why, and how to mend it
    Tlsrpt(tlsrpt::Args),
    /// Show what a DANE sender makes of certificates, TLSA and other records, from files
    Dane(dane::Args),
    /// What concerns the Microsoft side alone: its PowerShell, record what the tenant answers, forget a sign-in
    Microsoft(microsoft::Args),
    /// Print the JSON Schema of a file, for editors
    Schema(schema::Args),
    /// List, show and check playbooks
    Playbook(playbook::Args),
    /// List the DNS providers, what they need and what they can do
    Providers(providers::Args),
    /// Look at one record set, or change it by hand under the guards of a run
    Dns(dns::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Print the manual page, or write all of them into a directory
    Man(man::Args),
}

impl Command {
    /// Its name, for the first JSON line.
    const fn name(&self) -> &'static str {
        match self {
            Self::Demo(_) => "demo",
            Self::Init(_) => "init",
            Self::Doctor(_) => "doctor",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Resume(_) => "resume",
            Self::Status(_) => "status",
            Self::Why(_) => "why",
            Self::Approve(_) => "approve",
            Self::Pause(_) => "pause",
            Self::Abort(_) => "abort",
            Self::Rollback(_) => "rollback",
            Self::History(_) => "history",
            Self::Verify(_) => "verify",
            Self::Tlsrpt(_) => "tlsrpt",
            Self::Dane(_) => "dane",
            Self::Microsoft(_) => "microsoft",
            Self::Schema(_) => "schema",
            Self::Playbook(_) => "playbook",
            Self::Providers(_) => "providers",
            Self::Dns(_) => "dns",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }

    /// Whether it prints a document as it is, also for programs.
    const fn is_document(&self) -> bool {
        matches!(self, Self::Schema(_) | Self::Completions(_) | Self::Man(_))
    }

    /// Whether it talks to the world, so that more than one thread is worth its start.
    const fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Demo(_)
                | Self::Init(_)
                | Self::Doctor(_)
                | Self::Plan(_)
                | Self::Apply(_)
                | Self::Resume(_)
                | Self::Rollback(_)
                | Self::Verify(_)
                | Self::Dns(_)
        )
    }
}

/// The whole program. The TLS provider has been installed.
pub fn run() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come as "errors" as well.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Done
            };
        }
    };
    let manner = Manner {
        json: cli.global.json,
        quiet: cli.global.quiet,
        no_colour: cli.global.no_color,
    };
    let redactor = Redactor::new();
    let console = Console::new(manner, redactor.clone());
    logging::start(cli.global.verbose, &console);
    let app = App {
        tenants: crate::world::live::Tenants::default(),
        console: console.clone(),
        redactor,
        state: cli.global.state,
    };
    if !cli.command.is_document() {
        console.object(&json::head(cli.command.name()));
    }
    let mut builder = if cli.command.is_busy() {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let done = match builder.enable_all().build() {
        Ok(runtime) => {
            let done = runtime.block_on(dispatch(&app, cli.command));
            // A thread may still read the terminal; nothing that counts is left to it.
            runtime.shutdown_background();
            done
        }
        Err(error) => Err(CliError::Runtime(error)),
    };
    done.unwrap_or_else(|error| {
        error.show(&console);
        error.exit()
    })
}

async fn dispatch(app: &App, command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Demo(args) => demo::run(app, args).await,
        Command::Init(args) => init::run(app, args).await,
        Command::Doctor(args) => doctor::run(app, args).await,
        Command::Plan(args) => plan::run(app, args).await,
        Command::Apply(args) => apply::run(app, args).await,
        Command::Resume(args) => resume::run(app, args).await,
        Command::Status(args) => status::run(app, args).await,
        Command::Why(args) => why::run(app, args).await,
        Command::Approve(args) => approve::run(app, args).await,
        Command::Pause(args) => pause::run(app, args).await,
        Command::Abort(args) => abort::run(app, args).await,
        Command::Rollback(args) => rollback::run(app, args).await,
        Command::History(args) => history::run(app, args).await,
        Command::Verify(args) => verify::run(app, args).await,
        Command::Tlsrpt(args) => tlsrpt::run(app, &args),
        Command::Dane(args) => dane::run(app, &args).await,
        Command::Microsoft(args) => microsoft::run(app, args).await,
        Command::Schema(args) => Ok(schema::run(app, &args)),
        Command::Playbook(args) => playbook::run(app, &args),
        Command::Providers(args) => Ok(providers::run(app, &args)),
        Command::Dns(args) => dns::run(app, args).await,
        Command::Completions(args) => Ok(completions::run(app, &args, Cli::command())),
        Command::Man(args) => man::run(app, &args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_before_and_after_the_command() {
        for line in [
            ["rollout", "--json", "--state", "s", "status"],
            ["rollout", "status", "--json", "--state", "s"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(cli.global.json);
            assert_eq!(cli.global.state, Some("s".into()));
        }
    }

    #[test]
    fn flags_that_contradict_each_other_are_usage_errors() {
        for line in [
            vec!["rollout", "apply", "d.yml", "--wait", "--no-wait"],
            vec!["rollout", "apply", "d.yml", "--mx-host", "mail.example"],
            vec!["rollout", "plan"],
            vec!["rollout", "schema", "tenant"],
        ] {
            let error = Cli::try_parse_from(&line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line:?}");
        }
    }
}
