//! Which lines of a playbook are unsafe, and why.
//!
//! No playbook can talk the kernel out of a verdict, so an unsafe one harms no mail: it would stop halfway, at a change that
//! is refused for ever, or would build on what nobody looked at. That is said here, before anything is begun: each change is
//! held against the kernel in the worst world that the order allows (`world`), and the order against what each step
//! relies on (`order`).

mod order;
mod world;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use super::load::from_document;
use super::{PlannedStep, Playbook, Schedule};
use crate::source::{Code, Document, Part, Problem, Rejected, Step as Way};

pub use world::Longest;

/// An unsafe line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The step, by its place in the playbook.
    pub step: usize,
    /// The rule that it breaks, as in `docs/rules.md`.
    pub rule: &'static str,
    /// What happens, and why.
    pub what: String,
    /// What to do.
    pub mend: String,
}

/// A playbook that was held against the rules.
#[derive(Debug)]
pub struct Linted {
    /// The playbook.
    pub playbook: Playbook,
    /// How long each change waits for caches where every TTL is as large as it is anywhere.
    pub longest: Vec<Longest>,
}

/// The steps and what each relies on.
struct Order {
    steps: Vec<PlannedStep>,
    /// By step, all that are done before it, directly or not.
    before: Vec<BTreeSet<usize>>,
}

impl Order {
    fn of(playbook: &Playbook) -> Self {
        let steps = playbook.planned(Schedule::Overlap, &playbook.defaults());
        let mut before: Vec<BTreeSet<usize>> = Vec::with_capacity(steps.len());
        for step in &steps {
            // A step needs only steps above it: the check of playbooks saw to that.
            let needed: BTreeSet<usize> = steps
                .iter()
                .take(before.len())
                .enumerate()
                .filter(|(_, above)| step.needs.contains(&above.id))
                .map(|(index, _)| index)
                .collect();
            let further = needed.iter().flat_map(|index| before[*index].clone());
            before.push(needed.iter().copied().chain(further).collect());
        }
        Self { steps, before }
    }

    /// Whether `earlier` is done before `later` begins.
    fn comes_before(&self, earlier: usize, later: usize) -> bool {
        self.before[later].contains(&earlier)
    }
}

/// Every unsafe line, and how long the changes wait for caches in the worst case.
#[must_use]
pub fn lint(playbook: &Playbook) -> (Vec<Complaint>, Vec<Longest>) {
    let order = Order::of(playbook);
    let mut complaints = order::complaints(&order);
    let (refused, longest) = world::judge(&order);
    complaints.extend(refused);
    complaints.sort_by_key(|complaint| complaint.step);
    (complaints, longest)
}

/// Why a playbook file is not taken.
#[derive(Debug)]
pub enum Unfit {
    /// It cannot be read, or makes no sense.
    Mistaken(Rejected),
    /// It makes sense, and is not safe.
    Unsafe(Rejected),
}

/// Reads a playbook file and holds it against the rules.
///
/// # Errors
/// Every mistake found, or every unsafe line, with its place.
pub fn lint_file(path: &Path) -> Result<Linted, Unfit> {
    let document = Document::read(path, &path.display().to_string()).map_err(Unfit::Mistaken)?;
    lint_document(&document)
}

fn lint_document(document: &Document) -> Result<Linted, Unfit> {
    let playbook = from_document(document).map_err(Unfit::Mistaken)?;
    let (complaints, longest) = lint(&playbook);
    if complaints.is_empty() {
        return Ok(Linted { playbook, longest });
    }
    let problems = complaints.iter().map(|complaint| {
        let way = [
            Way::Key("steps"),
            Way::Item(complaint.step),
            Way::Key("step"),
        ];
        let text = format!("{}: {}", complaint.rule, complaint.what);
        Problem {
            help: Some(complaint.mend.clone()),
            ..Problem::new(Code::Unsafe, document.span(&way, Part::Value), &text)
        }
    });
    Err(Unfit::Unsafe(document.reject(problems.collect())))
}
