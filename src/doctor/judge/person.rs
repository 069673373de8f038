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

/// A person runs the cmdlets.
pub(super) fn by_hand() -> Check {
    PERSON_RIGHTS
        .not_needed("A person runs the cmdlets, so nothing signs in here; what that person needs cannot be seen from here.")
        .mend(mend("The person who runs the cmdlets"))
}

/// Microsoft's own module runs them.
pub(super) fn by_module() -> Check {
    PERSON_RIGHTS
        .could_not_tell("Microsoft's PowerShell module signs in by itself, and was not started to find out what its identity may run.")
        .mend(mend("The identity that the module connects as"))
}

fn mend(who: &str) -> Mend {
    let role = EXCHANGE_ADMINISTRATOR;
    Mend::new(
        who,
        format!(
            "has PowerShell with the module ExchangeOnlineManagement, version 3.2 or later, and the Microsoft Entra role {} ({}) \
             or an Exchange role group with the same cmdlets. Get-Command lists each cmdlet that is theirs.",
            role.name, role.id
        ),
    )
    .with([try_by_hand(&needed())])
}
