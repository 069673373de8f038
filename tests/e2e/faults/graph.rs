//! Microsoft Graph: refusals, trouble, other shapes, and a Graph that disagrees with Exchange.

use std::time::Duration;

use rollout_lab::{MicrosoftFaultKind as Kind, RetryHint, Shape};

use super::case::{Case, lasting, passes, stops};

const DOMAIN: &str = "GET domains";
const RECORDS: &str = "GET serviceConfigurationRecords";

pub fn cases() -> Vec<Case> {
    vec![
        stops(
            "Graph refuses the records",
            1,
            &[
                "HTTP 403",
                "Insufficient privileges",
                "Domain.Read.All",
                "admin consent",
            ],
            |f| lasting(f, RECORDS, Kind::MissingRole),
        ),
        stops(
            "Graph finds nothing",
            1,
            &["Request_ResourceNotFound", "For support: HTTP 404"],
            |f| lasting(f, DOMAIN, Kind::NotFound),
        ),
        stops(
            "Graph is throttled for long",
            3,
            &[
                "Microsoft Graph could not be asked",
                "was throttled",
                "it asks to wait 300 seconds",
            ],
            |f| {
                let hint = RetryHint::Seconds("300".to_owned());
                lasting(f, DOMAIN, Kind::Busy { status: 429, hint });
            },
        ),
        passes("Graph is throttled and out of order for a moment", |f| {
            let hint = RetryHint::Seconds("0.5".to_owned());
            f.microsoft(DOMAIN, Kind::Busy { status: 429, hint }, 1);
            f.microsoft(
                DOMAIN,
                Kind::Gateway {
                    status: 503,
                    after_effect: false,
                },
                1,
            );
            f.microsoft(RECORDS, Kind::RequestLost, 1);
        }),
        stops(
            "Graph is out of order",
            3,
            &[
                "Microsoft Graph could not be asked",
                "HTTP 500",
                "run again",
            ],
            |f| lasting(f, DOMAIN, Kind::ServerError),
        ),
        stops(
            "a proxy's page in place of Graph",
            3,
            &[
                "could not",
                "unexpected shape",
                "Please sign in to the proxy",
            ],
            |f| lasting(f, DOMAIN, Kind::Html { status: 200 }),
        ),
        stops(
            "Graph in an unknown shape",
            3,
            &["could not tell", "Please report it"],
            |f| lasting(f, RECORDS, Kind::Reshaped(Shape::Unknown)),
        ),
        passes("Graph learns of the new host later", |f| {
            f.graph_lag = Duration::from_secs(600);
        })
        .uncounted(),
        passes("Graph disagrees with Exchange", |f| {
            f.graph_mx = Some("elsewhere.mail.protection.outlook.com".to_owned());
        })
        .uncounted(),
    ]
}
