//! Which domains are meant, and by which resolvers they are looked at.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::lab::Running;
use super::{Args, CliError};
use crate::domain_file::environment::{self, Environment};
use crate::domain_file::{self, DomainFile, DomainName};
use crate::surroundings::Surroundings;

/// More than anybody would look at in one go.
const LARGEST_LIST: u64 = 64 << 20;

/// One domain.
#[derive(Debug)]
pub(super) struct Target {
    /// Its name.
    pub(super) domain: String,
    /// By which resolvers, ports and roots.
    pub(super) around: Surroundings,
    /// The domain file that named it.
    file: Option<(PathBuf, Box<DomainFile>)>,
}

impl Target {
    /// Where its domain file is.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|(path, _)| path.as_path())
    }
}

/// The domains, and the lines of a list that name none.
#[derive(Debug)]
pub(super) struct Targets {
    pub(super) targets: Vec<Target>,
    pub(super) refused: Vec<CliError>,
}

/// Reads the arguments and lists. A bad argument ends the command; a bad line of a list spoils nothing but itself.
///
/// # Errors
/// An argument that is no domain, a file that cannot be read, an environment variable that cannot be used.
pub(super) fn read(args: &Args) -> Result<Targets, CliError> {
    let mut around = Surroundings::of_environment(&Environment::of_process()).map_err(Box::new)?;
    let resolvers = args
        .resolvers
        .as_deref()
        .map(environment::resolvers)
        .transpose()
        .map_err(|why| CliError::Usage(format!("--resolvers cannot be used: {why}")))?;
    if let Some(resolvers) = &resolvers {
        around = around.with_resolvers(resolvers);
    }
    let mut targets = Vec::new();
    let mut refused = Vec::new();
    let mut texts = Vec::new();
    for argument in &args.domains {
        if argument == "-" {
            texts.push((PathBuf::from("standard input"), from_stdin()?));
        } else if is_domain_file(argument) {
            let loaded = domain_file::load(Path::new(argument)).map_err(Box::new)?;
            let mut around = Surroundings::of(&loaded.file);
            if let Some(resolvers) = &resolvers {
                around = around.with_resolvers(resolvers);
            }
            targets.push(Target {
                domain: loaded.file.domain.as_str().to_owned(),
                around,
                file: Some((PathBuf::from(argument), Box::new(loaded.file))),
            });
        } else {
            let domain: DomainName = argument.parse().map_err(|error| {
                CliError::Usage(format!("{argument:?} cannot be verified: {error}"))
            })?;
            targets.push(plain(&domain, &around));
        }
    }
    for path in &args.list {
        texts.push((path.clone(), from_file(path)?));
    }
    for (path, text) in &texts {
        for (index, line) in text.lines().enumerate() {
            let name = line.split('#').next().unwrap_or_default().trim();
            if name.is_empty() {
                continue;
            }
            match name.parse::<DomainName>() {
                Ok(domain) => targets.push(plain(&domain, &around)),
                Err(error) => refused.push(CliError::Usage(format!(
                    "line {} of {} is left out: {name:?}: {error}",
                    index + 1,
                    path.display()
                ))),
            }
        }
    }
    let mut seen = BTreeSet::new();
    targets.retain(|target| seen.insert(target.domain.clone()));
    Ok(Targets { targets, refused })
}

fn plain(domain: &DomainName, around: &Surroundings) -> Target {
    Target {
        domain: domain.as_str().to_owned(),
        around: around.clone(),
        file: None,
    }
}

/// A name that ends like a file's is one: there are no such top-level domains.
fn is_domain_file(argument: &str) -> bool {
    let path = Path::new(argument);
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("yml") || end.eq_ignore_ascii_case("yaml"))
}

fn from_stdin() -> Result<String, CliError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(LARGEST_LIST)
        .read_to_end(&mut bytes)
        .map_err(|source| CliError::File {
            doing: "read the list from",
            path: PathBuf::from("standard input"),
            source,
        })?;
    Ok(text(&bytes))
}

fn from_file(path: &Path) -> Result<String, CliError> {
    // Exit 1 would say that a domain is not safe.
    let file = |error| CliError::Usage(format!("cannot read the list {}: {error}", path.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .map_err(file)?
        .take(LARGEST_LIST)
        .read_to_end(&mut bytes)
        .map_err(file)?;
    Ok(text(&bytes))
}

/// Lists come from spreadsheets, too: a byte order mark is no part of the first name.
fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_start_matches('\u{feff}').to_owned()
}

/// The embedded laboratories that the domain files name, running for as long as this is kept.
///
/// # Errors
/// When one cannot be started.
pub(super) fn laboratories(targets: &[Target]) -> Result<Vec<Running>, CliError> {
    let mut all = Vec::new();
    for (_, file) in targets.iter().filter_map(|target| target.file.as_ref()) {
        all.extend(Running::of(file, false)?);
    }
    Ok(all)
}
