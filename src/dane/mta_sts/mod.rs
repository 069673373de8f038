//! MTA-STS (RFC 8461): the TXT record, the policy behind it, and which hosts a policy covers.
//!
//! Where senders in use read more than the grammar allows, and what they read is beyond doubt, this reads it too and
//! adds a [`Remark`]: taking a policy for absent that some senders enforce would be the dangerous mistake. What senders
//! read in different ways (an id or lifetime that is none, several records) is an [`StsError`].

mod coverage;
mod error;
mod policy;
mod record;
mod remark;
mod view;

pub use coverage::{Coverage, Future, HostCover, coverage};
pub use error::StsError;
pub use policy::{Mode, Policy, matches, read_policy};
pub use record::{StsRecord, read_record};
pub use remark::Remark;
pub use view::MtaStsView;
