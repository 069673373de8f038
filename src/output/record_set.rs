//! Record sets in the form of a zone file, what differs between two, and both for programs.

use rollout_providers::{Name, RecordData, RecordType, Rrset};
use serde_json::{Value, json};

use super::page::{Line, Page, Tone};

/// A remark between the lines of a zone file (RFC 1035, section 5.1).
#[must_use]
pub fn comment(text: impl std::fmt::Display) -> Line {
    Line::at(0).hang(2).dim(format!("; {text}"))
}

/// The lines of a set; none where there is none.
#[must_use]
pub fn lines(set: Option<&Rrset>) -> Vec<String> {
    set.map(|set| set.to_string().lines().map(str::to_owned).collect())
        .unwrap_or_default()
}

/// The lines of a set that is not there yet; without a TTL where none was said.
#[must_use]
pub fn wanted(
    name: &Name,
    rtype: RecordType,
    ttl: Option<u32>,
    values: &[RecordData],
) -> Vec<String> {
    let ttl = ttl.map(|ttl| format!("{ttl} ")).unwrap_or_default();
    let mut lines: Vec<String> = values
        .iter()
        .map(|value| format!("{} {ttl}IN {rtype} {value}", name.fqdn()))
        .collect();
    lines.dedup();
    lines
}

/// A set to be copied.
pub fn set(set: Option<&Rrset>, name: &Name, rtype: RecordType, page: &mut Page) {
    set_at(0, set, name, rtype, page);
}

/// The same at a column.
pub fn set_at(indent: usize, set: Option<&Rrset>, name: &Name, rtype: RecordType, page: &mut Page) {
    match set {
        Some(set) => page.block(indent, &set.to_string()),
        None => page.push(Line::at(indent).plain(format!("; no {rtype} record set at {name}"))),
    }
}

/// What goes, what comes, and what stays.
pub fn difference(before: &[String], after: &[String], page: &mut Page) {
    let mut push = |tone, sign, line: &String| {
        page.push(Line::at(0).verbatim().tone(tone, format!("{sign} {line}")));
    };
    for line in before {
        match after.contains(line) {
            true => push(Tone::Plain, ' ', line),
            false => push(Tone::Bad, '-', line),
        }
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        push(Tone::Good, '+', line);
    }
}

/// What a provider has.
#[must_use]
pub fn stored(
    zone: &Name,
    name: &Name,
    rtype: RecordType,
    provider: &str,
    set: Option<&Rrset>,
) -> Value {
    json!({
        "type": "stored", "provider": provider, "zone": zone, "name": name, "record_type": rtype, "set": set,
    })
}

/// What a server serves.
#[must_use]
pub fn served(
    name: &Name,
    rtype: RecordType,
    server: &str,
    set: &Result<Option<Rrset>, String>,
) -> Value {
    let mut object =
        json!({"type": "served", "server": server, "name": name, "record_type": rtype});
    put(&mut object, set);
    object
}

/// What was compared; `equal` is null where it could not be told.
#[must_use]
pub fn compared(
    name: &Name,
    rtype: RecordType,
    whose: &str,
    live: &Result<Option<Rrset>, String>,
    values: &[RecordData],
    ttl: Option<u32>,
    equal: Option<bool>,
) -> Value {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    let mut object = json!({
        "type": "compared", "whose": whose, "name": name, "record_type": rtype, "equal": equal,
        "wanted": {"ttl": ttl, "values": values},
    });
    put(&mut object, live);
    object
}

fn put(object: &mut Value, set: &Result<Option<Rrset>, String>) {
    match set {
        Ok(set) => object["set"] = json!(set),
        Err(why) => object["could_not_tell"] = json!(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_goes_and_comes_is_marked() {
        let name: Name = "contoso.com".parse().unwrap();
        let mx = |preference, host: &str| RecordData::mx(preference, host.parse().unwrap());
        let live = Rrset::new(
            name.clone(),
            RecordType::Mx,
            300,
            [mx(0, "a.example"), mx(10, "b.example")],
        )
        .unwrap();
        let after = wanted(
            &name,
            RecordType::Mx,
            Some(300),
            &[mx(10, "b.example"), mx(20, "c.example")],
        );
        let mut page = Page::new();
        difference(&lines(Some(&live)), &after, &mut page);
        assert_eq!(
            page.plain(),
            "- contoso.com. 300 IN MX 0 a.example.\n  contoso.com. 300 IN MX 10 b.example.\n\
             + contoso.com. 300 IN MX 20 c.example.\n"
        );
        let mut page = Page::new();
        set(None, &name, RecordType::Mx, &mut page);
        assert!(page.plain().starts_with("; no MX record set"));
    }

    #[test]
    fn what_could_not_be_told_is_no_absence() {
        let name: Name = "contoso.com".parse().unwrap();
        let absent = served(&name, RecordType::Mx, "ns1", &Ok(None));
        assert!(absent["set"].is_null() && absent.get("could_not_tell").is_none());
        let lost = served(&name, RecordType::Mx, "ns1", &Err("timeout".to_owned()));
        assert!(lost.get("set").is_none() && lost["could_not_tell"] == "timeout");
    }
}
