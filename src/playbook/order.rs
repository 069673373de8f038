//! Whether the steps of a playbook can be walked.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Checker;
use super::kind::StepKind;
use crate::source::{Code, Part, Step as Way, one_of, quoted};

impl Checker<'_> {
    /// A step needs only steps above it: so there is no cycle, and the order written is one that can be walked.
    pub(super) fn order(&mut self) {
        let playbook = self.playbook;
        let place: BTreeMap<&str, usize> = playbook
            .steps
            .iter()
            .enumerate()
            .rev()
            .map(|(index, step)| (step.id.as_str(), index))
            .collect();
        let ids: Vec<&str> = playbook.steps.iter().map(|step| step.id.as_str()).collect();
        for (index, step) in playbook.steps.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for (item, need) in step.needs.iter().enumerate() {
                let way = [
                    Way::Key("steps"),
                    Way::Item(index),
                    Way::Key("needs"),
                    Way::Item(item),
                ];
                if !seen.insert(need) {
                    self.report(
                        Code::Contradiction,
                        &way,
                        Part::Value,
                        &format!("{} stands here twice\nremove one of them", quoted(need)),
                    );
                    continue;
                }
                match place.get(need.as_str()) {
                    None => self.report(
                        Code::UnknownValue,
                        &way,
                        Part::Value,
                        &format!(
                            "no step has the id {}\n{}",
                            quoted(need),
                            one_of(need, &ids)
                        ),
                    ),
                    Some(found) if *found < index => {}
                    Some(found) => {
                        let text = match self.way_back(*found, index, &place) {
                            Some(cycle) => format!(
                                "these steps need each other: {}\nremove one of these needs",
                                cycle.join(" needs ")
                            ),
                            None => format!(
                                "{} is below this step\nwrite the steps in an order that can be walked: what is needed comes first",
                                quoted(need)
                            ),
                        };
                        self.report(Code::Contradiction, &way, Part::Value, &text);
                    }
                }
            }
        }
    }

    /// The steps from `from` by needs to `to`, and back: a cycle, if there is one.
    fn way_back(&self, from: usize, to: usize, place: &BTreeMap<&str, usize>) -> Option<Vec<&str>> {
        let steps = &self.playbook.steps;
        let mut came_from: BTreeMap<usize, usize> = BTreeMap::from([(from, from)]);
        let mut open = vec![from];
        while let Some(index) = open.pop() {
            if index == to {
                let mut cycle = vec![steps[to].id.as_str()];
                let mut at = to;
                while at != from {
                    at = came_from.get(&at).copied()?;
                    cycle.push(&steps[at].id);
                }
                // Walked backwards, so this starts with the step that has the need.
                cycle[1..].reverse();
                cycle.push(&steps[to].id);
                cycle.dedup();
                if cycle.len() == 1 {
                    cycle.push(&steps[to].id);
                }
                return Some(cycle);
            }
            for next in steps[index]
                .needs
                .iter()
                .filter_map(|need| place.get(need.as_str()))
            {
                if !came_from.contains_key(next) {
                    came_from.insert(*next, index);
                    open.push(*next);
                }
            }
        }
        None
    }

    /// Nothing may happen before the domain was looked at.
    pub(super) fn preflight(&mut self) {
        let steps = &self.playbook.steps;
        let Some(first) = steps.first() else { return };
        let looks = |step: &super::Step| step.kind.is_way_back() || step.kind == StepKind::VerifyMx;
        if first.kind.is_way_back() && steps.iter().all(looks) {
            return;
        }
        if first.kind != StepKind::Preflight {
            self.report(
                Code::Contradiction,
                &["steps".into(), 0.into(), "step".into()],
                Part::Value,
                "the first step must be preflight\nput - step: preflight above it",
            );
            return;
        }
        let mut after: BTreeSet<&str> = BTreeSet::from([first.id.as_str()]);
        let mut early = Vec::new();
        for (index, step) in steps.iter().enumerate().skip(1) {
            if step.needs.iter().any(|need| after.contains(need.as_str())) {
                after.insert(&step.id);
            } else if step.needs.is_empty() {
                early.push(index);
            }
        }
        for index in early {
            self.report(
                Code::Contradiction,
                &["steps".into(), index.into(), "needs".into()],
                Part::Value,
                "this step does not wait for preflight\nadd preflight to its needs",
            );
        }
    }
}
