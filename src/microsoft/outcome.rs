//! From the rows of an Exchange answer to what the caller asked for: each reader says "could not tell" rather than guess.

use std::collections::BTreeSet;

use super::answer::{AcceptedDomain, EnabledDnssec, FeatureState, Receipt};
use super::envelope::{Answer, Reading};
use super::error::{Call, CmdletFailure, MicrosoftError, Result, Service, UnknownWhy};
use super::exchange::AllowedCmdlets;
use super::host::DnssecMxValue;
use super::loose::{self, Row, get};
use super::redact;

/// Turns a reading into rows or an error.
pub(crate) fn judge(reading: Reading, call: &Call, only_reads: bool) -> Result<Answer> {
    let call = Box::new(call.clone());
    match reading {
        Reading::Rows(answer) => Ok(answer),
        Reading::Failed(failure) if failure.is_transient() => {
            let why = UnknownWhy::BrokeOff { failure };
            Err(if only_reads {
                MicrosoftError::ServiceTrouble { call, why }
            } else {
                MicrosoftError::Unknown { call, why }
            })
        }
        Reading::Failed(failure) => Err(MicrosoftError::Failed { call, failure }),
        Reading::MissingRole(detail) => Err(MicrosoftError::MissingRole {
            call,
            service: Service::Exchange,
            detail,
        }),
        Reading::Unreadable(excerpt) if only_reads => Err(MicrosoftError::CouldNotTell {
            call,
            what: "what the service said".to_owned(),
            excerpt,
        }),
        Reading::Unreadable(excerpt) => Err(MicrosoftError::Unknown {
            call,
            why: UnknownWhy::Unreadable { excerpt },
        }),
    }
}

/// The receipt of a changing cmdlet. A `Result` other than `Success` is a failure even with HTTP 200 (`microsoft.md` 2.1).
pub(crate) fn receipt(call: Call, answer: &Answer) -> Result<Receipt> {
    let mut result = None;
    for row in &answer.rows {
        let said = loose::text(get(row, "Result"));
        let data = get(row, "ErrorData")
            .map(loose::unwrap)
            .filter(|data| !is_nothing(data));
        let failed = match &said {
            Some(word) => !word.eq_ignore_ascii_case("Success"),
            None => data.is_some(),
        };
        if failed {
            let word = said.unwrap_or_else(|| "missing".to_owned());
            let data = data.map_or_else(String::new, |data| {
                format!(
                    ": {}",
                    loose::text(Some(&data)).unwrap_or_else(|| data.to_string())
                )
            });
            return Err(MicrosoftError::Failed {
                call: Box::new(call),
                failure: CmdletFailure {
                    exception: None,
                    message: redact::excerpt(format!("its Result is {word}{data}").as_bytes()),
                },
            });
        }
        result = result.or(said);
    }
    Ok(Receipt {
        call,
        warnings: answer.warnings.clone(),
        result,
    })
}

/// Whether `ErrorData` says nothing.
fn is_nothing(data: &serde_json::Value) -> bool {
    match data {
        serde_json::Value::Null => true,
        serde_json::Value::String(text) => text.trim().is_empty(),
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

pub(crate) fn could_not_tell(
    call: &Call,
    what: &str,
    seen: &impl std::fmt::Debug,
) -> MicrosoftError {
    MicrosoftError::CouldNotTell {
        call: Box::new(call.clone()),
        what: what.to_owned(),
        excerpt: redact::excerpt(format!("{seen:?}").as_bytes()),
    }
}

/// The rows of `Get-AcceptedDomain`; one that cannot be read makes the whole list doubtful.
pub(crate) fn domains(call: &Call, answer: &Answer) -> Result<Vec<AcceptedDomain>> {
    whole(call, answer, "all accepted domains")?;
    answer
        .rows
        .iter()
        .map(|row| {
            AcceptedDomain::from_row(row)
                .ok_or_else(|| could_not_tell(call, "the name of an accepted domain", &names(row)))
        })
        .collect()
}

/// The names and values of a row, for an excerpt.
fn names(row: &Row) -> String {
    serde_json::to_string(row).unwrap_or_default()
}

/// The host and the receipt of `Enable-DnssecForVerifiedDomain`.
pub(crate) fn enabled(call: Call, answer: &Answer) -> Result<EnabledDnssec> {
    let receipt = receipt(call, answer)?;
    let host = answer
        .rows
        .iter()
        .find_map(|row| loose::text(get(row, "DnssecMxValue")));
    let host = host.as_deref().map(DnssecMxValue::new);
    match (&receipt.result, host) {
        (Some(_), Some(Ok(mx_host))) => Ok(EnabledDnssec { mx_host, receipt }),
        // Success without a usable host, or a host without success: the status says what is true.
        (_, host) => {
            let excerpt = match host {
                Some(Err(error)) => error.to_string(),
                _ => redact::excerpt(
                    answer
                        .rows
                        .iter()
                        .map(names)
                        .collect::<Vec<_>>()
                        .join(", ")
                        .as_bytes(),
                ),
            };
            Err(MicrosoftError::Unknown {
                call: Box::new(receipt.call),
                why: UnknownWhy::Unreadable { excerpt },
            })
        }
    }
}

/// What the service warned of while it read. Never a reason to stop, and never dropped in silence.
pub(crate) fn warned(call: &Call, answer: &Answer) -> Vec<String> {
    for warning in &answer.warnings {
        tracing::info!(call = %call, warning = %warning, "the service warns");
    }
    answer.warnings.clone()
}

/// That a list is whole. No body at all is what a change answers; it does not say that there is nothing.
fn whole(call: &Call, answer: &Answer, what: &str) -> Result<()> {
    let why = if answer.truncated {
        "the list is cut off (nextLink)"
    } else if answer.silent {
        "an empty answer"
    } else {
        return Ok(());
    };
    Err(could_not_tell(call, what, &why))
}

/// The rows of a list, each readable, and all of them.
pub(crate) fn listed<T>(
    call: &Call,
    answer: &Answer,
    what: &str,
    read: fn(&Row) -> Option<T>,
) -> Result<Vec<T>> {
    whole(call, answer, what)?;
    answer
        .rows
        .iter()
        .map(|row| read(row).ok_or_else(|| could_not_tell(call, what, &names(row))))
        .collect()
}

/// The state in an answer of `Get-SmtpDaneInboundStatus`.
pub(crate) fn dane_state(rows: &[Row]) -> FeatureState {
    stated(rows, "dane")
}

/// The state in an answer of `Get-IPv6StatusForAcceptedDomain`.
pub(crate) fn ipv6_state(rows: &[Row]) -> FeatureState {
    stated(rows, "ipv6")
}

/// The state in an answer whose property names are not documented: the only property whose name speaks of a status or of
/// the subject and whose value reads Enabled or Disabled.
fn stated(rows: &[Row], subject: &str) -> FeatureState {
    let [row] = rows else {
        return FeatureState::could_not_tell(&format!("{} rows", rows.len()));
    };
    let mut known: Vec<FeatureState> = row
        .iter()
        .filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.contains("status") || name.contains(subject) || name == "value"
        })
        .map(|(_, value)| loose::state(Some(value)))
        .filter(|state| !matches!(state, FeatureState::CouldNotTell { .. }))
        .collect();
    known.dedup();
    match <[FeatureState; 1]>::try_from(known) {
        Ok([state]) => state,
        Err(_) => FeatureState::could_not_tell(&redact::excerpt(names(row).as_bytes())),
    }
}

/// The list in `exportedCmdlets`, separated by commas, or as an array. An empty list is not an answer.
pub(crate) fn allowed(call: &Call, answer: &Answer) -> Result<AllowedCmdlets> {
    const WHAT: &str = "which cmdlets this identity may run";
    whole(call, answer, WHAT)?;
    exported(&answer.rows).ok_or_else(|| could_not_tell(call, WHAT, &"no exportedCmdlets"))
}

fn exported(rows: &[Row]) -> Option<AllowedCmdlets> {
    let mut found = BTreeSet::new();
    for row in rows {
        for line in loose::texts(get(row, "exportedCmdlets")).ok()? {
            let names = line
                .split([',', ';'])
                .map(str::trim)
                .filter(|name| !name.is_empty());
            found.extend(names.map(str::to_ascii_lowercase));
        }
    }
    (!found.is_empty()).then_some(AllowedCmdlets(found))
}
