//! The record set that somebody wants, from the command line or from zone file lines.

use std::path::PathBuf;

use rollout_providers::{Change, Name, RecordData, RecordType, Rrset, Zone};

use super::super::error;
use super::CliError;

/// What the set shall be.
#[derive(Debug, clap::Args)]
pub(super) struct Said {
    /// Its values as zone files write them, each an argument of its own: "10 mx.example.", "\"v=spf1 -all\"", "host.example."
    #[arg(value_name = "VALUE", conflicts_with = "from")]
    values: Vec<String>,
    /// Its TTL in seconds
    #[arg(long, value_name = "SECONDS", conflicts_with = "from")]
    ttl: Option<u32>,
    /// Take values and TTL from the lines of this file that are of this name and type: NAME TTL IN TYPE VALUE, one record a
    /// line, as get prints them
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// A record set as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Its values; none: no such set.
    pub(super) values: Vec<RecordData>,
    /// Its TTL, where it was said.
    pub(super) ttl: Option<u32>,
}

impl Wanted {
    /// No such set.
    pub(super) const NOTHING: Self = Self {
        values: Vec::new(),
        ttl: None,
    };

    /// The set, with the TTL of what is live where none was said.
    ///
    /// # Errors
    /// Without any TTL; values that make no set.
    pub(super) fn beside(
        &self,
        live: Option<&Rrset>,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Option<Rrset>, CliError> {
        if self.values.is_empty() {
            return Ok(None);
        }
        let Some(ttl) = self.ttl.or_else(|| live.map(Rrset::ttl)) else {
            return Err(CliError::Usage(format!(
                "there is no {rtype} record set at {name} whose TTL could stay; say the new one's with --ttl"
            )));
        };
        Rrset::new(name.clone(), rtype, ttl, self.values.iter().cloned())
            .map(Some)
            .map_err(usage)
    }

    /// Whether this is it. A TTL that was not said does not matter.
    pub(super) fn is(&self, live: Option<&Rrset>) -> bool {
        let Some(live) = live else {
            return self.values.is_empty();
        };
        let mut values = self.values.clone();
        values.sort();
        values.dedup();
        values == live.values() && self.ttl.is_none_or(|ttl| ttl == live.ttl())
    }
}

impl Said {
    /// What was said; `None`: nothing.
    ///
    /// # Errors
    /// Values and lines that cannot be read.
    pub(super) fn read(
        &self,
        zone: &Name,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Option<Wanted>, CliError> {
        if let Some(path) = &self.from {
            let text = std::fs::read_to_string(path).map_err(error::file("read", path))?;
            return lines(&text, zone, name, rtype)
                .map(Some)
                .map_err(|why| CliError::Usage(format!("{}: {why}", path.display())));
        }
        if self.values.is_empty() {
            return match self.ttl {
                None => Ok(None),
                Some(_) => Err(CliError::Usage(
                    "--ttl needs the values of the set as well".to_owned(),
                )),
            };
        }
        let values = values(&self.values, rtype)?;
        // Said here, so that nobody is asked about a set that cannot be.
        Rrset::new(
            name.clone(),
            rtype,
            self.ttl.unwrap_or_default(),
            values.iter().cloned(),
        )
        .map_err(usage)?;
        Ok(Some(Wanted {
            values,
            ttl: self.ttl,
        }))
    }
}

/// Values as zone files write them.
///
/// # Errors
/// One that does not fit the type.
pub(super) fn values(texts: &[String], rtype: RecordType) -> Result<Vec<RecordData>, CliError> {
    let values = texts.iter().map(|text| RecordData::parse(rtype, text));
    values.collect::<Result<_, _>>().map_err(usage)
}

fn usage(error: rollout_providers::RecordError) -> CliError {
    CliError::Usage(error.to_string())
}

/// The lines of one name and type. Lines of others are left alone, so a whole zone's export will do.
fn lines(text: &str, zone: &Name, name: &Name, rtype: RecordType) -> Result<Wanted, String> {
    let mut wanted = Wanted::NOTHING;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let at = |why: String| format!("line {number}: {why}");
        let Some((ttl, value)) = record(line, zone, name, rtype).map_err(at)? else {
            continue;
        };
        if wanted.ttl.is_some_and(|other| other != ttl) {
            return Err(at(format!(
                "its TTL is {ttl} s, that of a line above another; a record set has one (RFC 2181, section 5.2)"
            )));
        }
        wanted.ttl = Some(ttl);
        wanted.values.push(value);
    }
    if wanted.values.is_empty() {
        return Err(format!("no line is of {rtype} at {name}"));
    }
    let ttl = wanted.ttl.unwrap_or_default();
    Rrset::new(name.clone(), rtype, ttl, wanted.values.iter().cloned())
        .map_err(|error| error.to_string())?;
    Ok(wanted)
}

/// One line; `None` where it is of another name or type.
fn record(
    line: &str,
    zone: &Name,
    name: &Name,
    rtype: RecordType,
) -> Result<Option<(u32, RecordData)>, String> {
    const FORM: &str =
        "it is not NAME TTL IN TYPE VALUE; directives and records over several lines are not read";
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.split_once(char::is_whitespace)?;
        rest = after.trim_start();
        Some(word)
    };
    let (owner, ttl, class, kind) = (word(), word(), word(), word());
    let (Some(owner), Some(ttl), Some(class), Some(kind)) = (owner, ttl, class, kind) else {
        return Err(FORM.to_owned());
    };
    let ttl: u32 = ttl.parse().map_err(|_| FORM.to_owned())?;
    if !class.eq_ignore_ascii_case("IN") {
        return Err(FORM.to_owned());
    }
    let owner = match owner {
        "@" => Ok(zone.clone()),
        absolute if absolute.ends_with('.') => Name::parse(absolute),
        relative => zone.child(relative),
    };
    // What is no name here may still be one elsewhere, with escapes for instance: it is not ours.
    if owner.as_ref() != Ok(name) || !kind.eq_ignore_ascii_case(rtype.as_str()) {
        return Ok(None);
    }
    let value = RecordData::parse(rtype, rest).map_err(|error| error.to_string())?;
    Ok(Some((ttl, value)))
}

/// What no provider must be asked for, with the reason.
pub(super) fn refusal(zone: &Zone, change: &Change) -> Option<String> {
    let after = change.after()?;
    let (name, rtype, ttl) = (after.name(), after.rtype(), after.ttl());
    if !zone.ttl.contains(&ttl) {
        return Some(format!(
            "a TTL of {ttl} s is not possible in this zone: {} s to {} s are",
            zone.ttl.start(),
            zone.ttl.end()
        ));
    }
    if rtype == RecordType::Cname && *name == zone.apex {
        return Some(format!(
            "{name} is the zone's own name and has SOA and NS records, beside which there can be no CNAME (RFC 1034, section 3.6.2)"
        ));
    }
    let null =
        |value: &RecordData| matches!(value, RecordData::Mx { exchange, .. } if exchange.is_root());
    if after.values().len() > 1 && after.values().iter().any(null) {
        return Some(format!(
            "a null MX says that {name} takes no mail and must be the only MX record (RFC 7505, section 3)"
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use rollout_providers::Writes;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn read(text: &str) -> Result<Wanted, String> {
        lines(
            text,
            &name("contoso.com"),
            &name("contoso.com"),
            RecordType::Mx,
        )
    }

    #[test]
    fn what_get_prints_is_read_back() {
        let set = Rrset::new(
            name("t.contoso.com"),
            RecordType::Txt,
            60,
            [
                RecordData::txt("a; \"b\" \\ c"),
                RecordData::txt([b'x'; 300]),
            ],
        )
        .unwrap();
        let wanted = lines(
            &set.to_string(),
            &name("contoso.com"),
            set.name(),
            RecordType::Txt,
        )
        .unwrap();
        assert!(wanted.is(Some(&set)), "{wanted:?}");
        assert!(!wanted.is(Some(&set.with_ttl(61).unwrap())) && !wanted.is(None));
    }

    #[test]
    fn lines_of_others_are_left_alone_and_odd_ones_are_named() {
        let text = "; a zone\n@ 300 IN MX 10 b.example.\n\ncontoso.com.\t300\tIN\tmx  0 a.example.\n\
                    www 60 IN A 192.0.2.1\nsub 60 IN MX 5 c.example.\n@ 60 IN TXT \"x\"\n";
        let wanted = read(text).unwrap();
        assert_eq!(wanted.ttl, Some(300));
        assert_eq!(wanted.values.len(), 2);
        for (text, why) in [
            ("", "no line is of MX"),
            ("www 60 IN MX 5 c.example.", "no line is of MX"),
            ("$TTL 300\n", "line 1"),
            ("@ IN MX 10 b.example.", "line 1"),
            ("@ 300 IN MX 10 b.example", "final dot"),
            ("@ 300 CH MX 10 b.example.", "line 1"),
            (
                "@ 300 IN MX 10 b.example.\n@ 60 IN MX 20 c.example.",
                "line 2: its TTL",
            ),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.contains(why), "{text:?}: {said}");
        }
    }

    #[test]
    fn a_ttl_that_was_not_said_stays_and_does_not_matter() {
        let live = Rrset::new(
            name("contoso.com"),
            RecordType::Mx,
            3600,
            [RecordData::mx(0, name("a.example"))],
        )
        .unwrap();
        let wanted = Wanted {
            values: vec![
                RecordData::mx(0, name("a.example")),
                RecordData::mx(0, name("a.example")),
            ],
            ttl: None,
        };
        assert!(wanted.is(Some(&live)));
        let beside = |live| wanted.beside(live, &name("contoso.com"), RecordType::Mx);
        assert_eq!(beside(Some(&live)).unwrap(), Some(live.clone()));
        assert!(beside(None).unwrap_err().to_string().contains("--ttl"));
        assert!(Wanted::NOTHING.is(None) && !Wanted::NOTHING.is(Some(&live)));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let zone = Zone {
            id: String::new(),
            apex: name("contoso.com"),
            nameservers: vec![],
            ttl: 60..=86_400,
            writes: Writes::Atomic,
            hands_over: rollout_providers::HandsOver::Never,
            notes: vec![],
        };
        let refused = |owner: &str, ttl, values: &[RecordData]| {
            let set = Rrset::new(name(owner), values[0].rtype(), ttl, values.to_vec()).unwrap();
            refusal(&zone, &Change::create(set))
        };
        let mx = |host: &str| RecordData::mx(10, name(host));
        let cname = RecordData::Cname(name("a.example"));
        assert_eq!(
            refused("contoso.com", 60, &[mx("a.example"), mx("b.example")]),
            None
        );
        assert_eq!(refused("contoso.com", 60, &[mx(".")]), None);
        assert_eq!(
            refused("www.contoso.com", 60, std::slice::from_ref(&cname)),
            None
        );
        for (refused, why) in [
            (
                refused("contoso.com", 59, &[mx("a.example")]),
                "60 s to 86400 s",
            ),
            (
                refused("contoso.com", 60, &[mx("."), mx("a.example")]),
                "only MX",
            ),
            (
                refused("contoso.com", 60, std::slice::from_ref(&cname)),
                "no CNAME",
            ),
        ] {
            assert!(
                refused.as_deref().is_some_and(|said| said.contains(why)),
                "{refused:?}"
            );
        }
    }
}
