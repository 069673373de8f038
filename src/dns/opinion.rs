//! A second opinion: what another validator makes of the same question.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{Kind, Name};
use super::view::Status;

/// The verdict of another engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The name asked for.
    pub name: Name,
    /// The type asked for.
    pub kind: Kind,
    /// Its verdict over the whole chain of aliases.
    pub status: Status,
    /// When.
    pub at: Timestamp,
}
