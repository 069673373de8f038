//! What is wrong at Microsoft, or with the way in.

use rollout_lab::{DomainKind, DomainSeed, MicrosoftFault, MicrosoftFaultKind};

use super::case::{Case, PLAN, case};
use super::stage::Stage;

const NOWHERE: &str = "http://127.0.0.1:1";

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "unknown domain at Microsoft",
            1,
            &[
                "the tenant does not have contoso.com",
                "check `domain:` and `microsoft.tenant`",
            ],
            |_| {},
        )
        .seed(DomainSeed::new("contoso.com", DomainKind::NotInTenant).signed()),
        case(
            "unverified domain",
            1,
            &["contoso.com is not verified in the tenant", "admin center"],
            |_| {},
        )
        .seed(DomainSeed::new("contoso.com", DomainKind::Unverified).signed()),
        case(
            "onmicrosoft.com",
            1,
            &[
                "contoso.onmicrosoft.com is the tenant's initial onmicrosoft.com domain",
                "move a domain of your own",
            ],
            |_| {},
        )
        .seed(DomainSeed::new(
            "contoso.onmicrosoft.com",
            DomainKind::Initial,
        )),
        case(
            "delegated to Microsoft",
            1,
            &[
                "the DNS of contoso.com is run by Microsoft 365",
                "move the zone to a DNS host that signs",
            ],
            |_| {},
        )
        .seed(DomainSeed::new("contoso.com", DomainKind::FullyDelegated)),
        case(
            "wrong secret",
            1,
            &[
                "the client secret is wrong",
                "Give the secret's value, not its id",
                "AADSTS7000215",
            ],
            |stage| std::fs::write(stage.at("client-secret"), "0123456789abcdef-wrong").unwrap(),
        )
        .never(&["0123456789abcdef-wrong"]),
        case(
            "unknown client id",
            1,
            &["no application with this client id", "AADSTS700016"],
            |stage| stage.set("client_id", "00000000-1111-4222-8333-444444444444"),
        ),
        case(
            "unknown tenant",
            1,
            &["there is no such tenant", "AADSTS90002"],
            |stage| stage.set("tenant", "00000000-1111-4222-8333-444444444444"),
        ),
        case(
            "authority down",
            3,
            &["127.0.0.1", "try again; nothing was changed"],
            |stage| stage.set("authority", NOWHERE),
        ),
        case(
            "Graph down",
            3,
            &[
                "Microsoft Graph could not be asked",
                "cannot be reached",
                "try again",
            ],
            |stage| stage.set("graph", NOWHERE),
        ),
        case(
            "Exchange admin down",
            3,
            &[
                "Exchange Online could not be asked",
                "cannot be reached",
                "try again",
            ],
            |stage| stage.set("exchange", NOWHERE),
        ),
        case(
            "missing role (403 with NUL bytes)",
            1,
            &[
                "Get-AcceptedDomain was refused",
                "HTTP 403",
                "Exchange Administrator",
            ],
            |stage| fault(stage, None, MicrosoftFaultKind::MissingRole),
        )
        .never(&["\0", "\\0", "\\u{0}"]),
        case(
            "missing role for Graph only",
            1,
            &["HTTP 403", "Domain.Read.All", "admin consent"],
            |stage| fault(stage, Some("GET domains"), MicrosoftFaultKind::MissingRole),
        ),
        case(
            "401 although the sign-in worked",
            1,
            &[
                "was refused although the sign-in worked",
                "HTTP 401",
                "Exchange.ManageAsApp",
            ],
            |stage| fault(stage, None, MicrosoftFaultKind::Unauthorized),
        ),
        case(
            "Exchange answers 200 with an error",
            3,
            &[
                "Get-AcceptedDomain failed",
                "ADTransientException",
                "run again later",
            ],
            |stage| {
                fault(
                    stage,
                    Some("Get-AcceptedDomain"),
                    MicrosoftFaultKind::OkWithError,
                )
            },
        ),
        case(
            "Exchange answers 500",
            3,
            &["Get-AcceptedDomain", "HTTP 500", "try again"],
            |stage| {
                fault(
                    stage,
                    Some("Get-AcceptedDomain"),
                    MicrosoftFaultKind::ServerError,
                )
            },
        )
        .args(PLAN),
    ]
}

fn fault(stage: &Stage, operation: Option<&str>, kind: MicrosoftFaultKind) {
    stage.bench.lab.change_faults(|faults| {
        faults.microsoft.push(MicrosoftFault {
            operation: operation.map(str::to_owned),
            kind,
            times: None,
        });
    });
}
