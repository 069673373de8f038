//! A zone by every address of every server, over UDP and TCP.

use serde::{Deserialize, Serialize};

use super::view::ZoneView;

/// One deep look at a domain's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// What each server says.
    pub zone: ZoneView,
}
