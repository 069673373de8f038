//! What is live: by the provider's word, and as every authoritative server serves it.

use rollout_providers::{Name, RecordData, RecordType, Rrset};

use super::CliError;
use super::place::Place;
use crate::dns::{Data, Kind, Outcome, ServerAnswer, Source};

/// What one address of one authoritative server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Served {
    /// The server, by name and address.
    pub(super) server: String,
    /// The set; or why it could not be told.
    pub(super) set: Result<Option<Rrset>, String>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Servers {
    /// Each address that was asked.
    pub(super) served: Vec<Served>,
    /// Addresses of a family to which this machine has no path.
    pub(super) out_of_reach: Vec<String>,
}

impl Servers {
    /// Whether every address told.
    pub(super) fn all_told(&self) -> bool {
        !self.served.is_empty() && self.served.iter().all(|one| one.set.is_ok())
    }

    /// What all of them serve.
    ///
    /// # Errors
    /// Why it is not one set.
    fn agreed(&self) -> Result<Option<Rrset>, String> {
        let mut first: Option<(&str, &Option<Rrset>)> = None;
        for one in &self.served {
            let set = one
                .set
                .as_ref()
                .map_err(|why| format!("{}: {why}", one.server))?;
            match first {
                None => first = Some((&one.server, set)),
                Some((_, other)) if other == set => {}
                Some((other, _)) => {
                    return Err(format!("{} and {other} serve different sets", one.server));
                }
            }
        }
        let (_, set) = first.ok_or("no server of the zone is known")?;
        Ok(set.clone())
    }
}

impl Place {
    /// What the provider has; `None` where it cannot be asked.
    ///
    /// # Errors
    /// When it did not tell.
    pub(super) async fn stored(&self) -> Result<Option<Option<Rrset>>, CliError> {
        if !self.reads() {
            return Ok(None);
        }
        let set = self.provider.read(&self.zone, &self.name, self.rtype);
        Ok(Some(set.await?))
    }

    /// What every authoritative server serves. Asked are those of the delegation, whatever the provider says.
    ///
    /// # Errors
    /// When they cannot be found out.
    pub(super) async fn servers(&self) -> Result<Servers, CliError> {
        let apex = &self.zone.apex;
        let lost = |why: String| {
            CliError::CouldNotTell(format!("the servers of {apex} cannot be asked: {why}"))
        };
        let cut = self.dns.zone_cut(self.name.as_str()).await;
        let cut = cut.map_err(|failure| lost(failure.to_string()))?;
        if cut.apex != apex.as_str() {
            return Err(lost(format!(
                "{} is delegated as part of the zone {}, not of {apex}",
                self.name, cut.apex
            )));
        }
        let kind = match self.rtype {
            RecordType::Mx => Kind::Mx,
            RecordType::Txt => Kind::Txt,
            RecordType::Cname => Kind::Cname,
        };
        let (answers, aside) = self.dns.ask_servers(&cut, self.name.as_str(), kind).await;
        let served = |answer: &ServerAnswer| Served {
            server: answer.from.to_string(),
            set: set(answer, &self.name, self.rtype),
        };
        Ok(Servers {
            served: answers.iter().map(served).collect(),
            out_of_reach: aside.iter().map(Source::to_string).collect(),
        })
    }

    /// What counts as live: the provider's word, and where it has none what all servers agree on.
    ///
    /// # Errors
    /// When it could not be told.
    pub(super) async fn live(&self) -> Result<Option<Rrset>, CliError> {
        if let Some(stored) = self.stored().await? {
            return Ok(stored);
        }
        self.servers().await?.agreed().map_err(|why| {
            CliError::CouldNotTell(format!(
                "what {} at {} is could not be told: {why}",
                self.rtype, self.name
            ))
        })
    }
}

/// A server's answer as a record set.
fn set(answer: &ServerAnswer, name: &Name, rtype: RecordType) -> Result<Option<Rrset>, String> {
    match &answer.outcome {
        Outcome::Failed(failure) => return Err(failure.to_string()),
        _ if !answer.aa => return Err("it does not answer with authority".to_owned()),
        Outcome::NoData | Outcome::NxDomain => return Ok(None),
        Outcome::Answer => {}
    }
    let mut values = Vec::new();
    for record in &answer.records {
        values.push(match (&record.data, rtype) {
            (
                Data::Mx {
                    preference,
                    exchange,
                },
                RecordType::Mx,
            ) => RecordData::mx(*preference, host(exchange)?),
            (Data::Cname(target), RecordType::Cname) => RecordData::Cname(host(target)?),
            (Data::Cname(target), _) => {
                return Err(format!("the name is an alias (CNAME) of {target}"));
            }
            // Bytes that are no text were replaced where the answer was read.
            (Data::Txt(text), RecordType::Txt) if text.contains('\u{fffd}') => {
                return Err(
                    "it serves text that is not UTF-8, which is not compared here".to_owned(),
                );
            }
            (Data::Txt(text), RecordType::Txt) => RecordData::txt(text.as_bytes()),
            _ => continue,
        });
    }
    if values.is_empty() {
        return Ok(None);
    }
    let ttl = answer.ttl.unwrap_or_default();
    Rrset::new(name.clone(), rtype, ttl, values)
        .map(Some)
        .map_err(|error| error.to_string())
}

fn host(name: &str) -> Result<Name, String> {
    // Names here have no final dot; the root is empty.
    Name::parse(&format!("{name}.")).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::dns::{Failure, Record};

    fn answer(outcome: Outcome, aa: bool, data: &[Data]) -> ServerAnswer {
        ServerAnswer {
            name: "contoso.com".to_owned(),
            kind: Kind::Mx,
            outcome,
            rcode: "".into(),
            explained: None,
            cut_off: false,
            aa,
            ttl: Some(60),
            records: data
                .iter()
                .map(|data| Record {
                    name: "contoso.com".to_owned(),
                    ttl: 60,
                    data: data.clone(),
                })
                .collect(),
            signatures: None,
            soa: None,
            at: Timestamp::UNIX_EPOCH,
            from: Source {
                server: Some("ns1.example".to_owned()),
                address: "192.0.2.1:53".parse().unwrap(),
            },
            took_ms: 0,
        }
    }

    fn read(rtype: RecordType, outcome: Outcome, data: &[Data]) -> Result<Option<Rrset>, String> {
        let name = "contoso.com".parse().unwrap();
        set(&answer(outcome, true, data), &name, rtype)
    }

    #[test]
    fn a_servers_answer_is_a_set_or_nothing_or_a_reason() {
        let mx = Data::Mx {
            preference: 10,
            exchange: "mx.example".to_owned(),
        };
        let null = Data::Mx {
            preference: 0,
            exchange: String::new(),
        };
        let alias = Data::Cname("elsewhere.example".to_owned());
        let shown = |data: &[Data]| {
            read(RecordType::Mx, Outcome::Answer, data)
                .unwrap()
                .map(|set| set.to_string())
                .unwrap_or_default()
        };
        assert_eq!(shown(&[mx]), "contoso.com. 60 IN MX 10 mx.example.");
        assert_eq!(shown(&[null]), "contoso.com. 60 IN MX 0 .");
        for outcome in [Outcome::NoData, Outcome::NxDomain] {
            assert_eq!(read(RecordType::Mx, outcome, &[]), Ok(None));
        }
        let timeout = Outcome::Failed(Failure::Timeout);
        assert!(read(RecordType::Mx, timeout, &[]).is_err());
        let alias = read(RecordType::Mx, Outcome::Answer, &[alias]);
        assert!(alias.unwrap_err().contains("alias"));
        let lossy = Data::Txt("a\u{fffd}".to_owned());
        assert!(read(RecordType::Txt, Outcome::Answer, &[lossy]).is_err());
        let name = "contoso.com".parse().unwrap();
        let referral = set(&answer(Outcome::NoData, false, &[]), &name, RecordType::Mx);
        assert!(referral.unwrap_err().contains("authority"));
    }

    #[test]
    fn servers_agree_only_when_each_told_the_same() {
        let set = |ttl| {
            let name: Name = "contoso.com".parse().unwrap();
            let value = RecordData::mx(0, name.clone());
            Ok(Some(
                Rrset::new(name, RecordType::Mx, ttl, [value]).unwrap(),
            ))
        };
        let servers = |sets: &[Result<Option<Rrset>, String>]| Servers {
            served: sets
                .iter()
                .enumerate()
                .map(|(index, set)| Served {
                    server: format!("ns{index}"),
                    set: set.clone(),
                })
                .collect(),
            out_of_reach: Vec::new(),
        };
        assert_eq!(servers(&[set(60), set(60)]).agreed(), set(60));
        assert_eq!(servers(&[Ok(None), Ok(None)]).agreed(), Ok(None));
        for differs in [
            vec![],
            vec![set(60), set(61)],
            vec![set(60), Ok(None)],
            vec![set(60), Err("timeout".to_owned())],
        ] {
            assert!(servers(&differs).agreed().is_err(), "{differs:?}");
        }
        assert!(!servers(&[]).all_told() && !servers(&[Err(String::new())]).all_told());
    }
}
