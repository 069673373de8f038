//! The text of a policy, changed line by line: what nobody asked to change stays byte for byte.

use std::collections::BTreeSet;

use crate::world::{PolicyFacts, PolicyMode, PolicyText};

/// What is to change in a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Edit {
    /// Its mode; `None`: as it is.
    pub(super) mode: Option<PolicyMode>,
    /// Patterns that come, behind those that are there.
    pub(super) add: Vec<String>,
    /// Patterns that go.
    pub(super) remove: BTreeSet<String>,
}

/// The policy with this change (RFC 8461 section 3.2). Its `max_age` stays.
pub(super) fn edited(policy: &PolicyFacts, edit: &Edit) -> PolicyText {
    let mode = edit.mode.unwrap_or(policy.mode);
    let mut patterns: BTreeSet<String> = policy.patterns.clone();
    patterns.retain(|pattern| !edit.remove.contains(pattern));
    patterns.extend(edit.add.iter().cloned());
    let body = if policy.body.is_empty() {
        plain(policy)
    } else {
        policy.body.clone()
    };
    PolicyText {
        text: lines(&body, edit),
        mode,
        patterns,
    }
}

/// A policy of which only the meaning is known.
fn plain(policy: &PolicyFacts) -> String {
    let mut text = format!("version: STSv1\nmode: {}\n", word(policy.mode));
    for pattern in &policy.patterns {
        text += &format!("mx: {pattern}\n");
    }
    text + &format!("max_age: {}\n", policy.max_age)
}

fn lines(body: &str, edit: &Edit) -> String {
    let end = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<String> = Vec::new();
    let mut mode_seen = false;
    // New patterns stand behind the last one that is there.
    let mut last_pattern = None;
    for line in body.split('\n') {
        let bare = line.strip_suffix('\r').unwrap_or(line);
        let (name, value) = bare.split_once(':').unwrap_or((bare, ""));
        let value = value.trim_matches([' ', '\t']);
        match (name, edit.mode) {
            // Of a field that may occur once, the first one counts.
            ("mode", Some(mode)) if !mode_seen => {
                mode_seen = true;
                lines.push(line.replacen(value, word(mode), 1));
            }
            ("mx", _) => {
                if !edit.remove.contains(&value.to_ascii_lowercase()) {
                    lines.push(line.to_owned());
                }
                last_pattern = Some(lines.len());
            }
            _ => lines.push(line.to_owned()),
        }
    }
    let ending = end.trim_end_matches('\n');
    let at = last_pattern.unwrap_or_else(|| lines.len().min(2));
    for pattern in edit.add.iter().rev() {
        lines.insert(at, format!("mx: {pattern}{ending}"));
    }
    let mut text = lines.join("\n");
    // A pattern behind a last line that had no end gives that line one, and needs none itself.
    if at + edit.add.len() == lines.len() && !edit.add.is_empty() && !body.ends_with('\n') {
        text = text.trim_end_matches('\r').to_owned();
    }
    text
}

/// A mode as a policy writes it.
pub(super) fn word(mode: PolicyMode) -> &'static str {
    match mode {
        PolicyMode::None => "none",
        PolicyMode::Testing => "testing",
        PolicyMode::Enforce => "enforce",
    }
}

/// Another id than the present one, the same each time it is asked for (1 to 32 letters or digits, RFC 8461 section 3.1).
pub(super) fn next_id(id: Option<&str>) -> String {
    let mut next: Vec<char> = id
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .collect();
    for place in next.iter_mut().rev() {
        let (carries, after) = match *place {
            '9' => (true, '0'),
            'z' => (true, 'a'),
            'Z' => (true, 'A'),
            other => (false, char::from_u32(u32::from(other) + 1).unwrap_or('0')),
        };
        *place = after;
        if !carries {
            return next.into_iter().collect();
        }
    }
    // All of it ran over: longer, while there is room.
    if next.len() < 32 {
        next.insert(0, '1');
    }
    next.into_iter().collect()
}

/// The record's text with another id; `None` where it holds no such id.
pub(super) fn with_id(record: &str, id: &str, next: &str) -> Option<String> {
    let (version, _) = record.split_once(';')?;
    if version.trim() != "v=STSv1" {
        return None;
    }
    let mut found = false;
    let fields: Vec<String> = record
        .split(';')
        .map(|field| match field.split_once('=') {
            Some((name, value)) if name.trim() == "id" && value.trim() == id && !found => {
                found = true;
                format!("{name}={}", value.replacen(id, next, 1))
            }
            _ => field.to_owned(),
        })
        .collect();
    found.then(|| fields.join(";"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(body: &str) -> PolicyFacts {
        PolicyFacts {
            mode: PolicyMode::Enforce,
            patterns: ["old.example".to_owned(), "*.wild.example".to_owned()].into(),
            max_age: 86_400,
            record_ttl: 60,
            id: None,
            body: body.to_owned(),
            lagging: vec![],
        }
    }

    fn edit(mode: Option<PolicyMode>, add: &[&str], remove: &[&str]) -> Edit {
        Edit {
            mode,
            add: add.iter().map(|p| (*p).to_owned()).collect(),
            remove: remove.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_lines_that_are_meant_change() {
        let crlf = "version: STSv1\r\nmode: enforce\r\nmx: Old.example\r\nmx: *.wild.example\r\nmax_age: 86400\r\nnote: ours\r\n";
        for (body, edit, wanted) in [
            (
                crlf,
                edit(None, &["new.example"], &[]),
                "version: STSv1\r\nmode: enforce\r\nmx: Old.example\r\nmx: *.wild.example\r\nmx: new.example\r\nmax_age: 86400\r\nnote: ours\r\n",
            ),
            (
                crlf,
                edit(
                    Some(PolicyMode::Testing),
                    &["new.example"],
                    &["old.example"],
                ),
                "version: STSv1\r\nmode: testing\r\nmx: *.wild.example\r\nmx: new.example\r\nmax_age: 86400\r\nnote: ours\r\n",
            ),
            // The last pattern goes: the new one stands where it stood.
            (
                "version: STSv1\nmx: old.example\nmode:\tenforce \nmax_age: 86400",
                edit(None, &["new.example"], &["old.example"]),
                "version: STSv1\nmx: new.example\nmode:\tenforce \nmax_age: 86400",
            ),
            (
                "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: old.example",
                edit(None, &["a.example", "b.example"], &[]),
                "version: STSv1\nmode: enforce\nmax_age: 86400\nmx: old.example\nmx: a.example\nmx: b.example",
            ),
            (
                "",
                edit(Some(PolicyMode::Testing), &["new.example"], &[]),
                "version: STSv1\nmode: testing\nmx: *.wild.example\nmx: old.example\nmx: new.example\nmax_age: 86400\n",
            ),
            (crlf, Edit::default(), crlf),
        ] {
            assert_eq!(edited(&policy(body), &edit).text, wanted, "{edit:?}");
        }
    }

    #[test]
    fn what_is_said_of_the_text_is_what_it_says() {
        let after = edited(
            &policy(
                "version: STSv1\nmode: enforce\nmx: old.example\nmx: *.wild.example\nmax_age: 1\n",
            ),
            &edit(
                Some(PolicyMode::Testing),
                &["new.example"],
                &["old.example"],
            ),
        );
        assert_eq!(after.mode, PolicyMode::Testing);
        assert_eq!(
            after.patterns,
            ["*.wild.example".to_owned(), "new.example".to_owned()].into()
        );
    }

    #[test]
    fn the_next_id_is_another_one_of_the_same_kind() {
        let nines = "9".repeat(32);
        for (id, next) in [
            (Some("20240109"), "20240110"),
            (Some("abcz"), "abda"),
            (Some("99"), "100"),
            (Some("zZ9"), "1aA0"),
            (Some("20160831085700Z"), "20160831085701A"),
            (None, "1"),
        ] {
            assert_eq!(next_id(id), next);
        }
        let wrapped = next_id(Some(&nines));
        assert_eq!(wrapped.len(), 32);
        assert_ne!(wrapped, nines);
    }

    #[test]
    fn only_the_id_of_a_record_changes() {
        for (record, wanted) in [
            ("v=STSv1; id=1;", Some("v=STSv1; id=2;")),
            ("v=STSv1;id=1", Some("v=STSv1;id=2")),
            ("v=STSv1; id=1; note=1;", Some("v=STSv1; id=2; note=1;")),
            ("v=STSv1; id=3;", None),
            ("v=STSv2; id=1;", None),
            ("v=spf1 -all", None),
        ] {
            assert_eq!(with_id(record, "1", "2").as_deref(), wanted, "{record}");
        }
        assert_eq!(
            with_id("v=STSv1; id=d;", "d", "e").as_deref(),
            Some("v=STSv1; id=e;")
        );
    }
}
