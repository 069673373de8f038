//! The `mta_sts:` part: who publishes the domain's MTA-STS policy (RFC 8461).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DomainFile, Place};
use crate::source::duration::Span;
use crate::source::{Code, Document, Part, Problem, Step as Way, quoted};
use crate::step::{DuringMove, PolicyBy};

/// The slug of the provider that is a person.
const BY_HAND: &str = "manual";

/// Who publishes the domain's MTA-STS policy and its record. What is not said here a person is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MtaSts {
    /// The policy file that the web server of mta-sts.DOMAIN serves, relative to this file. It is replaced as a whole, and
    /// only while it holds the policy that is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Place>,
    /// In place of a file: an executable and its arguments, run without a shell. It gets the policy on its standard input
    /// and the domain as ROLLOUT_DOMAIN, and has published it when it ends with 0. Its path is relative to this file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<String>,
    /// How long the executable may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Span>,
    /// Who writes the TXT record _mta-sts.DOMAIN. By default the provider, where it can write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordBy>,
    /// What an enforcing policy does while the MX moves: enforce, naming the old and the new host, so that protection never
    /// drops; or testing, as Microsoft's page has it, until nobody uses the old host any more.
    #[serde(skip_serializing_if = "is_default")]
    pub during_move: ModeDuringMove,
}

/// Who writes the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordBy {
    /// The DNS provider, by its API.
    Provider,
    /// A person, who is told what to write.
    ByHand,
}

/// The mode of the policy while the MX moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModeDuringMove {
    /// It stays enforced.
    #[default]
    Enforce,
    /// It only tests.
    Testing,
}

fn is_default(mode: &ModeDuringMove) -> bool {
    *mode == ModeDuringMove::default()
}

impl MtaSts {
    /// How long the executable may take, unless it is said.
    pub const TIME_LIMIT: Span = Span::seconds(60);
    /// The longest that it may be given.
    const LONGEST: Span = Span::seconds(3600);

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The executable and its arguments; a path with folders in it is relative to the domain file.
    #[must_use]
    pub fn program(&self) -> Option<(&str, &[String])> {
        let (program, arguments) = self.publish.split_first()?;
        Some((program, arguments))
    }

    /// Resolves paths against the folder of the domain file.
    pub(super) fn anchor(&mut self, base: &std::path::Path) {
        if let Some(policy) = &mut self.policy {
            policy.anchor(base);
        }
        if let Some(program) = self.publish.first_mut()
            && program.contains('/')
        {
            *program = base.join(&*program).display().to_string();
        }
    }

    /// What the steps are told. Without any of this part, a person does all of it.
    #[must_use]
    pub fn wishes(&self, provider: &str) -> crate::step::MtaSts {
        let by = if let Some(policy) = &self.policy {
            PolicyBy::File(policy.path().display().to_string())
        } else if let Some((program, _)) = self.program() {
            PolicyBy::Program(program.to_owned())
        } else {
            PolicyBy::Hand
        };
        crate::step::MtaSts {
            policy: by,
            record_by_provider: match self.record {
                Some(by) => by == RecordBy::Provider,
                None => !self.is_empty() && provider != BY_HAND,
            },
            during_move: match self.during_move {
                ModeDuringMove::Enforce => DuringMove::Enforce,
                ModeDuringMove::Testing => DuringMove::Testing,
            },
        }
    }

    /// What the types alone cannot tell.
    pub(super) fn check(file: &DomainFile, document: &Document) -> Vec<Problem> {
        let this = &file.mta_sts;
        let mut problems = Vec::new();
        let mut report = |code, key: &str, part, text: &str| {
            let way = [Way::Key("mta_sts"), Way::Key(key)];
            problems.push(Problem::new(code, document.span(&way, part), text));
        };
        let has = |key: &str| document.has(&[Way::Key("mta_sts"), Way::Key(key)]);
        if let Some(policy) = &this.policy {
            let path = policy.path();
            if has("publish") {
                report(
                    Code::Contradiction,
                    "publish",
                    Part::Key,
                    "the policy is written to a file already\nkeep one: policy for a file, publish for an executable",
                );
            }
            if !path.is_file() {
                let text = format!(
                    "there is no file {}\nname the policy file that the web server serves; the path is relative to this file",
                    quoted(&path.display().to_string())
                );
                report(Code::BadValue, "policy", Part::Value, &text);
            }
        }
        if has("publish") {
            match this.publish.first() {
                None => report(
                    Code::BadValue,
                    "publish",
                    Part::Key,
                    "there is no executable to run\nwrite it and its arguments as a list, as in [/usr/local/bin/publish-policy, --site, mta-sts]",
                ),
                Some(program) if program.trim().is_empty() => report(
                    Code::BadValue,
                    "publish",
                    Part::Value,
                    "the executable's name is empty\nwrite its path first, then its arguments",
                ),
                Some(program)
                    if program.contains('/') && !std::path::Path::new(program).is_file() =>
                {
                    let text = format!(
                        "there is no executable {}\nits path is relative to this file; it is run without a shell, so arguments are items of their own",
                        quoted(program)
                    );
                    report(Code::BadValue, "publish", Part::Value, &text);
                }
                Some(_) => {}
            }
        }
        if let Some(limit) = this.time_limit {
            if !has("publish") {
                report(
                    Code::Contradiction,
                    "time_limit",
                    Part::Key,
                    "only an executable has a time limit\nadd publish, or remove the key",
                );
            } else if limit < Span::seconds(1) || limit > Self::LONGEST {
                let text = format!("{limit} is out of range\nallowed: 1s to {}", Self::LONGEST);
                report(Code::OutOfRange, "time_limit", Part::Value, &text);
            }
        }
        if this.record == Some(RecordBy::Provider) && file.dns.provider == BY_HAND {
            report(
                Code::Contradiction,
                "record",
                Part::Value,
                "the provider manual is a person, so no API can write the record\nwrite by-hand, or remove the key",
            );
        }
        problems
    }
}
