//! `Enable-SmtpDaneInbound`, on a domain that is on `mx.microsoft` already.

use std::time::Duration;

use rollout_lab::{MicrosoftFaultKind as Kind, RetryHint, Shape};

use super::case::{self, ACCEPTED, Case, ENABLE_DANE as ENABLE, Start, lasting, passes, stops};

fn unknown(name: &'static str, kind: Kind) -> Case {
    case::unknown(name, ENABLE, kind).start(Start::Moved)
}

pub fn cases() -> Vec<Case> {
    let gateway = |status, after_effect| Kind::Gateway {
        status,
        after_effect,
    };
    vec![
        unknown("DANE: 502 before it", gateway(502, false))
            .sent_again()
            .in_two_processes(),
        unknown("DANE: 504 after it", gateway(504, true)),
        unknown("DANE: the reply is lost", Kind::ReplyLost),
        unknown("DANE: the request is lost", Kind::RequestLost).sent_again(),
        unknown("DANE: it says already", Kind::SaysAlready),
        unknown("DANE: half a body", Kind::Reshaped(Shape::HalfABody)),
        unknown(
            "DANE: past the limit, and done in the end",
            Kind::Slow {
                takes: Duration::from_millis(2500),
                effect: true,
            },
        ),
        passes("DANE: 204", |f| {
            f.microsoft(ENABLE, Kind::NoBody { status: 204 }, 1)
        })
        .start(Start::Moved),
        passes("DANE: a claims challenge", |f| {
            lasting(f, ENABLE, Kind::ClaimsChallenge)
        })
        .start(Start::Moved),
        passes("DANE: its state shows later, as an object", |f| {
            f.status_lag = Duration::from_secs(2);
            lasting(f, ACCEPTED, Kind::Reshaped(Shape::EnumObject));
        })
        .start(Start::Moved),
        passes("DANE: 429 for a second", |f| {
            let hint = RetryHint::Seconds("1".to_owned());
            f.microsoft(ENABLE, Kind::Busy { status: 429, hint }, 1);
        })
        .says(&["Enable-SmtpDaneInbound", "was throttled", "HTTP 429"])
        .start(Start::Moved),
        stops(
            "DANE: a role that may not",
            1,
            &["Enable-SmtpDaneInbound", "Exchange Administrator"],
            |f| lasting(f, ENABLE, Kind::MissingRole),
        )
        .start(Start::Moved),
    ]
}
