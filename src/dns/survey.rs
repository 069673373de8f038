//! A zone by every address of every server, over UDP and TCP.
//!
//! The rules: `verification.md` 49 to 53 (RFC 4035, 2, 3.1 and 5.2; RFC 6840, 5.11; RFC 9276), with 10 to 12.

mod keys;
mod look;
mod proof;
mod server;
mod signed;
mod tcp;
mod verdict;

use serde::{Deserialize, Serialize};

use super::record::Name;
use super::view::{ServerAnswer, Status, ZoneView};

pub use super::keys::DsFit;
pub use server::{
    Denial, DsLink, KeyView, Probe, ProvenBy, ServedSet, ServerSurvey, Signed, TcpView,
};

/// One deep look at a domain's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// What each server says.
    pub zone: ZoneView,
    /// What the parents prove about the delegation: `Secure` where a DS stands that leads up to the trust anchor,
    /// `Insecure` where its absence is proven (here or further up).
    pub delegation: Status,
    /// Per address of the zone's servers, in the order of [`ZoneView::servers`].
    pub servers: Vec<ServerSurvey>,
    /// The random name of [`Probe::RandomName`].
    pub random_name: Name,
}

/// Whether two answers to one question, both given, are not the same.
fn differs(one: &ServerAnswer, other: &ServerAnswer) -> bool {
    one.is_known()
        && other.is_known()
        && (one.outcome != other.outcome || one.contents() != other.contents())
}
