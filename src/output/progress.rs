//! Countdowns: one line per thing waited for, on standard error, while somebody watches.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use jiff::Timestamp;

use super::console::Console;
use super::{messages, text, time};
use crate::engine::Pending;

/// The countdowns of a walk.
#[derive(Debug)]
pub struct Countdowns {
    console: Console,
    shown: BTreeMap<String, (Pending, ProgressBar)>,
}

impl Countdowns {
    /// None yet.
    pub fn new(console: Console) -> Self {
        Self {
            console,
            shown: BTreeMap::new(),
        }
    }

    /// Shows what is waited for now, and takes away what is not any more.
    pub fn show(&mut self, pending: &BTreeMap<String, Pending>, wake: Timestamp) {
        let over: Vec<String> = self
            .shown
            .iter()
            .filter(|(step, (old, _))| pending.get(*step) != Some(old))
            .map(|(step, _)| step.clone())
            .collect();
        for step in over {
            self.end(&step);
        }
        for (step, pending) in pending {
            if self.shown.contains_key(step) {
                continue;
            }
            let bar = self.bar(step, pending, wake);
            self.shown.insert(step.clone(), (pending.clone(), bar));
        }
    }

    /// One countdown that belongs to no step.
    pub fn show_one(&mut self, what: &str, until: Timestamp) {
        let bar = self.console.bars().add(ProgressBar::new_spinner());
        bar.set_style(style(Some(until)));
        bar.set_message(text::clean(what));
        bar.enable_steady_tick(Duration::from_millis(250));
        let pending = Pending::Blocked {
            findings: Vec::new(),
        };
        self.shown.insert(what.to_owned(), (pending, bar));
    }

    /// Takes the countdown of a step away.
    pub fn end(&mut self, step: &str) {
        if let Some((_, bar)) = self.shown.remove(step) {
            bar.finish_and_clear();
            self.console.bars().remove(&bar);
        }
    }

    /// Takes all of them away.
    pub fn clear(&mut self) {
        for step in self.shown.keys().cloned().collect::<Vec<_>>() {
            self.end(&step);
        }
    }

    fn bar(&self, step: &str, pending: &Pending, wake: Timestamp) -> ProgressBar {
        let until = match pending {
            Pending::Wait(wait) => wait.until,
            Pending::Ask(_) => None,
            Pending::Blocked { .. } => Some(wake),
        };
        let bar = self.console.bars().add(ProgressBar::new_spinner());
        bar.set_style(style(until));
        let message = format!("{step}: {}", messages::in_short(pending));
        bar.set_message(text::clean(&time::tidy(&message)));
        // Ticking keeps the countdown moving while the walk sleeps.
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }
}

impl Drop for Countdowns {
    fn drop(&mut self) {
        self.clear();
    }
}

/// `⠋ 3 min 20 s left  what` or, where no end is known, `⠋ since 20 s  what`.
fn style(until: Option<Timestamp>) -> ProgressStyle {
    let left = move |state: &ProgressState, out: &mut dyn Write| {
        let words = match until {
            Some(until) => match time::between(Timestamp::now(), until) {
                Duration::ZERO => "looking".to_owned(),
                left => format!("{} left", time::duration(left)),
            },
            None => format!("since {}", time::duration(state.elapsed())),
        };
        // Writing into the bar's own buffer does not fail.
        let _ = out.write_str(&words);
    };
    ProgressStyle::with_template("{spinner} {left}  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key("left", left)
}
