//! A change to one record set.

use serde::{Deserialize, Serialize};

use crate::{Name, RecordError, RecordType, Rrset};

/// One record set from what it must be to what it shall be. `None` is "no such set".
///
/// `before` is the guard: a provider that finds anything else live writes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Sides", into = "Sides")]
pub struct Change {
    name: Name,
    rtype: RecordType,
    before: Option<Rrset>,
    after: Option<Rrset>,
}

impl Change {
    /// A change of the set of `rtype` at `name`.
    ///
    /// # Errors
    /// [`RecordError::Change`] when a side is of another name or type, or both sides are missing.
    pub fn new(
        name: Name,
        rtype: RecordType,
        before: Option<Rrset>,
        after: Option<Rrset>,
    ) -> Result<Self, RecordError> {
        let wrong = |why| RecordError::Change {
            name: name.clone(),
            rtype,
            why,
        };
        if before.is_none() && after.is_none() {
            return Err(wrong("nothing before and nothing after"));
        }
        for side in [&before, &after].into_iter().flatten() {
            if *side.name() != name || side.rtype() != rtype {
                return Err(wrong("one side is of another name or type"));
            }
        }
        Ok(Self {
            name,
            rtype,
            before,
            after,
        })
    }

    /// A set that must not exist yet.
    #[must_use]
    pub fn create(after: Rrset) -> Self {
        Self {
            name: after.name().clone(),
            rtype: after.rtype(),
            before: None,
            after: Some(after),
        }
    }

    /// A set that shall be gone.
    #[must_use]
    pub fn delete(before: Rrset) -> Self {
        Self {
            name: before.name().clone(),
            rtype: before.rtype(),
            before: Some(before),
            after: None,
        }
    }

    /// A set that becomes another.
    ///
    /// # Errors
    /// [`RecordError::Change`] when the two differ in name or type.
    pub fn replace(before: Rrset, after: Rrset) -> Result<Self, RecordError> {
        Self::new(
            before.name().clone(),
            before.rtype(),
            Some(before),
            Some(after),
        )
    }

    /// The owner.
    #[must_use]
    pub const fn name(&self) -> &Name {
        &self.name
    }

    /// The type.
    #[must_use]
    pub const fn rtype(&self) -> RecordType {
        self.rtype
    }

    /// What must be live for the change to be made.
    #[must_use]
    pub const fn before(&self) -> Option<&Rrset> {
        self.before.as_ref()
    }

    /// What shall be live.
    #[must_use]
    pub const fn after(&self) -> Option<&Rrset> {
        self.after.as_ref()
    }

    /// The way back.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
            ..self.clone()
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sides {
    name: Name,
    #[serde(rename = "type")]
    rtype: RecordType,
    before: Option<Rrset>,
    after: Option<Rrset>,
}

impl TryFrom<Sides> for Change {
    type Error = RecordError;

    fn try_from(sides: Sides) -> Result<Self, RecordError> {
        Self::new(sides.name, sides.rtype, sides.before, sides.after)
    }
}

impl From<Change> for Sides {
    fn from(change: Change) -> Self {
        Self {
            name: change.name,
            rtype: change.rtype,
            before: change.before,
            after: change.after,
        }
    }
}
