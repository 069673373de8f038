//! Whether a playbook makes sense. Every mistake is found, each with its place.

use std::collections::{BTreeMap, BTreeSet};

use super::kind::{ArgumentDefault, ArgumentType, StepKind};
use super::parameter::SettingError;
use super::{ParameterType, Playbook, Schedule, Step, Value};
use crate::source::{Code, Document, Part, Problem, Step as Way, one_of, quoted};

pub(super) fn check(document: &Document, playbook: &Playbook) -> Vec<Problem> {
    let mut checker = Checker {
        document,
        playbook,
        problems: Vec::new(),
    };
    checker.head();
    checker.parameters();
    checker.steps();
    checker.order();
    checker.preflight();
    if checker.problems.is_empty() {
        checker.defaults();
    }
    checker.problems
}

pub(super) struct Checker<'a> {
    document: &'a Document,
    pub(super) playbook: &'a Playbook,
    problems: Vec<Problem>,
}

/// Small letters, digits and inner hyphens: safe in a file name, a flag, a report.
fn is_word(text: &str, joint: char) -> bool {
    text.len() <= 64
        && text.split(joint).all(|part| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

impl Checker<'_> {
    pub(super) fn report(&mut self, code: Code, way: &[Way<'_>], part: Part, text: &str) {
        self.problems
            .push(Problem::new(code, self.document.span(way, part), text));
    }

    fn word(&mut self, text: &str, way: &[Way<'_>]) {
        if !is_word(text, '-') {
            self.report(Code::BadValue, way, Part::Value, "this is no usable name\nuse small letters, digits and inner hyphens, at most 64, as in lower-ttl");
        }
    }

    fn head(&mut self) {
        let playbook = self.playbook;
        self.word(&playbook.name, &["name".into()]);
        if playbook.title.trim().is_empty() {
            self.report(
                Code::BadValue,
                &["title".into()],
                Part::Value,
                "the title is empty\nsay in one line what the playbook does",
            );
        }
        if playbook.steps.is_empty() {
            self.report(
                Code::BadValue,
                &["steps".into()],
                Part::Key,
                "the playbook has no steps\nadd at least one, as in - step: preflight",
            );
        }
    }

    fn parameters(&mut self) {
        let playbook = self.playbook;
        for (name, parameter) in &playbook.parameters {
            let way: [Way<'_>; 2] = ["parameters".into(), name.as_str().into()];
            if !is_word(name, '_') || name.starts_with(|c: char| c.is_ascii_digit()) {
                self.report(Code::BadValue, &way, Part::Key, "this is no usable name of a parameter\nuse small letters, digits and inner underscores, as in final_ttl");
            }
            let (min, max) = parameter.bounds(false);
            let at = |key| [way[0], way[1], Way::Key(key)];
            if min > max {
                self.report(
                    Code::Contradiction,
                    &at("min"),
                    Part::Value,
                    &format!("no value fits between {min} and {max}\nmake min smaller than max"),
                );
            } else if let Err(text) = parameter.read(&parameter.default, false) {
                self.report(Code::OutOfRange, &at("default"), Part::Value, &text);
            }
            let used = |step: &Step| {
                step.arguments
                    .values()
                    .any(|value| reference(value) == Some(name))
            };
            if !playbook.steps.iter().any(used) {
                self.report(Code::Contradiction, &way, Part::Key, &format!("no step uses the parameter {}\nuse it under with: of a step as ${name}, or remove it", quoted(name)));
            }
        }
    }

    fn steps(&mut self) {
        let playbook = self.playbook;
        let mut ids: BTreeSet<&str> = BTreeSet::new();
        let mut kinds: BTreeSet<StepKind> = BTreeSet::new();
        let mut gates: BTreeSet<&str> = BTreeSet::new();
        for (index, step) in playbook.steps.iter().enumerate() {
            let at = |key| [Way::Key("steps"), Way::Item(index), Way::Key(key)];
            self.word(&step.id, &at("id"));
            if !kinds.insert(step.kind) && !step.kind.repeatable() {
                self.report(
                    Code::Contradiction,
                    &at("step"),
                    Part::Value,
                    &format!(
                        "a playbook has only one step of the kind {}\nremove one of them",
                        step.kind
                    ),
                );
            } else if !ids.insert(&step.id) {
                let text = format!(
                    "the id {} is taken by a step above\ngive this step an id of its own, as in id: {}-again",
                    quoted(&step.id),
                    step.kind
                );
                let key = if self.document.has(&at("id")) {
                    "id"
                } else {
                    "step"
                };
                self.report(Code::Contradiction, &at(key), Part::Value, &text);
            }
            if let Some(gate) = &step.gate {
                let way = [
                    Way::Key("steps"),
                    Way::Item(index),
                    Way::Key("gate"),
                    Way::Key("name"),
                ];
                self.word(&gate.name, &way);
                if gate.name == "all" {
                    self.report(Code::BadValue, &way, Part::Value, "a gate cannot be called all, since approve: all means every gate\nname what is agreed to");
                } else if !gates.insert(&gate.name) {
                    self.report(Code::Contradiction, &way, Part::Value, &format!("the gate {} stands at a step above\ngive each gate its own name, so that an approval is for one thing", quoted(&gate.name)));
                }
            }
            if step.gate.is_none() && step.kind.is_a_persons_word() {
                self.report(Code::MissingKey, &at("step"), Part::Value, "confirm needs a gate: a person's word is all it rests on\nadd gate: { name: ..., about: ... }, and say in about what the person has to have done or seen");
            }
            self.arguments(index, step);
        }
    }

    fn arguments(&mut self, index: usize, step: &Step) {
        let known: Vec<&str> = step
            .kind
            .arguments()
            .iter()
            .map(|argument| argument.name)
            .collect();
        for (name, value) in &step.arguments {
            let way = [
                Way::Key("steps"),
                Way::Item(index),
                Way::Key("with"),
                Way::Key(name),
            ];
            let Some(argument) = step.kind.argument(name) else {
                self.report(
                    Code::UnknownKey,
                    &way,
                    Part::Key,
                    &format!(
                        "{} takes no argument {}\n{}",
                        step.kind,
                        quoted(name),
                        one_of(name, &known)
                    ),
                );
                continue;
            };
            let Some(parameter) = reference(value) else {
                if let Err(text) = argument.read(value) {
                    self.report(Code::BadValue, &way, Part::Value, &text);
                }
                continue;
            };
            let fits = match (
                self.playbook
                    .parameters
                    .get(parameter)
                    .map(|found| found.ty),
                argument.ty,
            ) {
                (None, _) => {
                    let declared: Vec<&str> = self
                        .playbook
                        .parameters
                        .keys()
                        .map(String::as_str)
                        .collect();
                    self.report(
                        Code::UnknownValue,
                        &way,
                        Part::Value,
                        &format!(
                            "there is no parameter {}\n{}",
                            quoted(parameter),
                            one_of(parameter, &declared)
                        ),
                    );
                    continue;
                }
                (Some(ParameterType::Seconds), ArgumentType::Seconds { .. })
                | (Some(ParameterType::Preference), ArgumentType::Preference) => true,
                _ => false,
            };
            if !fits {
                let wanted = match argument.ty {
                    ArgumentType::Seconds { .. } => "a parameter of the type seconds",
                    ArgumentType::Preference => "a parameter of the type preference",
                    ArgumentType::Choice(_) => "one of its words, no parameter",
                };
                self.report(
                    Code::WrongType,
                    &way,
                    Part::Value,
                    &format!("the argument {} takes {wanted}", quoted(name)),
                );
            }
        }
        for argument in step.kind.arguments() {
            if argument.default == ArgumentDefault::Required
                && !step.arguments.contains_key(argument.name)
            {
                let way = [Way::Key("steps"), Way::Item(index), Way::Key("step")];
                let allowed = match argument.ty {
                    ArgumentType::Choice(words) => words.join(", "),
                    _ => "a number".to_owned(),
                };
                self.report(
                    Code::MissingKey,
                    &way,
                    Part::Value,
                    &format!(
                        "{} needs the argument {}\nadd with: {{ {}: ... }}; allowed: {allowed}",
                        step.kind,
                        quoted(argument.name),
                        argument.name
                    ),
                );
            }
        }
    }

    /// The defaults must go together, so that a domain file without settings works.
    fn defaults(&mut self) {
        let planned = self
            .playbook
            .planned(Schedule::Overlap, &self.playbook.defaults());
        for (index, step) in planned.iter().enumerate() {
            let literal = self.playbook.steps[index]
                .arguments
                .values()
                .all(|value| reference(value).is_none());
            if let (Some(text), true) = (step.goal.contradiction(), literal) {
                self.report(
                    Code::Contradiction,
                    &["steps".into(), index.into(), "with".into()],
                    Part::Key,
                    &text,
                );
            }
        }
        let Err(errors) = self.playbook.parameters(&BTreeMap::new(), false) else {
            return;
        };
        for SettingError { name, code, text } in errors {
            let way: Vec<Way<'_>> =
                vec!["parameters".into(), name.as_str().into(), "default".into()];
            self.report(code, &way, Part::Value, &text);
        }
    }
}

/// The parameter that a value names, if it is `$name`.
pub(super) fn reference(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => text.strip_prefix('$'),
        Value::Number(_) => None,
    }
}
