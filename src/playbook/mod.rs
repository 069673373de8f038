//! Playbooks: which step comes after which, and where people must agree.
//!
//! A playbook only orders. Whether a change is safe at a given moment is the kernel's to decide, and no playbook can
//! talk it out of that. What is checked on loading is that the order makes sense: known kinds, known needs, no cycle,
//! arguments of the right type and range. [`lint`] holds it against the kernel beforehand, for who writes one.

mod builtin;
mod check;
mod goal;
pub mod kind;
pub mod lint;
mod load;
mod order;
mod parameter;
mod schema;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use builtin::{BUILTIN, builtin};
pub use goal::{Expect, Goal, Until};
pub use kind::StepKind;
pub use load::{from_text, load};
pub use parameter::{Parameter, ParameterType, Parameters, SettingError, Value};
pub use schema::schema;
pub use scope::Scope;

/// How much the steps overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// As the playbook says: waits that do not depend on each other run side by side.
    #[default]
    Overlap,
    /// One step after the other, and the old TTL is waited out before the first change, as Microsoft's page does.
    Cautious,
}

/// A checked playbook: every need exists, nothing is cyclic, every argument is in range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Playbook {
    /// Its name, as in `playbook:` of a domain file.
    pub name: String,
    /// What it does, in one line.
    pub title: String,
    /// What a domain file may set, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// The steps in the order written, with `needs` filled in.
    pub steps: Vec<Step>,
}

/// One step of a playbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Unique in the playbook; the kind's name unless given.
    pub id: String,
    /// What it brings about.
    #[serde(rename = "step")]
    pub kind: StepKind,
    /// The ids of the steps that must be done before.
    pub needs: Vec<String>,
    /// A person's approval, asked before the step acts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// Arguments as written: literals, or `$name` of a parameter.
    #[serde(rename = "with", skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, Value>,
}

/// An approval that a person gives before a step acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// What `rollout approve` and `approve:` call it.
    pub name: String,
    /// What is agreed to, in one sentence.
    pub about: String,
}

/// A step with everything filled in, ready for the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// Unique in the playbook.
    pub id: String,
    /// What it brings about, with its arguments.
    #[serde(flatten)]
    pub goal: Goal,
    /// The ids of the steps that must be done before.
    pub needs: Vec<String>,
    /// A person's approval, asked before the step acts.
    pub gate: Option<Gate>,
}

impl Playbook {
    /// The step of this id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The names of all gates, in the order of the steps.
    pub fn gates(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for gate in self.steps.iter().filter_map(|step| step.gate.as_ref()) {
            if !names.contains(&gate.name.as_str()) {
                names.push(gate.name.as_str());
            }
        }
        names
    }

    /// Whether all of it is first aid: then it starts whatever else is broken.
    pub fn is_first_aid(&self) -> bool {
        self.steps.iter().all(|step| step.kind.is_first_aid())
    }

    /// The parameters with their defaults.
    pub fn defaults(&self) -> Parameters {
        let values = self.parameters.iter().filter_map(|(name, parameter)| {
            // Defaults were checked when the playbook was loaded.
            let value = parameter.read(&parameter.default, false).ok()?;
            Some((name.clone(), value))
        });
        Parameters(values.collect())
    }

    /// The steps in the order written, arguments filled in from `parameters`, `needs` as the schedule wants them.
    pub fn planned(&self, schedule: Schedule, parameters: &Parameters) -> Vec<PlannedStep> {
        let mut before: Option<&str> = None;
        let mut planned = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let mut goal = Goal::new(step.kind, |name| self.given(step, name, parameters));
            if let Goal::Preflight { scope } = &mut goal {
                *scope = Scope::of(&self.steps);
            }
            let mut needs = step.needs.clone();
            if schedule == Schedule::Cautious {
                if let Goal::LowerTtl { until, .. } = &mut goal {
                    *until = Until::Expired;
                }
                needs.extend(
                    before
                        .filter(|id| !step.needs.iter().any(|need| need == id))
                        .map(str::to_owned),
                );
            }
            before = Some(&step.id);
            planned.push(PlannedStep {
                id: step.id.clone(),
                goal,
                needs,
                gate: step.gate.clone(),
            });
        }
        planned
    }

    fn given(&self, step: &Step, name: &str, parameters: &Parameters) -> Option<goal::Given> {
        let argument = step.kind.argument(name)?;
        match step.arguments.get(name)? {
            Value::Text(text) if text.starts_with('$') => {
                parameters.get(&text[1..]).map(goal::Given::Number)
            }
            value => argument.read(value).ok(),
        }
    }
}
