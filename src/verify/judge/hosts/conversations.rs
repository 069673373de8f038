//! How the conversations with each address of a host went, and the dates of what it showed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Found, how, place};
use crate::dane::{AddressView, HostView, ProbeResult, Recipient};
use crate::finding::{Finding, Severity};
use crate::verify::catalogue::{
    CERTIFICATE_ENDS, CERTIFICATE_EXPIRED, SMTP_DEFERS, SMTP_NO_STARTTLS, SMTP_NOTHING_IN_COMMON,
    SMTP_REJECTS, SMTP_SNI, SMTP_TLS_FAILED, SMTP_TLS12, SMTP_UNREACHED, SMTP_UNWILLING,
};
use crate::verify::evidence;

/// How long before its end a certificate is worth a warning.
const ENDS_SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How the conversations with one address went.
pub(super) fn reached(host: &HostView, address: &AddressView, found: &mut Found) {
    let about = place(host, address);
    let name = &host.host;
    let at = address.address;
    let of =
        |finding: Finding, said: &str| finding.shown_by([evidence::probe(&address.probe, said)]);
    match &address.probe.result {
        ProbeResult::Ok { rcpt, .. } => match rcpt {
            Some(Recipient::Rejected { code, text }) => found.add(of(
                SMTP_REJECTS.found(
                    about,
                    format!("{name} at {at} refuses mail for the domain: {code} {text}"),
                ),
                text,
            )),
            Some(Recipient::Deferred { code, text }) => found.add(of(
                SMTP_DEFERS.found(
                    about,
                    format!("{name} at {at} puts mail for the domain off: {code} {text}"),
                ),
                text,
            )),
            Some(Recipient::Accepted) | None => {}
        },
        ProbeResult::NoStartTls { why } => found.add(of(
            SMTP_NO_STARTTLS.found(about, format!("{name} at {at} offers no STARTTLS: {why}")),
            why,
        )),
        ProbeResult::TlsFailed { why, .. } => found.add(of(
            SMTP_TLS_FAILED.found(
                about,
                format!("the TLS handshake with {name} at {at} fails: {why}"),
            ),
            why,
        )),
        ProbeResult::NothingInCommon { why } => found.add(of(
            SMTP_NOTHING_IN_COMMON.found(
                about,
                format!("what {name} at {at} shows over TLS could not be told: {why}"),
            ),
            why,
        )),
        ProbeResult::Unwilling { code, text } => {
            let said = match code {
                Some(code) => format!("{code} {text}"),
                None => text.clone(),
            };
            let finding = match code {
                Some(400..500) => Finding {
                    // Its certificate was not seen, and nobody knows whether it will be another time.
                    severity: Severity::CouldNotTell,
                    ..SMTP_DEFERS
                        .found(about, format!("{name} at {at} puts everything off: {said}"))
                },
                _ => SMTP_UNWILLING.found(about, format!("{name} at {at} takes no mail: {said}")),
            };
            found.add(of(finding, &said));
        }
        // Of a chain that was captured elsewhere there is no conversation to speak of.
        ProbeResult::NotProbed | ProbeResult::Given { .. } => {}
        ProbeResult::Refused => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: the connection was refused"),
            ),
            "refused",
        )),
        ProbeResult::Timeout { stage } => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: no answer in time ({stage})"),
            ),
            "no answer in time",
        )),
        ProbeResult::NoRoute { detail } => found.add(of(
            SMTP_UNREACHED.found(
                about,
                format!("{name} at {at} was not reached: no path from this machine ({detail})"),
            ),
            detail,
        )),
    }
    for variant in &address.variants {
        let why = match &variant.probe.result {
            ProbeResult::Refused => "the connection was refused".to_owned(),
            ProbeResult::Timeout { stage } => format!("no answer in time ({stage})"),
            ProbeResult::NoRoute { detail } => format!("no path from this machine ({detail})"),
            ProbeResult::Unwilling { text, .. } => format!("it takes no mail: {text}"),
            _ => continue,
        };
        let how = how(&variant.probe);
        found.add(
            SMTP_UNREACHED
                .found(
                    place(host, address),
                    format!("what {name} at {at} shows{how} could not be told: {why}"),
                )
                .shown_by([evidence::probe(&variant.probe, why.as_str())]),
        );
    }
    if let ProbeResult::Ok { tls_version, .. } = &address.probe.result
        && tls_version != "TLSv1.3"
    {
        found.add(
            SMTP_TLS12
                .found(
                    place(host, address),
                    format!("{name} at {at} speaks {tls_version} at most"),
                )
                .shown_by([evidence::probe(&address.probe, tls_version.as_str())]),
        );
    }
    // Without SNI a server may have nothing to show, or something else.
    if address.needs_sni()
        && let Some(variant) = address.variants.iter().find(|v| {
            v.probe.sni.is_none() && matches!(v.probe.result, ProbeResult::TlsFailed { .. })
        })
    {
        found.add(
            SMTP_SNI
                .found(
                    place(host, address),
                    format!("{name} at {at} needs SNI: without it the handshake fails"),
                )
                .shown_by([evidence::probe(&variant.probe, "the handshake fails")]),
        );
    }
}

/// The validity dates of what was sent.
pub(super) fn dates(
    host: &HostView,
    address: &AddressView,
    dates_count: bool,
    now: Timestamp,
    found: &mut Found,
) {
    let Some(leaf) = address.probe.result.chain().and_then(|chain| chain.first()) else {
        return;
    };
    let Some(end) = leaf.not_after else { return };
    let by_issuer = host.tlsa.secure_records().iter().any(|r| r.usage == 2);
    let said = format!(
        "the certificate of {} at {} ends",
        host.host, address.address
    );
    let shown = [evidence::probe(
        &address.probe,
        format!("valid until {end}"),
    )];
    if end < now {
        found.add(
            CERTIFICATE_EXPIRED
                .found(
                    place(host, address),
                    format!(
                        "the certificate of {} at {} expired at {end}",
                        host.host, address.address
                    ),
                )
                .shown_by(shown),
        );
    } else if (by_issuer || dates_count) && end.duration_since(now) < ENDS_SOON {
        let days = Duration::try_from(end.duration_since(now))
            .unwrap_or_default()
            .as_secs()
            / 86_400;
        found.add(
            CERTIFICATE_ENDS
                .found(place(host, address), format!("{said} in {days} days"))
                .shown_by(shown),
        );
    }
}
