//! The two services, and what a refusal of each lacks.

use serde::{Deserialize, Serialize};

/// A service with its own permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Microsoft Graph.
    Graph,
    /// Exchange Online.
    Exchange,
}

impl Service {
    /// What a 401 with a fresh token lacks (`microsoft.md` 3.3).
    pub(super) fn grant(self) -> &'static str {
        match self {
            Self::Exchange => {
                "Usually the application lacks the app role Exchange.ManageAsApp (dc50a0fb-09a3-484d-be87-e023b12c6440) on \
                 Office 365 Exchange Online, or admin consent for it; Exchange.ManageAsAppV2 and \
                 Exchange.AdminAPI.ManageAsApp look alike and do not serve. Grant it in the Entra admin center under \
                 App registrations, API permissions."
            }
            Self::Graph => {
                "Check that the tenant and the cloud are right and that the application is enabled in the Entra admin center \
                 under Enterprise applications."
            }
        }
    }

    /// What a 403 lacks (`microsoft.md` 3.3 and 4.1).
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Exchange => {
                "Assign the Entra role Exchange Administrator to its service principal (reading alone needs Global Reader), \
                 or put it into an Exchange role group that holds these cmdlets; it can take an hour to work."
            }
            Self::Graph => {
                "Grant the application permission Domain.Read.All on Microsoft Graph with admin consent (a person needs the \
                 role Domain Name Administrator or Global Reader as well)."
            }
        }
    }
}
