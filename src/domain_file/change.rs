//! The `change:` part: when changes may be made.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::calendar::{Calendar, Day, DayTime, Freeze, FreezeError, Moment, Window, Zone};
use crate::source::{Code, Document, Part, Problem, Step as Way};

/// When changes may be made. They hold up the start of an effect; checks go on meanwhile, and the way back waits only where asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// By whose clocks times are meant that have no zone of their own, as in Europe/Berlin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Changes are made in these only. Without any: at any time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<ChangeWindow>,
    /// No change is made in these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<ChangeFreeze>,
    /// A file with a list of freezes, relative to this one; many domain files may share it. It is read anew before each
    /// change: while it cannot be read, none is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_file: Option<Place>,
    /// Whether the way back, and what helps where the legacy host fails, wait for windows and freezes, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rollback: bool,
}

/// A change window of every week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeWindow {
    /// The days on which it opens: mon, tue, wed, thu, fri, sat, sun. Without: every day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<Vec<Day>>,
    /// When it opens. Without: at 00:00.
    #[serde(default = "start")]
    pub from: DayTime,
    /// When it closes; on the next day where that is not later than `from`. Without: at 24:00.
    #[serde(default = "end")]
    pub to: DayTime,
    /// By whose clocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

const fn start() -> DayTime {
    DayTime::START
}

const fn end() -> DayTime {
    DayTime::END
}

/// A time without changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFreeze {
    /// Its beginning; a date is the beginning of that day.
    pub from: Moment,
    /// Its end; a date is the end of that day.
    pub to: Moment,
    /// Why; it is shown where a run stands still.
    pub reason: String,
    /// By whose clocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

impl ChangeFreeze {
    fn freeze(&self, zone: Option<&Zone>) -> Result<Freeze, FreezeError> {
        let zone = self.zone.as_ref().or(zone);
        Freeze::new(self.from, self.to, self.reason.trim().to_owned(), zone)
    }

    /// What is wrong with it, and at which of its keys.
    fn mistake(&self, zone: Option<&Zone>) -> Option<(&'static str, Code, String)> {
        if self.reason.trim().is_empty() {
            let text = "the reason is empty\nsay why, for whoever finds a run standing still";
            return Some(("reason", Code::BadValue, text.to_owned()));
        }
        let error = self.freeze(zone).err()?;
        Some(match error {
            FreezeError::NoZone => ("from", Code::MissingKey, error.to_string()),
            FreezeError::Backwards => ("to", Code::Contradiction, error.to_string()),
            FreezeError::OutOfRange => ("to", Code::OutOfRange, error.to_string()),
        })
    }
}

impl Change {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the engine asks. Of a file that was checked, every window and freeze is in it.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        let window = |window: &ChangeWindow| {
            let zone = window.zone.as_ref().or(self.zone.as_ref())?.clone();
            let days = window.days.clone().unwrap_or_else(|| Day::WEEK.to_vec());
            Some(Window::new(days, window.from, window.to, zone))
        };
        let freeze = |freeze: &ChangeFreeze| freeze.freeze(self.zone.as_ref()).ok();
        Calendar {
            windows: self.windows.iter().filter_map(window).collect(),
            freezes: self.freezes.iter().filter_map(freeze).collect(),
            freeze_file: self.freeze_file.is_some(),
            rollback: self.rollback,
        }
    }

    /// What the types alone cannot tell.
    pub(super) fn check(&self, document: &Document) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut report = |code, way: &[Way<'_>], part, text: &str| {
            problems.push(Problem::new(code, document.span(way, part), text));
        };
        for (index, window) in self.windows.iter().enumerate() {
            let way = |key| ["change".into(), "windows".into(), index.into(), key];
            if window.zone.is_none() && self.zone.is_none() {
                let text = "a time of day needs a time zone\nadd zone: Europe/Berlin to the window, or under change";
                report(Code::MissingKey, &way("from".into()), Part::Key, text);
            }
            if window.from == window.to {
                let text = "the window ends where it begins\nfor the whole day write from: \"00:00\" and to: \"24:00\", or neither";
                report(Code::Contradiction, &way("to".into()), Part::Value, text);
            }
            let days = window.days.as_deref().unwrap_or(&Day::WEEK);
            if days.is_empty() {
                let text = "a window without a day never opens\nname days, as in [mon, tue], or remove the key for every day";
                report(Code::BadValue, &way("days".into()), Part::Key, text);
            }
            if window.from == DayTime::END {
                let text =
                    "a window cannot open at the day's end\nwrite from: \"00:00\" and the next day";
                report(Code::BadValue, &way("from".into()), Part::Value, text);
            }
        }
        for (index, freeze) in self.freezes.iter().enumerate() {
            if let Some((key, code, text)) = freeze.mistake(self.zone.as_ref()) {
                let way = ["change".into(), "freezes".into(), index.into(), key.into()];
                report(code, &way, Part::Value, &text);
            }
        }
        problems
    }
}

/// Reads a freeze file: a list of freezes. `zone` is meant where one names none.
///
/// # Errors
/// A sentence: that it cannot be read, or its first mistake and where that is. Then nobody knows whether there is a freeze.
pub fn read_freezes(path: &Path, zone: Option<&Zone>) -> Result<Vec<Freeze>, String> {
    let name = path.display().to_string();
    let rejected = |rejected: crate::source::Rejected| {
        let first = rejected.mistakes().next();
        let what = first.map_or("", |mistake| mistake.message.as_str());
        let line = first.and_then(|mistake| mistake.line);
        let place = line.map_or_else(String::new, |line| format!(" line {line}:"));
        format!("the freeze file {}:{place} {what}", rejected.file())
    };
    let document = Document::read(path, &name).map_err(rejected)?;
    let written: Vec<ChangeFreeze> = document.decode().map_err(rejected)?;
    let mut freezes = Vec::with_capacity(written.len());
    for (index, freeze) in written.iter().enumerate() {
        if let Some((key, code, text)) = freeze.mistake(zone) {
            let span = document.span(&[index.into(), key.into()], Part::Value);
            return Err(rejected(
                document.reject(vec![Problem::new(code, span, &text)]),
            ));
        }
        freezes.extend(freeze.freeze(zone));
    }
    Ok(freezes)
}
