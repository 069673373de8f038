//! What a person needs where no application signs in.

use crate::doctor::catalogue::PERSON_RIGHTS;
use crate::doctor::check::{Check, Mend};
use crate::doctor::roles::EXCHANGE_ADMINISTRATOR;
use crate::doctor::snippet::try_by_hand;
use crate::microsoft::Cmdlet;

/// The cmdlets that a rollout runs, by name.
pub(super) fn needed() -> Vec<&'static str> {
    Cmdlet::NEEDED.into_iter().map(Cmdlet::name).collect()
}

pub(super) fn judge() -> Vec<Check> {
    let role = EXCHANGE_ADMINISTRATOR;
    vec![
        PERSON_RIGHTS
            .not_needed("A person runs the cmdlets, so nothing signs in here; what that person needs cannot be seen from here.")
            .mend(
                Mend::new(
                    "The person who runs the cmdlets",
                    format!(
                        "has PowerShell with the module ExchangeOnlineManagement, version 3 or later, and the Microsoft Entra role {} ({}) \
                         or an Exchange role group with the same cmdlets. Get-Command lists each cmdlet that is theirs.",
                        role.name, role.id
                    ),
                )
                .with([try_by_hand(&needed())]),
            ),
    ]
}
