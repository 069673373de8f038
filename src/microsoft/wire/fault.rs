//! Faults that may pass, and the error each becomes when it does not.

use std::time::Duration;

use crate::microsoft::error::{Call, MicrosoftError, UnknownWhy};

/// A fault that may pass.
pub(super) enum Fault {
    NotSent(String),
    Lost(UnknownWhy),
    Status { status: u16, detail: String },
}

impl Fault {
    pub(super) fn into_error(
        self,
        call: &Call,
        only_reads: bool,
        retry_after: Option<Duration>,
    ) -> MicrosoftError {
        let call = Box::new(call.clone());
        match self {
            Self::NotSent(detail) => MicrosoftError::Unreachable { call, detail },
            Self::Status { status: 429, .. } => MicrosoftError::Throttled { call, retry_after },
            Self::Status { status, detail } => {
                let why = UnknownWhy::ServerError { status, detail };
                // A front end may give up on a cmdlet that goes on behind it.
                if only_reads {
                    MicrosoftError::ServiceTrouble { call, why }
                } else {
                    MicrosoftError::Unknown { call, why }
                }
            }
            Self::Lost(why) if only_reads => MicrosoftError::NoAnswer { call, why },
            Self::Lost(why) => MicrosoftError::Unknown { call, why },
        }
    }
}
