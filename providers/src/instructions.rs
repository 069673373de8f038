//! What a person is asked to do, in one place so that it can be translated.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Change, DelegationKey, Name};

/// What a person is asked to do: sentences, and the exact records as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// Sentences, in order.
    pub steps: Vec<String>,
    /// The record set from what it must be to what it shall be, where one is to be changed.
    pub change: Option<Change>,
    /// What the parent shall publish, where that is to be changed.
    pub delegation: Vec<DelegationKey>,
}

impl Instructions {
    /// To change one record set by hand.
    #[must_use]
    pub fn change(change: &Change) -> Self {
        let (name, rtype) = (change.name(), change.rtype());
        let mut steps = vec![format!(
            "Open the DNS settings of the zone that holds {name} at your DNS host."
        )];
        match (change.before(), change.after()) {
            (None, Some(_)) => steps.push(format!("Check that there is no {rtype} record at {name} yet.")),
            (Some(_), _) => steps.push(format!(
                "Check that the {rtype} records at {name} are exactly those under \"now\". If they are not, stop and plan again."
            )),
            (None, None) => {}
        }
        match change.after() {
            Some(after) => steps.push(format!(
                "Make the {rtype} records at {name} exactly those under \"then\", with a TTL of {} s. \
                 Change or add before you delete, so that the name is never without a record.",
                after.ttl()
            )),
            None => steps.push(format!("Delete the {rtype} records at {name}. Leave all other types and names alone.")),
        }
        Self {
            steps,
            change: Some(change.clone()),
            delegation: Vec::new(),
        }
    }

    /// To have the parent publish the digests of `keys`; to take all of them away when there are none.
    #[must_use]
    pub fn delegation(apex: &Name, keys: &[DelegationKey]) -> Self {
        let steps = if keys.is_empty() {
            vec![
                format!("Open the DNSSEC settings of {apex} at your registrar."),
                "Remove all DS records or keys. Leave the name servers alone, and leave the zone signed: \
                 it may be unsigned only when the TTL of the DS is over."
                    .to_owned(),
            ]
        } else {
            vec![
                format!("Open the DNSSEC settings of {apex} at your registrar."),
                "Enter the DS record below. Some registrars ask for its parts, some for the DNSKEY instead: \
                 all forms are given and mean the same."
                    .to_owned(),
                "Leave the name servers alone.".to_owned(),
            ]
        };
        Self {
            steps,
            change: None,
            delegation: keys.to_vec(),
        }
    }

    /// The same where the zone announces it already, so that some registries act by themselves.
    #[must_use]
    pub fn announced(apex: &Name, keys: &[DelegationKey]) -> Self {
        let mut instructions = Self::delegation(apex, keys);
        let first = format!(
            "The zone {apex} announces this to its parent by CDS and CDNSKEY records. If your registry looks for them, \
             wait: it acts by itself. Otherwise go on with the next step."
        );
        instructions.steps.insert(0, first);
        instructions
    }

    /// To sign a zone where no interface does it.
    #[must_use]
    pub fn sign(apex: &Name) -> Self {
        Self::only(vec![
            format!("Switch DNSSEC signing on for the zone {apex} at your DNS host or in your server's configuration."),
            "Do not enter anything at the registrar yet: the parent must not point to the keys before every name server \
             serves them and older answers have expired."
                .to_owned(),
        ])
    }

    /// To stop signing a zone where no interface does it.
    #[must_use]
    pub fn unsign(apex: &Name) -> Self {
        Self::only(vec![
            format!(
                "Make sure that the parent of {apex} has no DS record any more and that the TTL of the last one is over."
            ),
            format!(
                "Switch DNSSEC signing off for the zone {apex} at your DNS host or in your server's configuration."
            ),
        ])
    }

    const fn only(steps: Vec<String>) -> Self {
        Self {
            steps,
            change: None,
            delegation: Vec::new(),
        }
    }
}

impl fmt::Display for Instructions {
    /// Numbered sentences, then the records. `apex` of a delegation is in the first sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            writeln!(f, "{number}. {step}")?;
        }
        if let Some(change) = &self.change {
            for (title, side) in [("now", change.before()), ("then", change.after())] {
                writeln!(f, "{title}:")?;
                match side {
                    None => writeln!(f, "  no {} record at {}", change.rtype(), change.name())?,
                    Some(set) => set
                        .to_string()
                        .lines()
                        .try_for_each(|line| writeln!(f, "  {line}"))?,
                }
            }
        }
        for key in &self.delegation {
            if let Some(ds) = key.preferred_ds() {
                writeln!(f, "DS: {ds}")?;
                ds.parts()
                    .iter()
                    .try_for_each(|(part, value)| writeln!(f, "  {part}: {value}"))?;
            }
            if let Some(dnskey) = &key.dnskey {
                writeln!(f, "DNSKEY: {dnskey}")?;
                dnskey
                    .parts()
                    .iter()
                    .try_for_each(|(part, value)| writeln!(f, "  {part}: {value}"))?;
            }
        }
        Ok(())
    }
}
