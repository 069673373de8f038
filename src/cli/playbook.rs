//! `rollout playbook`: lists, shows and checks playbooks.

use std::path::PathBuf;

use serde_json::json;

use super::{App, CliError, Exit};
use crate::output::{Line, Page, Tone, time};
use crate::playbook::lint::{self, Unfit};
use crate::playbook::{self, BUILTIN, Playbook};

/// Arguments of `playbook`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List the built-in playbooks
    List,
    /// Print a built-in playbook, to be copied and edited
    Show {
        /// Its name
        name: String,
    },
    /// Check a playbook of your own: whether it makes sense, and whether each line is safe
    Check {
        /// Its file
        file: PathBuf,
    },
}

pub(super) fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    match &args.what {
        What::List => {
            let mut page = Page::new();
            for (name, text) in BUILTIN {
                let playbook = playbook::from_text(name, text).map_err(Box::new)?;
                page.push(Line::at(0).strong(name).plain("  ").plain(&playbook.title));
                app.console.object(&object(&playbook));
            }
            app.console.result(page);
        }
        What::Show { name } => {
            let Some((name, text)) = BUILTIN.iter().find(|(known, _)| known == name) else {
                let known: Vec<_> = BUILTIN.iter().map(|(name, _)| *name).collect();
                return Err(CliError::Usage(format!(
                    "there is no built-in playbook {}; {}",
                    crate::source::quoted(name),
                    crate::source::one_of(name, &known)
                )));
            };
            if app.console.json() {
                let playbook = playbook::from_text(name, text).map_err(Box::new)?;
                app.console.object(&object(&playbook));
            } else {
                app.console.document(text);
            }
        }
        What::Check { file } => {
            let linted = lint::lint_file(file).map_err(|unfit| match unfit {
                Unfit::Mistaken(rejected) => CliError::Rejected(Box::new(rejected)),
                Unfit::Unsafe(rejected) => CliError::Unsafe(Box::new(rejected)),
            })?;
            let playbook = linted.playbook;
            let mut page = Page::new();
            page.push(
                Line::at(0)
                    .strong(&playbook.name)
                    .tone(Tone::Good, " is a playbook, and safe: ")
                    .plain(&playbook.title),
            );
            for step in &playbook.steps {
                let needs = match step.needs.as_slice() {
                    [] => String::new(),
                    needs => format!(" needs {}", needs.join(", ")),
                };
                let gate = step.gate.as_ref();
                let gate = gate.map_or_else(String::new, |gate| format!(" gate {}", gate.name));
                let line = Line::at(2).strong(&step.id);
                page.push(line.dim(needs).tone(Tone::Warn, gate));
                if let Some(longest) = linted.longest.iter().find(|one| one.step == step.id) {
                    page.push(Line::at(4).dim(format!(
                        "waits for caches: {} at most, where every TTL is a week, for those that hold {}",
                        time::duration(longest.wait),
                        longest.held
                    )));
                }
            }
            app.console.result(page);
            let waits = linted.longest.iter().map(|longest| {
                json!({"step": longest.step, "seconds": longest.wait.as_secs(), "held": longest.held})
            });
            let mut object = object(&playbook);
            object["longest_waits"] = waits.collect();
            app.console.object(&object);
        }
    }
    Ok(Exit::Done)
}

fn object(playbook: &Playbook) -> serde_json::Value {
    json!({"type": "playbook", "playbook": playbook})
}
