//! Journal entries, each on a line.

use serde_json::Value;

use super::page::{Line, Page, Tone};
use super::time;
use crate::engine::store::{GateVerdict, Kind, Recorded};
use crate::microsoft::Unread;
use crate::world::{Action, MxRrset, Outcome};

/// An entry on one line.
pub fn line(entry: &Recorded) -> Line {
    let tone = match entry.kind {
        Kind::Intent => Tone::Strong,
        Kind::Gate => Tone::Warn,
        Kind::Observation => Tone::Dim,
        _ => Tone::Plain,
    };
    Line::at(2)
        .hang(8)
        .dim(format!("{:>4} {}  ", entry.seq, time::utc(entry.at)))
        .tone(tone, format!("{}: ", word(entry.kind)))
        .plain(body(entry))
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::WayBack => "way back",
        other => other.as_str(),
    }
}

/// What an entry tells, in words; as JSON where the words are not known.
pub fn body(entry: &Recorded) -> String {
    let body = &entry.body;
    let known = match entry.kind {
        Kind::Intent => intent(body),
        Kind::Outcome => outcome(body),
        Kind::Decision => decision(body),
        Kind::Gate => entry.gate_event().map(|event| {
            let verdict = match event.verdict {
                GateVerdict::Opened => "opened",
                GateVerdict::Approved => "approved",
                GateVerdict::Refused => "refused",
            };
            let note = event
                .note
                .map_or_else(String::new, |note| format!(": {note}"));
            format!("{} {verdict} by {}{note}", event.gate, event.by)
        }),
        Kind::Observation => match body.get("unread") {
            // The answer itself is not told, and need not be there.
            Some(unread) => text(unread, "why").map(|why| {
                format!(
                    "an answer of {} bytes, kept as it came (history --raw shows it): {why}",
                    unread
                        .get("bytes")
                        .and_then(Value::as_u64)
                        .unwrap_or_default()
                )
            }),
            None => text(body, "left").map(|left| format!("the run was left: {left}")),
        },
        Kind::WayBack => way_back(body),
        Kind::Note => text(body, "text").map(|note| match text(body, "by") {
            Some(by) => format!("{note} ({by})"),
            None => note.to_owned(),
        }),
    };
    known.unwrap_or_else(|| body.to_string())
}

/// The answer that an entry keeps as it came, if it is such an entry.
pub fn unread(entry: &Recorded) -> Option<Unread> {
    serde_json::from_value(entry.body.get("unread")?.clone()).ok()
}

/// That answer in full, for whoever asked for it.
pub fn raw(entry: &Recorded, page: &mut Page) {
    let Some(unread) = unread(entry) else {
        return;
    };
    let call = &unread.call;
    page.push(Line::at(8).dim("call: ").plain(format!(
        "{call} at {}; {}",
        call.host,
        call.support_line()
    )));
    page.push(Line::at(8).dim("answer: ").plain(unread.body));
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name)?.as_str()
}

fn intent(body: &Value) -> Option<String> {
    let action: Action = serde_json::from_value(body.get("action")?.clone()).ok()?;
    Some(format!("{}: to {action}", text(body, "step")?))
}

fn outcome(body: &Value) -> Option<String> {
    let outcome: Outcome = serde_json::from_value(body.get("outcome")?.clone()).ok()?;
    let told = match outcome {
        Outcome::Done {
            note,
            mx_host: None,
        } => format!("written: {note}"),
        Outcome::Done {
            note,
            mx_host: Some(host),
        } => format!("written: {note}; the new MX host is {host}"),
        Outcome::Asked { instructions } => format!("asked: {}", instructions.summary),
        Outcome::Conflict { why } => format!("conflict, nothing written: {why}"),
        Outcome::Refused { why } => format!("refused: {why}"),
        Outcome::Later { why, after } => format!("not now, again in {after} s: {why}"),
        Outcome::Unknown { why } => format!("unknown: {why}"),
    };
    Some(format!("{}: {told}", text(body, "step")?))
}

fn decision(body: &Value) -> Option<String> {
    if let Some(asked) = text(body, "asked") {
        let by = text(body, "by").unwrap_or("somebody");
        let why = text(body, "why").map_or_else(String::new, |why| format!(": {why}"));
        return Some(format!("{by} asked to {asked}{why}"));
    }
    let step = text(body, "step")?;
    let told = match text(body, "next")? {
        "done" => format!("done: {}", text(body, "how")?),
        "act" => {
            let action: Action = serde_json::from_value(body.get("action")?.clone()).ok()?;
            format!("to {action}")
        }
        "wait" => {
            let wait = body.get("wait")?;
            let until = text(wait, "until")
                .and_then(|until| until.parse().ok())
                .map_or_else(
                    || "until it is seen".to_owned(),
                    |until| format!("until {}", time::deadline(until)),
                );
            format!("waits {until}: {}", join(wait.get("why")?, None))
        }
        "ask" => {
            let question = body.get("question")?;
            let about =
                text(question, "about").or_else(|| text(question.get("instructions")?, "summary"));
            format!("asks: {}", about?)
        }
        "blocked" => format!("blocked: {}", join(body.get("findings")?, Some("what"))),
        _ => return None,
    };
    let verdict =
        verdict(body).map_or_else(String::new, |verdict| format!(" (verdict: {verdict})"));
    Some(format!("{step}: {told}{verdict}"))
}

/// The verdict on the whole domain that a decision rested on, where its step asks for one.
fn verdict(body: &Value) -> Option<&str> {
    text(body.get("verdict")?.get("value")?, "headline")
}

fn join(list: &Value, member: Option<&str>) -> String {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts: Vec<_> = items
        .iter()
        .filter_map(|item| match member {
            Some(member) => text(item, member),
            None => item.as_str(),
        })
        .collect();
    texts.join("; ")
}

fn way_back(body: &Value) -> Option<String> {
    let mx: MxRrset = serde_json::from_value(body.get("mx")?.clone()).ok()?;
    Some(format!("the MX record set was {mx}"))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
