//! Tokens and rights that are refused.

use rollout_lab::MicrosoftFaultKind as Kind;

use super::case::{ACCEPTED, Case, ENABLE_DNSSEC, STATUS, lasting, passes, stops};

pub fn cases() -> Vec<Case> {
    vec![
        passes("a claims challenge in front of the change alone", |f| {
            lasting(f, ENABLE_DNSSEC, Kind::ClaimsChallenge);
        }),
        passes("a claims challenge at Graph and at Exchange", |f| {
            lasting(f, "GET domains", Kind::ClaimsChallenge);
            lasting(f, ACCEPTED, Kind::ClaimsChallenge);
        }),
        passes("a token revoked at Exchange, and at Graph", |f| {
            f.microsoft(STATUS, Kind::TokenRevoked, 1);
            f.microsoft("GET domains", Kind::TokenRevoked, 1);
        }),
        passes("a token revoked in front of the change", |f| {
            f.microsoft(ENABLE_DNSSEC, Kind::TokenRevoked, 1);
        }),
        stops(
            "no app role",
            1,
            &[
                "was refused although the sign-in worked (HTTP 401",
                "Exchange.ManageAsApp (dc50a0fb-09a3-484d-be87-e023b12c6440)",
                "Exchange.ManageAsAppV2",
                "look alike",
            ],
            |f| lasting(f, ACCEPTED, Kind::NoAppRole),
        ),
        stops(
            "a role that cannot read the DNSSEC state",
            1,
            &[
                "Get-DnssecStatusForVerifiedDomain for {domain} was refused: this identity may not run it (HTTP 403)",
                "Exchange Administrator",
                "can take an hour",
            ],
            |f| lasting(f, STATUS, Kind::MissingRole),
        ),
        stops(
            "a role that can read and not change",
            1,
            &["Enable-DnssecForVerifiedDomain", "Exchange Administrator"],
            |f| lasting(f, ENABLE_DNSSEC, Kind::MissingRole),
        )
        .goes_on(),
        stops(
            "no app role for the change",
            1,
            &[
                "Enable-DnssecForVerifiedDomain",
                "HTTP 401",
                "Exchange.ManageAsApp",
            ],
            |f| lasting(f, ENABLE_DNSSEC, Kind::NoAppRole),
        ),
    ]
}
