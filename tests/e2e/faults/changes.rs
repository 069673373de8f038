//! `Enable-DnssecForVerifiedDomain`: whatever becomes of it, its effect happens once.

use std::time::Duration;

use rollout_lab::{Envelope, MicrosoftFaultKind as Kind, RedirectTo, RetryHint, Shape};

use super::case::{self, Case, ENABLE_DNSSEC as ENABLE, STATUS, lasting, passes, stops};

fn unknown(name: &'static str, kind: Kind) -> Case {
    case::unknown(name, ENABLE, kind)
}

fn shaped(name: &'static str, shape: Shape) -> Case {
    unknown(name, Kind::Reshaped(shape))
}

pub fn cases() -> Vec<Case> {
    let gateway = |status, after_effect| Kind::Gateway {
        status,
        after_effect,
    };
    let slow = |millis, effect| Kind::Slow {
        takes: Duration::from_millis(millis),
        effect,
    };
    let mut cases = vec![
        unknown("the change: 500 before it", gateway(500, false)).sent_again(),
        unknown("the change: 504 before it", gateway(504, false))
            .sent_again()
            .in_two_processes(),
        unknown("the change: 502 after it", gateway(502, true)),
        unknown("the change: 504 after it", gateway(504, true)),
        unknown("the change: the request is lost", Kind::RequestLost).sent_again(),
        unknown("the change: the reply is lost", Kind::ReplyLost),
        unknown(
            "the change: past the limit, and done in the end",
            slow(2500, true),
        ),
        unknown(
            "the change: past the limit, and never done",
            slow(2500, false),
        )
        .sent_again()
        .in_two_processes(),
        passes("the change: slow, within the limit", move |f| {
            f.microsoft(ENABLE, slow(900, true), 1);
        }),
        unknown("the change: it gives up by itself", slow(900, false)).sent_again(),
        unknown(
            "the change: 200 with an error that passes",
            Kind::OkWithError,
        )
        .sent_again(),
        unknown("the change: it says already", Kind::SaysAlready),
        unknown("the change: 204", Kind::NoBody { status: 204 }),
        unknown(
            "the change: 200 and nothing else",
            Kind::NoBody { status: 200 },
        ),
        unknown("the change: a proxy's page", Kind::Html { status: 200 }).sent_again(),
        shaped("the change: no value", Shape::ValueMissing),
        shaped("the change: an unknown shape", Shape::Unknown),
        shaped("the change: half a body", Shape::HalfABody),
        passes("the change: one object", |f| {
            f.microsoft(ENABLE, Kind::Reshaped(Shape::ValueSingular), 1);
        }),
        passes("the change: Value, after a redirect", |f| {
            lasting(f, STATUS, Kind::Reshaped(Shape::ValueCapital));
            lasting(
                f,
                ENABLE,
                Kind::Redirected {
                    status: 307,
                    to: RedirectTo::OtherHost,
                },
            );
        }),
        passes("the change: 302 to the other front end", |f| {
            lasting(
                f,
                ENABLE,
                Kind::Redirected {
                    status: 302,
                    to: RedirectTo::OtherHost,
                },
            );
        }),
        stops(
            "the change: a redirect to a foreign host",
            1,
            &[
                "Enable-DnssecForVerifiedDomain",
                "was redirected to",
                "Nothing was sent there",
            ],
            |f| {
                lasting(
                    f,
                    ENABLE,
                    Kind::Redirected {
                        status: 307,
                        to: RedirectTo::ForeignHost,
                    },
                )
            },
        ),
        passes("the change: 429 for a second", |f| {
            let hint = RetryHint::Seconds("1".to_owned());
            f.microsoft(ENABLE, Kind::Busy { status: 429, hint }, 1);
        })
        .says(&[
            "Enable-DnssecForVerifiedDomain",
            "was throttled",
            "HTTP 429",
        ]),
        stops(
            "the change: 429 with nothing",
            4,
            &[
                "Enable-DnssecForVerifiedDomain",
                "was throttled",
                "HTTP 429",
            ],
            |f| {
                let hint = RetryHint::Nothing;
                f.microsoft(ENABLE, Kind::Busy { status: 429, hint }, 1);
            },
        ),
        stops(
            "the change: a Result that is no success",
            1,
            &[
                "Enable-DnssecForVerifiedDomain",
                "its Result is Failure",
                "the zone is locked",
            ],
            |f| {
                let (result, data) = ("Failure".to_owned(), "the zone is locked".to_owned());
                f.microsoft(ENABLE, Kind::ResultNot { result, data }, 1);
            },
        )
        .goes_on(),
        passes("the change: its state shows later", |f| {
            f.status_lag = Duration::from_secs(2);
        })
        .uncounted(),
        passes(
            "the change: its reply is lost and its state shows later",
            |f| {
                f.status_lag = Duration::from_secs(2);
                f.microsoft(ENABLE, Kind::ReplyLost, 1);
            },
        )
        .says(&["unknown outcome: ", "what became of it is observed"]),
    ];
    for (name, status, envelope) in [
        (
            "the change: an error with an internal exception",
            400,
            Envelope::Internal,
        ),
        (
            "the change: an error as JSON in a text",
            400,
            Envelope::Context,
        ),
        (
            "the change: 200 with an error that stays",
            200,
            Envelope::Internal,
        ),
    ] {
        cases.push(stops(
            name,
            1,
            &[
                "Enable-DnssecForVerifiedDomain for {domain} failed: the domain is not supported",
                "the service refused it; nothing was changed",
                "mend what it names, then run again",
            ],
            move |f| {
                let exception =
                    "Microsoft.Exchange.Management.ProvisioningTasks.ProvisioningTaskException";
                let kind = Kind::fails(status, exception, "the domain is not supported", envelope);
                f.microsoft(ENABLE, kind, 1);
            },
        ));
    }
    cases
}
