//! Reading a domain file, with the playbook it names.

use std::path::{Path, PathBuf};

use super::environment::Environment;
use super::provider::{self, ProviderInfo};
use super::{DomainFile, check};
use crate::playbook::{self, BUILTIN, Parameters, PlannedStep, Playbook};
use crate::source::{Code, Document, Part, Problem, Rejected, one_of, quoted};

/// A domain file that can be worked with: read, overridden by the environment, checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file.
    pub file: DomainFile,
    /// The playbook it names.
    pub playbook: Playbook,
    /// The playbook's parameters, as the file sets them.
    pub parameters: Parameters,
    /// Where it was read from.
    pub path: PathBuf,
}

impl Loaded {
    /// The steps to walk: arguments filled in, needs as the schedule wants them.
    pub fn steps(&self) -> Vec<PlannedStep> {
        self.playbook.planned(self.file.schedule, &self.parameters)
    }
}

/// Reads and checks a domain file, with what the environment of this process replaces.
///
/// # Errors
/// Every mistake found in the file, its playbook, or the environment, with its place. Exit code 2.
pub fn load(path: &Path) -> Result<Loaded, Rejected> {
    let document = Document::read(path, &path.display().to_string())?;
    from_document(
        &document,
        path,
        &Environment::of_process(),
        &provider::known(),
    )
}

/// Reads and checks the text of a domain file. `path` says what it is called and what its paths are relative to.
///
/// # Errors
/// As [`load`].
pub fn from_text(path: &Path, text: &str, environment: &Environment) -> Result<Loaded, Rejected> {
    let document = Document::parse(&path.display().to_string(), text.to_owned())?;
    from_document(&document, path, environment, &provider::known())
}

pub(super) fn from_document(
    document: &Document,
    path: &Path,
    environment: &Environment,
    providers: &[ProviderInfo],
) -> Result<Loaded, Rejected> {
    let mut file: DomainFile = document.decode()?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    environment.apply(&mut file)?;
    file.dns.complete(providers, |name| environment.get(name));
    if let Some(registrar) = &mut file.registrar {
        registrar.complete(providers, |name| environment.get(name));
    }
    file.anchor(base);
    let mut problems = check::check(document, &file, providers);
    let playbook = match named_playbook(document, &file.playbook, base)? {
        Ok(playbook) => playbook,
        Err(problem) => {
            problems.push(problem);
            return Err(document.reject(problems));
        }
    };
    problems.extend(check::gates(document, &file, &playbook));
    let parameters = match playbook.parameters(&file.settings, file.in_laboratory()) {
        Ok(parameters) => parameters,
        Err(errors) => {
            problems.extend(check::settings(document, &errors));
            Parameters::default()
        }
    };
    if !problems.is_empty() {
        return Err(document.reject(problems));
    }
    Ok(Loaded {
        file,
        playbook,
        parameters,
        path: path.to_owned(),
    })
}

/// The playbook of this name or path. A mistake inside its file is a report of its own; that there is none is a
/// mistake of the domain file.
fn named_playbook(
    document: &Document,
    name: &str,
    base: &Path,
) -> Result<Result<Playbook, Problem>, Rejected> {
    if let Some((name, text)) = BUILTIN.iter().find(|(known, _)| *known == name) {
        return playbook::from_text(name, text).map(Ok);
    }
    let place = document.span(&["playbook".into()], Part::Value);
    let is_path = name.contains(['/', '\\']) || name.ends_with(".yml") || name.ends_with(".yaml");
    if !is_path {
        let known: Vec<&str> = BUILTIN.iter().map(|(known, _)| *known).collect();
        let text = format!(
            "there is no built-in playbook {}\n{}; or the path of one, relative to this file, as in playbooks/ours.yml",
            quoted(name),
            one_of(name, &known)
        );
        return Ok(Err(Problem::new(Code::UnknownValue, place, &text)));
    }
    let path = base.join(name);
    if path.is_file() {
        return playbook::load(&path).map(Ok);
    }
    let text = format!(
        "there is no playbook file {}\nthe path is relative to this file",
        quoted(&path.display().to_string())
    );
    Ok(Err(Problem::new(Code::UnknownValue, place, &text)))
}
