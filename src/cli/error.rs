//! Why a command failed, in one sentence, or in a report with the lines of a file.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::exit::Exit;
use crate::engine::WalkError;
use crate::engine::run::RunError;
use crate::engine::store::StoreError;
use crate::microsoft::MicrosoftError;
use crate::output::{Console, Line, Page, Tone};
use crate::redact::SecretTooShort;
use crate::source::Rejected;
use crate::world::live::OpenError;

/// Why a command failed. Nothing was changed unless the sentence says so.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A file that people write has mistakes.
    #[error(transparent)]
    Rejected(#[from] Box<Rejected>),
    /// A playbook makes sense, and some of its lines are not safe.
    #[error(transparent)]
    Unsafe(Box<Rejected>),
    /// The arguments do not fit together, or name something that does not exist.
    #[error("{0}")]
    Usage(String),
    /// Microsoft's side could not be asked.
    #[error("{what}: {source}")]
    Microsoft {
        /// What was to be asked.
        what: String,
        /// What came instead.
        source: Box<MicrosoftError>,
    },
    /// Something that the domain file names cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What a DNS provider said instead of doing what was asked.
    #[error(transparent)]
    Provider(Box<rollout_providers::Error>),
    /// What was asked for is not done, with the reason.
    #[error("{0}")]
    Refused(String),
    /// No trustworthy answer came.
    #[error("{0}")]
    CouldNotTell(String),
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] crate::domain_file::SecretError),
    /// A secret cannot be kept out of the journal.
    #[error("the secret {reference} cannot be used: {source}")]
    ShortSecret {
        /// Where it is kept.
        reference: String,
        /// Why.
        source: SecretTooShort,
    },
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was to be done with it.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The world is not what a saved plan saw.
    #[error(
        "the saved plan is refused, because this changed since it was made:\n{}\nNothing was done. Plan again.",
        .0.join("\n")
    )]
    Stale(Vec<String>),
    /// The asynchronous runtime.
    #[error("the program could not start its runtime: {0}")]
    Runtime(std::io::Error),
}

impl CliError {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Rejected(_)
            | Self::Usage(_)
            | Self::Open(_)
            | Self::Secret(_)
            | Self::ShortSecret { .. } => Exit::Usage,
            Self::Provider(error) => of_provider(error),
            Self::CouldNotTell(_) => Exit::CouldNotTell,
            // Nothing was answered, or somebody must be granted something first.
            Self::Microsoft { source, .. } if source.is_could_not_tell() => Exit::CouldNotTell,
            Self::Microsoft { .. } => Exit::Failed,
            Self::Store(error)
            | Self::Run(RunError::Store(error) | RunError::Walk(WalkError::Store(error))) => {
                of_store(error)
            }
            Self::Unsafe(_)
            | Self::Refused(_)
            | Self::Run(_)
            | Self::File { .. }
            | Self::Stale(_)
            | Self::Runtime(_) => Exit::Failed,
        }
    }

    /// A stable id for programs.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "file.rejected",
            Self::Unsafe(_) => "playbook.unsafe",
            Self::Usage(_) => "usage",
            Self::Microsoft { .. } => "microsoft",
            Self::Open(_) => "configuration",
            Self::Provider(_) => "provider",
            Self::Refused(_) => "refused",
            Self::CouldNotTell(_) => "could-not-tell",
            Self::Secret(_) | Self::ShortSecret { .. } => "secret",
            Self::Store(_) => "state",
            Self::Run(_) => "run",
            Self::File { .. } => "file",
            Self::Stale(_) => "plan.stale",
            Self::Runtime(_) => "runtime",
        }
    }

    /// Shows it to people and programs.
    pub fn show(&self, console: &Console) {
        let mut object = json!({
            "type": "error", "id": self.id(), "message": self.to_string(), "exit": self.exit().code(),
        });
        if let Self::Stale(differences) = self {
            object["differences"] = json!(differences);
        }
        if let Self::Provider(error) = self {
            object["provider"] = json!(error);
        }
        if let Self::Rejected(rejected) | Self::Unsafe(rejected) = self {
            object["file"] = json!(rejected.file());
            object["mistakes"] = Value::Array(rejected.mistakes().map(|m| json!(m)).collect());
            let look = console.error_look();
            let report = rejected.render(look.colour, look.width.unwrap_or(100));
            console.rendered(&report, &object);
            return;
        }
        let text = self.to_string();
        let mut lines = text.lines();
        let mut page = Page::new();
        page.push(
            Line::at(0)
                .tone(Tone::Bad, "error: ")
                .plain(lines.next().unwrap_or_default()),
        );
        for line in lines {
            page.push(Line::at(2).plain(line));
        }
        console.failure(page, &object);
    }
}

impl From<rollout_providers::Error> for CliError {
    fn from(error: rollout_providers::Error) -> Self {
        Self::Provider(Box::new(error))
    }
}

fn of_provider(error: &rollout_providers::Error) -> Exit {
    // After an unknown outcome only a look tells; the others may answer later.
    if error.is_unknown() || error.is_temporary() || error.kind == rollout_providers::Kind::Protocol
    {
        Exit::CouldNotTell
    } else {
        Exit::Failed
    }
}

fn of_store(error: &StoreError) -> Exit {
    match error {
        // Where the state is, is configuration.
        StoreError::NoPlace
        | StoreError::Unwritable { .. }
        | StoreError::Unreachable { .. }
        | StoreError::OpenDirectory { .. }
        | StoreError::NewerSchema { .. }
        | StoreError::NotOurs { .. } => Exit::Usage,
        // Somebody else drives it; the time when that ends is printed.
        StoreError::Held(_) => Exit::NotYet,
        _ => Exit::Failed,
    }
}

/// Turns an error of the file system into a sentence.
pub fn file(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> CliError {
    let path = path.into();
    move |source| CliError::File {
        doing,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_outcome_is_not_told_and_a_conflict_forbids() {
        use rollout_providers::Kind;
        for (kind, exit) in [
            (Kind::Unknown, Exit::CouldNotTell),
            (Kind::Transient, Exit::CouldNotTell),
            (Kind::Throttled(None), Exit::CouldNotTell),
            (Kind::Protocol, Exit::CouldNotTell),
            (Kind::Conflict, Exit::Failed),
            (Kind::Rejected, Exit::Failed),
            (Kind::Auth, Exit::Failed),
            (Kind::NotFound, Exit::Failed),
        ] {
            let error = rollout_providers::Error::new("x", "y", kind, "z");
            assert_eq!(CliError::from(error).exit(), exit, "{kind:?}");
        }
    }

    #[test]
    fn where_the_state_is_is_configuration_and_a_driver_elsewhere_is_a_wait() {
        let newer = StoreError::NewerSchema {
            path: "rollout.db".into(),
            found: 9,
            known: 1,
        };
        assert_eq!(CliError::from(newer).exit(), Exit::Usage);
        assert_eq!(CliError::from(StoreError::NoPlace).exit(), Exit::Usage);
        let none = StoreError::NoUnfinishedRun {
            domain: "contoso.com".to_owned(),
        };
        assert_eq!(CliError::from(none).exit(), Exit::Failed);
        assert_eq!(CliError::Stale(vec!["MX".to_owned()]).exit(), Exit::Failed);
        assert_eq!(CliError::Usage(String::new()).exit(), Exit::Usage);
    }
}
