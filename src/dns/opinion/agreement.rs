//! Whether those who looked say the same.

use serde::{Deserialize, Serialize};

use super::Opinion;
use crate::dns::view::{Failure, Source, Status, Validated, VantageAnswer, VantageVerdict};

/// What the verdicts about one question amount to.
///
/// "Could not tell" agrees with nothing and contradicts nothing. A resolver that does not validate (it never sets
/// AD) contradicts nothing either. What the records say is not compared here: a cache may rightly hold an older
/// version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "agreement")]
pub enum Agreement {
    /// Both validators say the same, and no resolver contradicts.
    Agree,
    /// The two validators contradict each other.
    EnginesDiffer {
        /// What [`crate::dns::Dns::validate`] says.
        ours: Status,
        /// What [`crate::dns::Dns::second_opinion`] says.
        other: Status,
        /// Resolvers that contradict the first of them.
        resolvers: Vec<Contradiction>,
    },
    /// The validators do not contradict each other, but resolvers contradict them.
    ResolversDiffer {
        /// What [`crate::dns::Dns::validate`] says.
        ours: Status,
        /// The resolvers that contradict.
        resolvers: Vec<Contradiction>,
    },
    /// One of the validators could not tell.
    CouldNotCompare {
        /// Which, and why, as a sentence.
        why: String,
    },
}

/// A resolver whose answer does not go with our verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The resolver's name.
    pub vantage: String,
    /// Where it is.
    pub from: Source,
    /// What it says, as a sentence.
    pub says: String,
}

/// Compares the verdicts about one question: ours, the second validator's, and what resolvers say of it. Answers
/// about other questions among `vantages` are passed over.
#[must_use]
pub fn agreement(ours: &Validated, other: &Opinion, vantages: &[VantageAnswer]) -> Agreement {
    if (&ours.name, ours.kind) != (&other.name, other.kind) {
        return could_not(format!(
            "the first validator was asked for {} of {:?}, the second for {} of {:?}",
            ours.kind, ours.name, other.kind, other.name
        ));
    }
    if let Status::Indeterminate { why } = &ours.status {
        return could_not(format!("the first validator could not tell: {why}"));
    }
    let resolvers: Vec<Contradiction> = vantages
        .iter()
        .filter(|v| (&v.name, v.kind) == (&ours.name, ours.kind))
        .filter_map(|v| {
            contradicts(v, &ours.status).map(|says| Contradiction {
                vantage: v.vantage.clone(),
                from: v.from.clone(),
                says,
            })
        })
        .collect();
    let told = !matches!(other.status, Status::Indeterminate { .. });
    if told && !is_same(ours, other) {
        return Agreement::EnginesDiffer {
            ours: ours.status.clone(),
            other: other.status.clone(),
            resolvers,
        };
    }
    if !resolvers.is_empty() {
        return Agreement::ResolversDiffer {
            ours: ours.status.clone(),
            resolvers,
        };
    }
    match &other.status {
        Status::Indeterminate { why } => {
            could_not(format!("the second validator could not tell: {why}"))
        }
        _ => Agreement::Agree,
    }
}

/// Whether the two verdicts are one. A proof of absence with opt-out is no disagreement: what is proven is the same,
/// and only the word for it differs (see [`Opinion::opt_out`]). Of records from a wildcard it is one, because there
/// the word decides whether a sender uses them.
fn is_same(ours: &Validated, other: &Opinion) -> bool {
    std::mem::discriminant(&ours.status) == std::mem::discriminant(&other.status)
        || ours.status.is_secure() && ours.answer.is_absent() && other.opt_out
}

const fn could_not(why: String) -> Agreement {
    Agreement::CouldNotCompare { why }
}

/// What a resolver says against `ours`, if it does.
fn contradicts(answer: &VantageAnswer, ours: &Status) -> Option<String> {
    let explained = || match &answer.explained {
        Some(text) => format!(" ({text})"),
        None => String::new(),
    };
    match (&answer.verdict, ours) {
        // It could not tell either, or we could not.
        (_, Status::Indeterminate { .. }) => None,
        (VantageVerdict::Bogus { .. }, Status::Secure | Status::Insecure) => {
            Some(format!("takes the data for bogus{}", explained()))
        }
        (VantageVerdict::Bogus { .. }, Status::Bogus { .. }) => None,
        (
            VantageVerdict::Failed(Failure::Rcode { code, .. }),
            Status::Secure | Status::Insecure,
        ) if code == "SERVFAIL" => Some(format!("answers SERVFAIL{}", explained())),
        (VantageVerdict::Failed(_), _) => None,
        (
            VantageVerdict::Answer | VantageVerdict::NoData | VantageVerdict::NxDomain,
            Status::Insecure | Status::Bogus { .. },
        ) if answer.ad => Some(format!(
            "says that it validated the answer (AD){}",
            explained()
        )),
        (VantageVerdict::Answer | VantageVerdict::NoData | VantageVerdict::NxDomain, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::dns::view::Answer;
    use crate::dns::{Kind, Record};

    const NAME: &str = "mail.example";

    fn status(word: &str) -> Status {
        let why = "because".to_owned();
        match word {
            "secure" => Status::Secure,
            "insecure" => Status::Insecure,
            "bogus" => Status::Bogus { why },
            "unknown" => Status::Indeterminate { why },
            _ => panic!("{word}"),
        }
    }

    fn ours(word: &str) -> Validated {
        Validated {
            name: NAME.into(),
            kind: Kind::Tlsa,
            status: status(word),
            answer: Answer::Records(Vec::<Record>::new()),
            aliases: Vec::new(),
            ttl: None,
            soa: None,
            signatures: None,
            at: Timestamp::UNIX_EPOCH,
            from: None,
        }
    }

    fn other(word: &str) -> Opinion {
        Opinion {
            name: NAME.into(),
            kind: Kind::Tlsa,
            status: status(word),
            opt_out: false,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn resolver(word: &str) -> VantageAnswer {
        let servfail = |code: &str| {
            VantageVerdict::Failed(Failure::Rcode {
                code: code.into(),
                explained: None,
            })
        };
        let verdict = match word {
            "ad" | "answer" => VantageVerdict::Answer,
            "ad-absent" => VantageVerdict::NxDomain,
            "absent" => VantageVerdict::NoData,
            "bogus" => VantageVerdict::Bogus { explained: None },
            "servfail" => servfail("SERVFAIL"),
            "refused" => servfail("REFUSED"),
            "silent" => VantageVerdict::Failed(Failure::Timeout),
            _ => panic!("{word}"),
        };
        VantageAnswer {
            vantage: word.into(),
            name: NAME.into(),
            kind: Kind::Tlsa,
            verdict,
            records: Vec::new(),
            ttl: None,
            ad: word.starts_with("ad"),
            rcode: String::new(),
            explained: (word == "bogus").then(|| "extended error 7".into()),
            at: Timestamp::UNIX_EPOCH,
            from: Source {
                server: None,
                address: "192.0.2.53:53".parse().expect("an address"),
            },
        }
    }

    fn short(agreement: &Agreement) -> String {
        let names = |all: &[Contradiction]| {
            let all: Vec<&str> = all.iter().map(|c| c.vantage.as_str()).collect();
            all.join("+")
        };
        match agreement {
            Agreement::Agree => "agree".into(),
            Agreement::EnginesDiffer { resolvers, .. } => format!("engines {}", names(resolvers)),
            Agreement::ResolversDiffer { resolvers, .. } => {
                format!("resolvers {}", names(resolvers))
            }
            Agreement::CouldNotCompare { .. } => "?".into(),
        }
    }

    #[test]
    fn every_pair_of_verdicts() {
        for a in ["secure", "insecure", "bogus", "unknown"] {
            for b in ["secure", "insecure", "bogus", "unknown"] {
                let expected = match (a, b) {
                    ("unknown", _) | (_, "unknown") => "?",
                    (a, b) if a == b => "agree",
                    _ => "engines ",
                };
                assert_eq!(
                    short(&agreement(&ours(a), &other(b), &[])),
                    expected,
                    "{a} {b}"
                );
            }
        }
    }

    #[test]
    fn what_each_answer_of_a_resolver_says_against_us() {
        // Per answer: whether it contradicts secure, insecure, bogus.
        for (word, against) in [
            ("ad", [false, true, true]),
            ("ad-absent", [false, true, true]),
            // A resolver that does not validate.
            ("answer", [false, false, false]),
            ("absent", [false, false, false]),
            ("bogus", [true, true, false]),
            ("servfail", [true, true, false]),
            ("refused", [false, false, false]),
            ("silent", [false, false, false]),
        ] {
            for (ours_word, against) in ["secure", "insecure", "bogus"].into_iter().zip(against) {
                let all = [resolver("silent"), resolver(word)];
                let found = agreement(&ours(ours_word), &other(ours_word), &all);
                let expected = if against {
                    format!("resolvers {word}")
                } else {
                    "agree".into()
                };
                assert_eq!(short(&found), expected, "{word} against {ours_word}");
                // The second validator could not tell: resolvers still contradict, but nobody agrees.
                let found = agreement(&ours(ours_word), &other("unknown"), &all);
                let expected = if against {
                    format!("resolvers {word}")
                } else {
                    "?".into()
                };
                assert_eq!(
                    short(&found),
                    expected,
                    "{word} against {ours_word}, half blind"
                );
            }
            // We could not tell: neither agreement nor disagreement, whatever they say.
            let found = agreement(&ours("unknown"), &other("secure"), &[resolver(word)]);
            assert_eq!(short(&found), "?", "{word}");
        }
    }

    #[test]
    fn both_kinds_of_disagreement_are_told_with_reasons() {
        let all = [resolver("bogus"), resolver("ad")];
        let found = agreement(&ours("secure"), &other("insecure"), &all);
        assert_eq!(short(&found), "engines bogus");
        let Agreement::EnginesDiffer { resolvers, .. } = &found else {
            panic!("{found:?}")
        };
        assert_eq!(
            resolvers[0].says,
            "takes the data for bogus (extended error 7)"
        );
        let text = serde_json::to_string(&found).expect("plain data");
        assert_eq!(
            serde_json::from_str::<Agreement>(&text).expect("plain data"),
            found
        );
    }

    #[test]
    fn other_questions_are_not_compared() {
        let mut elsewhere = resolver("bogus");
        elsewhere.kind = Kind::A;
        assert_eq!(
            agreement(&ours("secure"), &other("secure"), &[elsewhere]),
            Agreement::Agree
        );
        let mut opinion = other("bogus");
        opinion.name = "other.example".into();
        assert_eq!(short(&agreement(&ours("secure"), &opinion, &[])), "?");
    }

    #[test]
    fn an_absence_with_opt_out_is_no_disagreement_but_records_are() {
        let mut opinion = other("insecure");
        opinion.opt_out = true;
        let mut absent = ours("secure");
        absent.answer = Answer::NxDomain;
        assert_eq!(agreement(&absent, &opinion, &[]), Agreement::Agree);
        assert_eq!(
            short(&agreement(&ours("secure"), &opinion, &[])),
            "engines "
        );
        absent.status = status("bogus");
        assert_eq!(short(&agreement(&absent, &opinion, &[])), "engines ");
        opinion.opt_out = false;
        absent.status = Status::Secure;
        assert_eq!(short(&agreement(&absent, &opinion, &[])), "engines ");
    }
}
