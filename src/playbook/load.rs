//! Reading a playbook.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Gate, Parameter, Playbook, Step, StepKind, Value, check};
use crate::source::{Document, Rejected};

/// Ordered steps that bring a domain from one state to another.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Playbook")]
pub(super) struct Written {
    /// Its name: small letters, digits and hyphens.
    pub(super) name: String,
    /// What it does, in one line.
    pub(super) title: String,
    /// What a domain file may set under settings, by name.
    #[serde(default)]
    pub(super) parameters: BTreeMap<String, Parameter>,
    /// The steps. A step may need only steps above it.
    #[schemars(length(min = 1))]
    pub(super) steps: Vec<WrittenStep>,
}

/// One step.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Step")]
pub(super) struct WrittenStep {
    /// Its name in this playbook; the step kind unless given.
    #[serde(default)]
    pub(super) id: Option<String>,
    /// What it brings about.
    pub(super) step: StepKind,
    /// The ids of the steps that must be done before; the step above unless given.
    #[serde(default)]
    pub(super) needs: Option<Vec<String>>,
    /// An approval that a person gives before the step acts.
    #[serde(default)]
    pub(super) gate: Option<Gate>,
    /// Arguments of the step: a literal, or $name of a parameter.
    #[serde(default)]
    pub(super) with: BTreeMap<String, Value>,
}

/// Reads and checks a playbook file.
///
/// # Errors
/// Every mistake found, with its place.
pub fn load(path: &Path) -> Result<Playbook, Rejected> {
    from_document(&Document::read(path, &path.display().to_string())?)
}

/// Reads and checks a playbook from its text; `name` is what messages call it.
///
/// # Errors
/// Every mistake found, with its place.
pub fn from_text(name: &str, text: &str) -> Result<Playbook, Rejected> {
    from_document(&Document::parse(name, text.to_owned())?)
}

pub(super) fn from_document(document: &Document) -> Result<Playbook, Rejected> {
    let written: Written = document.decode()?;
    let mut steps: Vec<Step> = Vec::with_capacity(written.steps.len());
    for step in written.steps {
        let before = steps.last().map(|step| step.id.clone());
        steps.push(Step {
            id: step.id.unwrap_or_else(|| step.step.name().to_owned()),
            kind: step.step,
            needs: step.needs.unwrap_or_else(|| before.into_iter().collect()),
            gate: step.gate,
            arguments: step.with,
        });
    }
    let playbook = Playbook {
        name: written.name,
        title: written.title,
        parameters: written.parameters,
        steps,
    };
    match check::check(document, &playbook) {
        problems if problems.is_empty() => Ok(playbook),
        problems => Err(document.reject(problems)),
    }
}
