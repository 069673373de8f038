//! What a person pasted of a cmdlet's output, where a person runs the cmdlets.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::Host;
use crate::microsoft::powershell::PastedAnswer;

/// One answer, with who pasted it and when: that is its source, and how far it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pasted {
    /// When.
    pub at: Timestamp,
    /// By whom, as far as the system tells.
    pub by: String,
    /// What.
    pub answer: PastedAnswer,
}

/// The latest answer of each cmdlet, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PastedAnswers(BTreeMap<String, Pasted>);

impl PastedAnswers {
    /// Takes an answer in place of an earlier one of the same cmdlet.
    pub fn take(&mut self, pasted: Pasted) {
        self.0
            .insert(pasted.answer.cmdlet().name().to_owned(), pasted);
    }

    /// Whether nothing was pasted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answers.
    pub fn iter(&self) -> impl Iterator<Item = &Pasted> {
        self.0.values()
    }

    /// The MX host that Exchange Online assigned, if an answer names it; the latest, if several do.
    #[must_use]
    pub fn mx_host(&self) -> Option<Host> {
        let mut named: Vec<_> = self
            .iter()
            .filter_map(|pasted| Some((pasted.at, pasted.answer.mx_host()?)))
            .collect();
        named.sort();
        named.pop().map(|(_, host)| Host::new(host.as_str()))
    }

    /// Whence it is known, in words; `None` when nothing was pasted.
    #[must_use]
    pub fn source(&self) -> Option<String> {
        let last = self.iter().max_by_key(|pasted| pasted.at)?;
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        Some(format!(
            "{}, as pasted by {} at {}",
            names.join(", "),
            last.by,
            crate::kernel::utc(last.at)
        ))
    }
}
