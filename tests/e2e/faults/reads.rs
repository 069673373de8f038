//! Reading cmdlets that do not answer: throttling, gateways, lost connections, proxies, redirects.

use std::time::Duration;

use rollout_lab::{MicrosoftFaultKind as Kind, RedirectTo, RetryHint};

use super::case::{ACCEPTED, Case, STATUS, lasting, passes, stops};

fn seconds(text: &str) -> RetryHint {
    RetryHint::Seconds(text.to_owned())
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        passes("429 with a fraction of a second, twice", |f| {
            f.microsoft(
                ACCEPTED,
                Kind::Busy {
                    status: 429,
                    hint: seconds("0.3"),
                },
                2,
            );
        }),
        passes("429 with seconds, 429 with nothing", |f| {
            f.microsoft(
                ACCEPTED,
                Kind::Busy {
                    status: 429,
                    hint: seconds("1"),
                },
                1,
            );
            f.microsoft(
                STATUS,
                Kind::Busy {
                    status: 429,
                    hint: RetryHint::Nothing,
                },
                1,
            );
        }),
        passes("503 with an HTTP date, 429 with Rate-Limit-Reset", |f| {
            let after = Duration::from_secs(1);
            f.microsoft(
                ACCEPTED,
                Kind::Busy {
                    status: 503,
                    hint: RetryHint::Date(after),
                },
                1,
            );
            f.microsoft(
                STATUS,
                Kind::Busy {
                    status: 429,
                    hint: RetryHint::Reset(after),
                },
                1,
            );
        }),
        stops(
            "429 for two minutes",
            3,
            &[
                "Get-AcceptedDomain",
                "was throttled",
                "HTTP 429",
                "it asks to wait 120 seconds",
                "Run again later",
            ],
            |f| {
                lasting(
                    f,
                    ACCEPTED,
                    Kind::Busy {
                        status: 429,
                        hint: seconds("120"),
                    },
                )
            },
        ),
        stops(
            "429 until tomorrow, as an HTTP date",
            3,
            &["was throttled", "it asks to wait", "Run again later"],
            |f| {
                let hint = RetryHint::Date(Duration::from_secs(86_000));
                lasting(f, STATUS, Kind::Busy { status: 429, hint });
            },
        ),
        passes("500, 502, 503 and 504, each once", |f| {
            for (operation, status) in [
                (ACCEPTED, 500),
                (ACCEPTED, 502),
                (STATUS, 503),
                (STATUS, 504),
            ] {
                f.microsoft(
                    operation,
                    Kind::Gateway {
                        status,
                        after_effect: false,
                    },
                    1,
                );
            }
        }),
        stops(
            "502 without end",
            3,
            &[
                "Get-AcceptedDomain",
                "the service has trouble",
                "HTTP 502",
                "run again later",
                "client-request-id",
            ],
            |f| {
                lasting(
                    f,
                    ACCEPTED,
                    Kind::Gateway {
                        status: 502,
                        after_effect: false,
                    },
                )
            },
        )
        .goes_on(),
        passes("a connection lost, before and after", |f| {
            f.microsoft(ACCEPTED, Kind::RequestLost, 1);
            f.microsoft(STATUS, Kind::ReplyLost, 1);
        }),
        stops(
            "connections lost without end",
            3,
            &["got no answer", "the connection broke", "run again"],
            |f| lasting(f, STATUS, Kind::RequestLost),
        ),
        stops(
            "a read past the time limit, every time",
            3,
            &[
                "Get-DnssecStatusForVerifiedDomain",
                "HTTP 504",
                "run again later",
            ],
            |f| {
                lasting(
                    f,
                    STATUS,
                    Kind::Slow {
                        takes: Duration::from_secs(5),
                        effect: false,
                    },
                )
            },
        ),
        stops(
            "a proxy's page with 200",
            3,
            &[
                "could not tell",
                "unexpected shape",
                "Please sign in to the proxy",
            ],
            |f| lasting(f, ACCEPTED, Kind::Html { status: 200 }),
        ),
        stops(
            "a proxy's page with 403",
            3,
            &["could not tell", "HTTP 403", "Please sign in to the proxy"],
            |f| lasting(f, ACCEPTED, Kind::Html { status: 403 }),
        ),
        stops(
            "a proxy that wants a password",
            3,
            &["HTTP 407", "proxy"],
            |f| lasting(f, ACCEPTED, Kind::Html { status: 407 }),
        ),
    ];
    let to = RedirectTo::OtherHost;
    cases.push(passes("301 to the other front end", move |f| {
        lasting(f, ACCEPTED, Kind::Redirected { status: 301, to });
    }));
    cases.push(passes("308 to the other front end", move |f| {
        lasting(f, STATUS, Kind::Redirected { status: 308, to });
    }));
    for (name, to, says) in [
        (
            "a redirect to a foreign host",
            RedirectTo::ForeignHost,
            &[
                "was redirected to https://outlook.office365.com.attacker.example",
                "not one of Exchange Online's",
                "Nothing was sent there",
            ][..],
        ),
        (
            "a redirect to plain HTTP",
            RedirectTo::PlainHttp,
            &[
                "was redirected to http://192.0.2.80",
                "not HTTPS",
                "Nothing was sent there",
            ],
        ),
        (
            "a redirect to nowhere",
            RedirectTo::Nowhere,
            &["no usable Location header"],
        ),
        (
            "a redirect in circles",
            RedirectTo::Loop,
            &["more than 8 redirects in a row"],
        ),
    ] {
        cases.push(stops(name, 1, says, move |f| {
            lasting(f, ACCEPTED, Kind::Redirected { status: 302, to });
        }));
    }
    cases
}
