//! Reading cmdlets that answer in other shapes or with an error.

use rollout_lab::{Envelope, MicrosoftFaultKind as Kind, Shape};

use super::case::{ACCEPTED, Case, ENABLE_DNSSEC, STATUS, lasting, passes, stops};

fn reshaped(f: &mut rollout_lab::Faults, operation: &str, shape: Shape) {
    lasting(f, operation, Kind::Reshaped(shape));
}

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        passes("enums as objects", |f| {
            reshaped(f, STATUS, Shape::EnumObject)
        }),
        passes("enums as numbers", |f| {
            reshaped(f, STATUS, Shape::EnumNumber)
        })
        .says(&["did not say clearly whether DNSSEC or DANE is on"]),
        passes("nested objects as type names", |f| {
            reshaped(f, STATUS, Shape::TypeNames)
        }),
        passes("nested objects as JSON texts", |f| {
            reshaped(f, STATUS, Shape::JsonText)
        }),
        passes("nested objects as null, sidecar keys", |f| {
            reshaped(f, STATUS, Shape::NestedNull);
            reshaped(f, ACCEPTED, Shape::Sidecars);
        }),
        passes("sidecar keys, a malformed key twice", |f| {
            reshaped(f, STATUS, Shape::Sidecars);
            reshaped(f, ACCEPTED, Shape::DuplicateKeys);
        }),
        passes("one object, and Value", |f| {
            reshaped(f, STATUS, Shape::ValueSingular);
            reshaped(f, ACCEPTED, Shape::ValueCapital);
        }),
        passes("no envelope, warnings", |f| {
            reshaped(f, STATUS, Shape::BareObject);
            reshaped(f, ACCEPTED, Shape::BareList);
            let warnings = vec!["the directory is busy".to_owned()];
            reshaped(f, ENABLE_DNSSEC, Shape::Warnings(warnings));
        }),
        passes("validation messages", |f| {
            let texts = [
                "EX003:Priority of MX record did not match the expected one.",
                "ES001: the policy",
                "WG009: of a new kind",
            ];
            lasting(f, STATUS, Kind::Says(texts.map(str::to_owned).to_vec()));
        })
        .says(&[
            "EX003: Priority of MX record",
            "ES001: the policy",
            "WG009: of a new kind",
        ]),
        stops(
            "a list that is cut off",
            3,
            &["could not tell all accepted domains", "cut off (nextLink)"],
            |f| reshaped(f, ACCEPTED, Shape::Truncated),
        ),
    ];
    for (name, shape) in [
        ("no value", Shape::ValueMissing),
        ("value empty", Shape::ValueEmpty),
    ] {
        cases.push(stops(
            name,
            3,
            &[
                "could not tell the accepted domains",
                "no row at all",
                "Please report it",
            ],
            move |f| reshaped(f, ACCEPTED, shape.clone()),
        ));
    }
    for (name, shape) in [
        ("an unknown shape", Shape::Unknown),
        ("half a body", Shape::HalfABody),
    ] {
        cases.push(stops(
            name,
            3,
            &[
                "could not tell",
                "Please report it",
                "For support: HTTP 200, request-id",
            ],
            move |f| reshaped(f, ACCEPTED, shape.clone()),
        ));
    }
    cases.push(stops(
        "200 and nothing else",
        3,
        &["could not tell", "an empty answer"],
        |f| lasting(f, ACCEPTED, Kind::NoBody { status: 200 }),
    ));
    for (name, envelope) in [
        ("an error with an internal exception", Envelope::Internal),
        ("an error as JSON in a text", Envelope::Context),
        ("an error inside the error's text", Envelope::ContextNested),
    ] {
        cases.push(
            stops(
                name,
                1,
                &[
                    "Get-DnssecStatusForVerifiedDomain for {domain} failed: the directory says no",
                    "InvalidOperationException",
                    "For support: HTTP 400, request-id",
                ],
                move |f| {
                    let exception = "Microsoft.Exchange.Configuration.InvalidOperationException";
                    let kind = Kind::fails(400, exception, "the directory says no", envelope);
                    lasting(f, STATUS, kind);
                },
            )
            .never(&[
                "Invalid Operation.",
                "Error executing cmdlet",
                "{\"Message\"",
            ]),
        );
    }
    cases.push(stops(
        "an error that says nothing",
        1,
        &[
            "Get-DnssecStatusForVerifiedDomain for {domain} failed",
            "Some.Strange.Exception",
        ],
        |f| {
            lasting(
                f,
                STATUS,
                Kind::fails(400, "Some.Strange.Exception", "", Envelope::Bare),
            )
        },
    ));
    cases.push(stops(
        "200 with an error that stays",
        1,
        &["Get-DnssecStatusForVerifiedDomain for {domain} failed: it is not so"],
        |f| {
            lasting(
                f,
                STATUS,
                Kind::fails(
                    200,
                    "Some.Strange.Exception",
                    "it is not so",
                    Envelope::Internal,
                ),
            )
        },
    ));
    cases.push(passes("200 with an error that passes", |f| {
        f.microsoft(STATUS, Kind::OkWithError, 1);
    }));
    cases
}
