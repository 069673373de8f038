//! The MTA-STS policy: seen as senders see it, and published by a file or an executable of the domain's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{LiveWorld, hosts};
use crate::dane::mta_sts::{read_policy, read_record};
use crate::dane::{Mode, fetch_policy};
use crate::dns::text::safe;
use crate::dns::{Data, Kind, Outcome as Answered, ServerAnswer};
use crate::domain_file::MtaSts;
use crate::redact::Redactor;
use crate::world::{Fact, Outcome, PolicyFacts, PolicyMode, PolicyText};

/// Largest policy that senders read (RFC 8461 section 3.3).
const LARGEST: usize = 64 * 1024;
/// As much of what an executable says as is passed on.
const LONGEST_WORDS: usize = 2000;
/// What an executable is given of this process's surroundings: no credentials among them.
const PASSED_ON: [&str; 8] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
];

/// What publishes the policy.
#[derive(Debug)]
pub(super) enum Publisher {
    /// A file that a web server serves.
    File(PathBuf),
    /// An executable.
    Program {
        program: OsString,
        arguments: Vec<OsString>,
        limit: Duration,
        redactor: Redactor,
    },
}

impl Publisher {
    /// What the domain file names; `None`: a person.
    pub(super) fn of(wishes: &MtaSts, redactor: &Redactor) -> Option<Self> {
        if let Some(place) = &wishes.policy {
            return Some(Self::File(place.path()));
        }
        let (program, arguments) = wishes.program()?;
        Some(Self::Program {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            limit: wishes.time_limit.unwrap_or(MtaSts::TIME_LIMIT).get(),
            redactor: redactor.clone(),
        })
    }

    /// What the file holds.
    pub(super) async fn read(&self) -> Fact<String> {
        let at = Timestamp::now();
        let Self::File(path) = self else {
            return Fact::Unasked;
        };
        match read_file(path).await {
            Ok(value) => Fact::Known { value, at },
            Err(why) => Fact::Refused { why, at },
        }
    }
}

async fn read_file(path: &Path) -> Result<String, String> {
    let bytes = tokio::fs::read(path).await.map_err(|e| e.to_string())?;
    if bytes.len() > LARGEST {
        return Err("it is larger than 64 KiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|_| "it is no text".to_owned())
}

impl LiveWorld {
    /// What a sender would find now, and which addresses announce something else.
    pub(super) async fn look_at_policy(&self) -> Fact<PolicyFacts> {
        let view = fetch_policy(&self.dns, self.domain.as_str(), &self.https).await;
        let mut fact = hosts::policy(&view);
        if let Fact::Known { value, at } = &mut fact
            && let Some(id) = value.id.clone()
        {
            self.look_at_records(&id, value).await;
            // The clock of the record before starts at the end of the look, never at its beginning (T1).
            *at = Timestamp::now();
        }
        fact
    }

    /// Every address of the zone's servers: whether it announces this id, and for how long that may be cached.
    async fn look_at_records(&self, id: &str, value: &mut PolicyFacts) {
        let name = format!("_mta-sts.{}", self.domain);
        let cut = match self.dns.zone_cut(&name).await {
            Ok(cut) => cut,
            Err(failure) => {
                value.lagging.push(format!(
                    "the servers of {name} could not be found out: {failure}"
                ));
                return;
            }
        };
        let (answers, _) = self.dns.ask_servers(&cut, &name, Kind::Txt).await;
        for answer in &answers {
            match announced(answer) {
                Announces::Elsewhere => {}
                Announces::Id(seen) if seen == id => {
                    value.record_ttl = value.record_ttl.max(answer.ttl.unwrap_or_default());
                }
                Announces::Id(seen) => value.lagging.push(format!(
                    "{} still serves the id {seen} at {name}",
                    answer.from
                )),
                Announces::Unknown(why) => {
                    value.lagging.push(format!("{}: {why}", answer.from));
                }
            }
        }
    }

    /// Publishes a policy, if what is to be replaced is still what was expected: what the file holds, or, by an executable,
    /// what is served.
    pub(super) async fn write_policy(&self, before: &str, after: &PolicyText) -> Outcome {
        if let Err(why) = says(after) {
            return Outcome::Refused { why };
        }
        match &self.publisher {
            None => Outcome::Refused {
                why: "the domain file names neither a policy file nor an executable".to_owned(),
            },
            Some(Publisher::File(path)) => write_file(path, before, &after.text).await,
            Some(Publisher::Program {
                program,
                arguments,
                limit,
                redactor,
            }) => {
                let view = fetch_policy(&self.dns, self.domain.as_str(), &self.https).await;
                match hosts::policy(&view).known() {
                    Some(now) if now.body == before => {}
                    Some(_) => {
                        return Outcome::Conflict {
                            why: "another policy is served by now".to_owned(),
                        };
                    }
                    None => {
                        return Outcome::Later {
                            why: "the policy that is served could not be read".to_owned(),
                            after: 10,
                        };
                    }
                }
                let mut command = Command::new(program);
                command
                    .args(arguments)
                    .env_clear()
                    .envs(
                        PASSED_ON
                            .iter()
                            .filter_map(|name| std::env::var_os(name).map(|value| (*name, value))),
                    )
                    .env("ROLLOUT_DOMAIN", self.domain.as_str());
                run(command, &after.text, *limit, redactor).await
            }
        }
    }
}

/// What an address announces.
enum Announces {
    Id(String),
    /// An alias leads into another zone, which is not asked address by address.
    Elsewhere,
    Unknown(String),
}

fn announced(answer: &ServerAnswer) -> Announces {
    match &answer.outcome {
        Answered::Failed(failure) => return Announces::Unknown(failure.to_string()),
        Answered::Answer | Answered::NoData | Answered::NxDomain => {}
    }
    if answer
        .records
        .iter()
        .any(|r| matches!(r.data, Data::Cname(_)))
    {
        return Announces::Elsewhere;
    }
    let texts: Vec<&str> = answer
        .records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Txt(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    match read_record(&texts) {
        Ok(Some(record)) => Announces::Id(record.id),
        Ok(None) => Announces::Unknown("it serves no MTA-STS record".to_owned()),
        Err(error) => Announces::Unknown(error.to_string()),
    }
}

/// Whether a text says what is said of it: it was judged by that.
fn says(after: &PolicyText) -> Result<(), String> {
    let read =
        read_policy(&after.text).map_err(|error| format!("the new policy is none: {error}"))?;
    let mode = match read.mode {
        Mode::Enforce => PolicyMode::Enforce,
        Mode::Testing => PolicyMode::Testing,
        Mode::None => PolicyMode::None,
    };
    let patterns: BTreeSet<String> = read.patterns.into_iter().collect();
    if mode != after.mode || patterns != after.patterns {
        return Err("the new policy says something else than what was judged".to_owned());
    }
    Ok(())
}

/// Replaces a file by another one of the same mode and owner, in one step.
async fn write_file(path: &Path, before: &str, after: &str) -> Outcome {
    let (path, before, after) = (path.to_owned(), before.to_owned(), after.to_owned());
    let work = tokio::task::spawn_blocking(move || replace(&path, &before, &after)).await;
    match work {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Unknown {
            why: error.to_string(),
        },
    }
}

fn replace(path: &Path, before: &str, after: &str) -> Outcome {
    let refused = |what: &str, error: &std::io::Error| Outcome::Refused {
        why: format!("{what} {}: {error}", path.display()),
    };
    // Of a link, what it leads to is replaced, and the link stays.
    let path = match path.canonicalize() {
        Ok(path) => path,
        Err(error) => return refused("cannot find", &error),
    };
    let held = match std::fs::read(&path) {
        Ok(held) => held,
        Err(error) => return refused("cannot read", &error),
    };
    if held == after.as_bytes() {
        return done("the file holds it already");
    }
    if held != before.as_bytes() {
        return Outcome::Conflict {
            why: format!("{} holds another policy by now", path.display()),
        };
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    let written = tempfile::Builder::new()
        .prefix(".mta-sts-")
        .tempfile_in(folder)
        .and_then(|mut file| {
            file.write_all(after.as_bytes())?;
            as_it_was(&path, file.path())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            // The name, too, has to outlive a power cut.
            #[cfg(unix)]
            std::fs::File::open(folder)?.sync_all()?;
            Ok(())
        });
    match written {
        Ok(()) => done("the file holds it"),
        Err(error) => refused("cannot replace", &error),
    }
}

/// Gives a new file the mode of the one that it replaces, and its owner where that is possible.
fn as_it_was(old: &Path, new: &Path) -> std::io::Result<()> {
    let there = std::fs::metadata(old)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let own = std::fs::metadata(new)?;
        if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
            std::os::unix::fs::chown(new, Some(there.uid()), Some(there.gid()))?;
        }
    }
    std::fs::set_permissions(new, there.permissions())
}

fn done(note: &str) -> Outcome {
    Outcome::Done {
        note: note.to_owned(),
        mx_host: None,
    }
}

/// Runs an executable with the policy on its standard input.
async fn run(mut command: Command, text: &str, limit: Duration, redactor: &Redactor) -> Outcome {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own, so that what it starts ends with it.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            return Outcome::Refused {
                why: format!("the executable cannot be run: {error}"),
            };
        }
    };
    let group = child.id();
    let words = |heard: &str| redactor.redact(&safe(heard.as_bytes()));
    match tokio::time::timeout(limit, talk(&mut child, text)).await {
        Ok(Ok((status, _))) if status.success() => done("the executable published it"),
        Ok(Ok((status, heard))) => Outcome::Refused {
            why: format!("the executable failed ({status}): {}", words(&heard)),
        },
        Ok(Err(error)) => Outcome::Unknown {
            why: format!("the executable was lost: {error}"),
        },
        Err(_) => {
            end(group);
            Outcome::Unknown {
                why: format!("the executable was ended after {} s", limit.as_secs()),
            }
        }
    }
}

/// Ends what an executable started, with it.
#[cfg(unix)]
fn end(group: Option<u32>) {
    let group = group
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // One that has ended meanwhile is no harm.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
}

/// Only the executable itself ends, when it is dropped.
#[cfg(not(unix))]
fn end(_: Option<u32>) {}

async fn talk(
    child: &mut Child,
    text: &str,
) -> std::io::Result<(std::process::ExitStatus, String)> {
    let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut input) = input {
            // One that does not read all of it says by its status what that means.
            let _ = input.write_all(text.as_bytes()).await;
        }
    };
    let ((), _, heard) = tokio::join!(feed, hear(out), hear(err));
    let status = child.wait().await?;
    Ok((status, heard))
}

/// The beginning of what is said; the rest is read and dropped, so that nobody blocks on it.
async fn hear(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = LONGEST_WORDS.saturating_sub(heard.len()).min(read);
        heard.extend_from_slice(&buffer[..room]);
    }
    String::from_utf8_lossy(&heard).trim().to_owned()
}

#[cfg(all(test, unix))]
#[path = "policy_tests.rs"]
mod tests;
