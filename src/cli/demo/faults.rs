//! `rollout demo --with-faults`: things go wrong at Microsoft and at a name server while the demo walks. What is told
//! about it at the end is read from the laboratory's log and the run's journal, not known beforehand.

use std::time::Duration;

use jiff::Timestamp;
use rollout_lab::{Faults, Lab, LogEntry, MicrosoftFaultKind as Kind, RetryHint, Service};
use serde_json::{Value, json};

use super::DOMAIN;
use crate::engine::store::{StoreError, StoreReader};
use crate::output::{Console, Line, Page, Tone, time};

/// How often the script looks whether it is time for the next fault.
const TICK: Duration = Duration::from_millis(50);
/// More entries than a demo's journal has.
const ENTRIES: usize = 10_000;

/// Switches a fault on or off.
type Switch = fn(&mut Faults);

/// One fault of the script.
struct Scripted {
    /// What goes wrong, for people.
    title: &'static str,
    /// What it hits, as the laboratory's log names it; nothing for a name server.
    operation: Option<&'static str>,
    /// It begins when this operation has had so many effects; at once without.
    after: Option<(&'static str, usize)>,
    begin: Switch,
    /// After so long it is over by itself.
    end: Option<(Duration, Switch)>,
    /// How the text begins by which the journal shows it, if it does.
    seen_as: &'static str,
    began: Option<Timestamp>,
    ended: bool,
}

fn script() -> Vec<Scripted> {
    let scripted = |title, operation, after, begin, seen_as| Scripted {
        title,
        operation,
        after,
        begin,
        end: None,
        seen_as,
        began: None,
        ended: false,
    };
    let enabled = Some(("Enable-DnssecForVerifiedDomain", 1));
    vec![
        scripted(
            "Exchange Online is too busy: HTTP 429, Retry-After: 1.5",
            Some("Get-AcceptedDomain"),
            None,
            |f| {
                let retry_after = "1.5".to_owned();
                f.microsoft("Get-AcceptedDomain", Kind::Throttled { retry_after }, 1);
            },
            "",
        ),
        scripted(
            "Exchange Online answers HTTP 200, and the body is an error",
            Some("Get-DnssecStatusForVerifiedDomain"),
            None,
            |f| f.microsoft("Get-DnssecStatusForVerifiedDomain", Kind::OkWithError, 1),
            "",
        ),
        scripted(
            "Microsoft Graph is out of order: HTTP 503, Retry-After as a date",
            Some("GET serviceConfigurationRecords"),
            None,
            |f| {
                let hint = RetryHint::Date(Duration::from_secs(1));
                f.microsoft(
                    "GET serviceConfigurationRecords",
                    Kind::Busy { status: 503, hint },
                    1,
                );
            },
            "",
        ),
        scripted(
            "Enable-DnssecForVerifiedDomain takes effect, and its reply is lost",
            Some("Enable-DnssecForVerifiedDomain"),
            None,
            |f| f.microsoft("Enable-DnssecForVerifiedDomain", Kind::ReplyLost, 1),
            "Whether Enable-DnssecForVerifiedDomain",
        ),
        Scripted {
            end: Some((Duration::from_secs(5), |f| {
                f.stale_zones.remove(DOMAIN);
            })),
            ..scripted(
                "the zone's second name server takes up no changes for 5 seconds",
                None,
                Some(("PATCH zone", 2)),
                |f| {
                    f.stale_zones.insert(DOMAIN.to_owned());
                },
                "ns2.",
            )
        },
        scripted(
            "Exchange Online refuses the token and demands claims (continuous access evaluation)",
            Some("Get-AcceptedDomain"),
            enabled,
            |f| f.lasting(Some("Get-AcceptedDomain"), Kind::ClaimsChallenge),
            "",
        ),
        scripted(
            "Enable-SmtpDaneInbound takes effect, and the front end answers HTTP 504",
            Some("Enable-SmtpDaneInbound"),
            Some(("PATCH zone", 3)),
            |f| {
                let after_effect = true;
                let kind = Kind::Gateway {
                    status: 504,
                    after_effect,
                };
                f.microsoft("Enable-SmtpDaneInbound", kind, 1);
            },
            "Whether Enable-SmtpDaneInbound",
        ),
    ]
}

/// The script while it plays.
pub(super) struct Script {
    faults: Vec<Scripted>,
    console: Console,
}

impl Script {
    pub(super) fn new(console: Console) -> Self {
        Self {
            faults: script(),
            console,
        }
    }

    /// Plays until whoever called it has enough.
    pub(super) async fn play(&mut self, lab: &Lab) {
        loop {
            self.step(lab, Timestamp::now());
            tokio::time::sleep(TICK).await;
        }
    }

    /// Switches on and off what is due.
    fn step(&mut self, lab: &Lab, now: Timestamp) {
        let log = lab.log();
        let effects = |operation: &str| {
            let of = |e: &&LogEntry| e.effect && e.operation == operation;
            log.iter().filter(of).count()
        };
        for fault in &mut self.faults {
            let due = fault.after.is_none_or(|(what, n)| effects(what) >= n);
            if fault.began.is_none() && due {
                fault.began = Some(now);
                lab.change_faults(fault.begin);
                say(&self.console, "Fault: ", fault.title);
            }
            let over = |(after, _): &(Duration, fn(&mut Faults))| {
                let due = fault.began.and_then(|began| began.checked_add(*after).ok());
                due.is_some_and(|due| due <= now)
            };
            if let Some((_, end)) = fault.end.filter(over)
                && !fault.ended
            {
                fault.ended = true;
                lab.change_faults(end);
                say(&self.console, "Fault over: ", fault.title);
            }
        }
    }

    /// What became of each fault; whether each one struck and every cmdlet that changes something took effect once.
    pub(super) async fn result(
        &self,
        log: &[LogEntry],
        store: &dyn StoreReader,
    ) -> Result<(Page, bool), StoreError> {
        let entries = match store.runs(Some(DOMAIN)).await?.first() {
            Some(run) => store.journal(run.id, 0, ENTRIES).await?,
            None => Vec::new(),
        };
        let told: Vec<(Timestamp, Value)> = entries.into_iter().map(|e| (e.at, e.body)).collect();
        let mut page = Page::default();
        page.push(Line::default());
        page.push(Line::at(0).strong("What went wrong, and what became of it"));
        let mut all_struck = true;
        for fault in &self.faults {
            let row = fault.row(log, &told);
            all_struck &= row.struck;
            page.push(Line::at(2).tone(Tone::Warn, fault.title));
            for (what, text) in [("seen", &row.seen), ("done", &row.did), ("sent", &row.sent)] {
                page.push(Line::at(4).hang(6).dim(format!("{what}  ")).plain(text));
            }
            self.console.object(&json!({
                "type": "fault", "fault": fault.title, "struck": row.struck,
                "seen": row.seen, "did": row.did, "sent": row.sent,
            }));
        }
        Ok((page, all_struck && once(log)))
    }
}

fn say(console: &Console, what: &str, title: &str) {
    console.progress(Line::at(0).tone(Tone::Warn, what).plain(title));
}

/// Each cmdlet that changes something took effect once.
fn once(log: &[LogEntry]) -> bool {
    ["Enable-DnssecForVerifiedDomain", "Enable-SmtpDaneInbound"]
        .iter()
        .all(|cmdlet| {
            let of = |e: &&LogEntry| e.effect && e.operation == *cmdlet;
            log.iter().filter(of).count() == 1
        })
}

/// What became of one fault.
struct Row {
    struck: bool,
    seen: String,
    did: String,
    sent: String,
}

impl Scripted {
    fn row(&self, log: &[LogEntry], told: &[(Timestamp, Value)]) -> Row {
        let told = self.told(told);
        let seen = told.as_ref().map(|(text, _)| first_sentence(text));
        let since = |e: &&LogEntry| self.began.is_some_and(|began| e.at >= began);
        let Some(operation) = self.operation else {
            return Row {
                struck: seen.is_some(),
                did: match told.and_then(|(_, took)| took) {
                    Some(took) => format!(
                        "waited {} until it served the change as well, and went on only then",
                        time::duration(took)
                    ),
                    None => "nothing".to_owned(),
                },
                seen: seen.unwrap_or_else(|| "nothing: it never struck".to_owned()),
                sent: format!("{} writes to the zone, one for each change", writes(log)),
            };
        };
        let hits: Vec<&LogEntry> = log
            .iter()
            .filter(since)
            .filter(|e| e.operation == operation)
            .collect();
        let struck = hits
            .iter()
            .position(|e| !e.outcome.starts_with("200") || e.outcome.ends_with("fault"));
        let Some(at) = struck else {
            return Row {
                struck: false,
                seen: "nothing: it never struck".to_owned(),
                did: "nothing".to_owned(),
                sent: format!("{operation}: {} times", hits.len()),
            };
        };
        let (hit, next) = (hits[at], hits.get(at + 1));
        let reads = log
            .iter()
            .filter(|e| e.at > hit.at && e.service == Service::Exchange)
            .filter(|e| e.operation.starts_with("Get-") && e.outcome.starts_with("200"))
            .count();
        let tokens = log
            .iter()
            .filter(|e| e.at >= hit.at && e.operation == "token")
            .count();
        let effects = hits.iter().filter(|e| e.effect).count();
        let changes = operation.starts_with("Enable-");
        let did = match next {
            _ if changes && hits.len() == 1 => {
                format!(
                    "did not send it again; read the state back instead ({reads} reading calls since)"
                )
            }
            Some(next) if hit.outcome.starts_with("401") => format!(
                "signed in anew with the claims ({tokens} token) and asked again after {}",
                time::duration(time::between(hit.at, next.at))
            ),
            Some(next) => format!(
                "asked again after {}",
                time::duration(time::between(hit.at, next.at))
            ),
            None => "did not ask again".to_owned(),
        };
        let sent = if changes {
            let (sent, effects) = (times(hits.len()), times(effects));
            format!("{operation}: {sent}, took effect {effects}")
        } else {
            let answers: Vec<&str> = hits[at..].iter().take(2).map(|e| status(e)).collect();
            format!("{operation}: {}", answers.join(", then "))
        };
        Row {
            struck: true,
            seen: seen.unwrap_or_else(|| "nothing: it only took a little longer".to_owned()),
            did,
            sent,
        }
    }
}

impl Scripted {
    /// What the journal says of it since it began, and how long it then took until that step was done.
    fn told(&self, told: &[(Timestamp, Value)]) -> Option<(String, Option<Duration>)> {
        if self.seen_as.is_empty() {
            return None;
        }
        let began = self.began?;
        let mut said = None;
        for (at, body) in told.iter().filter(|(at, _)| *at >= began) {
            let Some((text, step, since)) = &said else {
                let mut texts = Vec::new();
                texts_in(body, &mut texts);
                let text = texts.into_iter().find(|text| self.is_told_by(text));
                said = text.map(|text| (text, &body["step"], *at));
                continue;
            };
            if body["step"] == **step && body["next"] == "done" {
                return Some((text.clone(), Some(time::between(*since, *at))));
            }
        }
        said.map(|(text, ..)| (text, None))
    }

    fn is_told_by(&self, text: &str) -> bool {
        text.starts_with(self.seen_as)
            && (self.operation.is_some() || text.contains(" still serves "))
    }
}

fn times(n: usize) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

fn status(entry: &LogEntry) -> &str {
    match entry.outcome.split(' ').next() {
        Some("200") if entry.outcome.ends_with("fault") => "200 with an error",
        Some(status) => status,
        None => "",
    }
}

/// Writes to the zone that took effect.
fn writes(log: &[LogEntry]) -> usize {
    log.iter()
        .filter(|e| e.effect && e.operation == "PATCH zone")
        .count()
}

fn first_sentence(text: &str) -> String {
    let end = text.find(". ").map_or(text.len(), |at| at + 1);
    text[..end].to_owned()
}

/// Every text inside a journal entry.
fn texts_in(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts_in(item, texts)),
        Value::Object(map) => map.values().for_each(|item| texts_in(item, texts)),
        _ => {}
    }
}
