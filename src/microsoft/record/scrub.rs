//! Takes a tenant's own data out of an answer and leaves its shape: keys, types, structure, and the words of the services.

use serde_json::Value;

use super::names::Names;
use super::tree::Node;
use super::words::{code, is_cmdlet, is_front_door, is_known, is_type};

/// Numbers up to this are TTLs, preferences, counts and enums; larger ones could tell who it was.
const LARGEST_NUMBER: u64 = 86_400;

/// Deeper than any answer; what is below is replaced as a whole.
const DEEPEST: usize = 64;

/// Scrubs the answers of one tenant, consistently.
#[derive(Debug, Default)]
pub struct Scrubber {
    names: Names,
    never: Vec<String>,
}

impl Scrubber {
    /// A scrubber for a domain of a tenant. The domain becomes `contoso.com`.
    #[must_use]
    pub fn new(tenant: &str, domain: &str) -> Self {
        let mut scrubber = Self::default();
        scrubber.names.introduce(domain);
        scrubber.forbid(domain);
        scrubber.forbid(tenant);
        if let Some((label, _)) = tenant.split_once('.') {
            scrubber.forbid(label);
        }
        scrubber.text(tenant, 0);
        scrubber
    }

    /// Something that must not be in any file, whatever the rules made of it.
    pub fn forbid(&mut self, text: &str) {
        let text = text.trim().to_ascii_lowercase();
        // The domain of Microsoft's documentation is the stand-in itself.
        if text.len() > 3 && !text.contains("contoso") {
            self.never.push(text);
        }
    }

    /// What of the tenant is still in a text that is to be written; `None` is as it should be.
    #[must_use]
    pub fn leak<'a>(&'a self, text: &str) -> Option<&'a str> {
        let text = text.to_ascii_lowercase();
        self.never
            .iter()
            .map(String::as_str)
            .chain(self.names.originals())
            .find(|original| original.len() > 3 && text.contains(original))
    }

    /// A body as text; `None` when it is no JSON.
    pub fn json(&mut self, text: &str) -> Option<Node> {
        let node = Node::parse(text)?;
        Some(self.node(node, 0))
    }

    fn node(&mut self, node: Node, depth: usize) -> Node {
        if depth > DEEPEST {
            return Node::Leaf(Value::String("too deep".to_owned()));
        }
        match node {
            Node::Leaf(value) => Node::Leaf(self.leaf(value, depth)),
            Node::List(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| self.node(item, depth + 1))
                    .collect(),
            ),
            Node::Object(fields) => Node::Object(
                fields
                    .into_iter()
                    .map(|(key, value)| (self.key(&key), self.node(value, depth + 1)))
                    .collect(),
            ),
        }
    }

    /// Keys are kept: they are the shape. One that is itself a name, an id or an address is data.
    fn key(&mut self, key: &str) -> String {
        let known = ["odata.", "adminapi.", "@"];
        if known.iter().any(|start| key.starts_with(start))
            || key.contains("@odata.")
            || key.contains("@data.")
        {
            return key.to_owned();
        }
        if key.contains('@') || uuid::Uuid::try_parse(key).is_ok() || self.names.host(key).is_some()
        {
            return self.text(key, 0);
        }
        key.to_owned()
    }

    fn leaf(&mut self, value: Value, depth: usize) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(&text, depth)),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(small), _) if small <= LARGEST_NUMBER => Value::Number(number),
                (_, Some(small)) if small.unsigned_abs() <= LARGEST_NUMBER => Value::Number(number),
                (None, None) => 0.5.into(),
                _ => (LARGEST_NUMBER + 1).into(),
            },
            other => other,
        }
    }

    /// A text becomes a stand-in of the same kind.
    pub fn text(&mut self, text: &str, depth: usize) -> String {
        let bare = text.trim();
        if bare.is_empty() || is_known(bare) || is_type(bare) {
            return text.to_owned();
        }
        if bare.starts_with(['{', '['])
            && depth < DEEPEST
            && let Some(inner) = Node::parse(bare)
        {
            return self.node(inner, depth + 1).to_string();
        }
        if let Some((kind, said)) = bare
            .strip_prefix('|')
            .and_then(|rest| rest.split_once('|'))
            .filter(|(kind, _)| is_exception(kind))
        {
            return format!("|{kind}|{}", self.text(said, depth + 1));
        }
        if is_exception(bare) {
            return text.to_owned();
        }
        if let Some((code, said)) = code(bare) {
            let space = &said[..said.len() - said.trim_start().len()];
            return format!("{code}:{space}{}", self.text(said, depth + 1));
        }
        if let Some(list) = self.list(bare) {
            return list;
        }
        if let Ok(id) = uuid::Uuid::try_parse(bare) {
            return self.names.id(&id.to_string());
        }
        if let Some(time) = time(bare) {
            return time;
        }
        if let Some(address) = self.address(bare) {
            return address;
        }
        if bare.contains("://") {
            return self.url(bare);
        }
        if let Some(record) = self.record(bare) {
            return record;
        }
        if let Some(space) = self.address_space(bare) {
            return space;
        }
        if let Some((name, domain)) = bare.split_once('@')
            && !name.is_empty()
            && !name.contains(char::is_whitespace)
            && let Some(domain) = self.names.host(domain)
        {
            return format!("{}@{domain}", self.names.person(name));
        }
        if let Some(host) = self.names.host(bare) {
            return host;
        }
        if bare.len() <= 24 && bare.parse::<f64>().is_ok_and(f64::is_finite) {
            return bare
                .chars()
                .map(|c| if c.is_ascii_digit() { '1' } else { c })
                .collect();
        }
        self.names.text(bare)
    }

    /// The list of cmdlets that an identity may run; all of them are Microsoft's.
    fn list(&mut self, text: &str) -> Option<String> {
        let items: Vec<&str> = text.split(',').map(str::trim).collect();
        let cmdlets = items.iter().filter(|item| is_cmdlet(item)).count();
        if cmdlets == items.len() {
            return Some(text.to_owned());
        }
        // A list of the cmdlets with something else in it: only that is replaced.
        (cmdlets > items.len() / 2).then(|| {
            items
                .iter()
                .map(|item| {
                    if is_cmdlet(item) {
                        (*item).to_owned()
                    } else {
                        self.names.text(item)
                    }
                })
                .collect::<Vec<_>>()
                .join(",")
        })
    }

    /// An address, a range or a network, also in brackets.
    fn address(&mut self, text: &str) -> Option<String> {
        if let Some(inner) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            return self.address(inner).map(|inner| format!("[{inner}]"));
        }
        if let Ok(address) = text.parse() {
            return Some(self.names.address(address));
        }
        if let Some((address, length)) = text.split_once('/') {
            length.parse::<u8>().ok()?;
            return Some(format!(
                "{}/{length}",
                self.names.address(address.parse().ok()?)
            ));
        }
        let (from, to) = text.split_once('-')?;
        let from = self.names.address(from.trim().parse().ok()?);
        Some(format!(
            "{from}-{}",
            self.names.address(to.trim().parse().ok()?)
        ))
    }

    /// An MX record as a zone file writes it: owner, TTL, `IN`, `MX`, preference, host.
    fn record(&mut self, text: &str) -> Option<String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let is_mx = fields.iter().any(|field| field.eq_ignore_ascii_case("MX"));
        if !is_mx || !(3..=8).contains(&fields.len()) {
            return None;
        }
        let fields: Vec<String> = fields
            .into_iter()
            .map(|field| {
                if field.parse::<u32>().is_ok() || is_known(field) {
                    return field.to_owned();
                }
                self.names
                    .host(field)
                    .unwrap_or_else(|| "label0".to_owned())
            })
            .collect();
        Some(fields.join(" "))
    }

    /// `smtp:*.contoso.com;1`.
    fn address_space(&mut self, text: &str) -> Option<String> {
        let (head, cost) = match text.split_once(';') {
            Some((head, cost)) if cost.parse::<u32>().is_ok() => (head, format!(";{cost}")),
            Some(_) => return None,
            None => (text, String::new()),
        };
        let (kind, pattern) = match head.split_once(':') {
            Some((kind, pattern)) if kind.eq_ignore_ascii_case("smtp") => {
                (format!("{kind}:"), pattern)
            }
            Some(_) => return None,
            None if cost.is_empty() => return None,
            None => (String::new(), head),
        };
        let pattern = if pattern == "*" {
            "*".to_owned()
        } else {
            self.names.host(pattern)?
        };
        Some(format!("{kind}{pattern}{cost}"))
    }

    /// Scheme and host's kind stay; path parts that could tell something do not, and what follows `?` never does.
    fn url(&mut self, text: &str) -> String {
        let Some((scheme, rest)) = text.split_once("://") else {
            return self.names.text(text);
        };
        if !matches!(scheme, "http" | "https") {
            return self.names.text(text);
        }
        let (rest, query) = match rest.split_once('?') {
            Some((rest, _)) => (rest, "?query"),
            None => (rest, ""),
        };
        let mut parts = rest.split('/');
        let authority = parts.next().unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                (host, format!(":{port}"))
            }
            _ => (authority, String::new()),
        };
        let host = if is_front_door(host) {
            host.to_owned()
        } else {
            self.names.host(host).unwrap_or_else(|| "label0".to_owned())
        };
        let path: Vec<String> = parts.map(|part| self.part(part)).collect();
        let slash = if path.is_empty() { "" } else { "/" };
        format!("{scheme}://{host}{port}{slash}{}{query}", path.join("/"))
    }

    /// A part of a path: `domains('contoso.com')`, `$metadata#Collection(Exchange.GenericHashTable)`, an id.
    fn part(&mut self, part: &str) -> String {
        if is_known(part) {
            return part.to_owned();
        }
        if let Some((head, tail)) = part.split_once('#') {
            let tail = if is_type(tail) || is_type(&format!("#{tail}")) {
                tail.to_owned()
            } else {
                self.part(tail)
            };
            return format!("{}#{tail}", self.part(head));
        }
        if let Some((head, tail)) = part.split_once('(')
            && let Some(inner) = tail.strip_suffix(')')
        {
            let quoted = inner.trim_matches('\'');
            let inside = self.text(quoted, DEEPEST);
            return format!("{}('{inside}')", self.part(head));
        }
        self.text(part, DEEPEST)
    }
}

/// The type of an exception, which Microsoft's code names: dotted words that end in `Exception`.
fn is_exception(text: &str) -> bool {
    text.ends_with("Exception")
        && text.len() <= 200
        && text.split('.').all(|part| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}

/// A point in time keeps its form and loses its value.
fn time(text: &str) -> Option<String> {
    const HTTP: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
    if text.starts_with("/Date(") && text.ends_with(")/") {
        return Some("/Date(0)/".to_owned());
    }
    if crate::microsoft::retry::http_date(text).is_some() {
        return Some(HTTP.to_owned());
    }
    let head = text.get(..19)?;
    let form: String = head
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if form != "0000-00-00T00:00:00" && form != "0000-00-00 00:00:00" {
        return None;
    }
    let tail = &text[19..];
    let is_tail = tail.len() <= 14
        && tail
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'Z' | '+' | '-' | ':'));
    is_tail.then(|| {
        let tail: String = tail
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        format!("2026-01-01{}00:00:00{tail}", &form[10..11])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_text_keeps_its_kind() {
        let mut scrubber = Scrubber::new("acme.onmicrosoft.com", "acme-mail.org");
        for (text, expected) in [
            ("", ""),
            ("Enabled", "Enabled"),
            ("acme-mail.org", "contoso.com"),
            ("Acme-Mail.org.", "contoso.com."),
            ("*.acme-mail.org", "*.contoso.com"),
            ("shop.acme-mail.org", "label2.contoso.com"),
            (
                "acme-mail-org.mail.protection.outlook.com",
                "contoso-com.mail.protection.outlook.com",
            ),
            (
                "acme--mail-org.o-v1.mx.microsoft",
                "label3.o-v1.mx.microsoft",
            ),
            ("acme.onmicrosoft.com", "label1.onmicrosoft.com"),
            ("partner.example", "fabrikam.com"),
            ("partner.example", "fabrikam.com"),
            (
                "@ 60 IN MX 10 acme-mail-org.e-v1.mx.microsoft",
                "@ 60 IN MX 10 contoso-com.e-v1.mx.microsoft",
            ),
            (
                "acme-mail.org. 3600 IN MX 0 mx.partner.example.",
                "contoso.com. 3600 IN MX 0 label4.fabrikam.com.",
            ),
            ("smtp:*;1", "smtp:*;1"),
            ("smtp:*.partner.example;5", "smtp:*.fabrikam.com;5"),
            ("ann.smith@acme-mail.org", "user1@contoso.com"),
            (
                "6F9619FF-8B86-D011-B42D-00C04FC964FF",
                "00000000-0000-0000-0000-000000000001",
            ),
            (
                "2026-07-27T11:12:13.5678901Z",
                "2026-01-01T00:00:00.0000000Z",
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Thu, 01 Jan 2026 00:00:00 GMT",
            ),
            ("198.51.100.7", "192.0.2.1"),
            ("198.51.100.7/24", "192.0.2.1/24"),
            ("[198.51.100.7]", "[192.0.2.1]"),
            ("2001:db8:1::5", "2001:db8::2"),
            ("To Acme headquarters", "text 1"),
            ("It is already enabled for Acme", "text 2, already"),
            (
                "EX003:Priority of MX record did not match the expected one.",
                "EX003:Priority of MX record did not match the expected one.",
            ),
            ("EX009: Acme is odd", "EX009: text 3"),
            (
                "Get-AcceptedDomain,Set-Mailbox",
                "Get-AcceptedDomain,Set-Mailbox",
            ),
            (
                "System.Collections.Generic.List`1[System.String]",
                "System.Collections.Generic.List`1[System.String]",
            ),
            (
                "|Microsoft.X.NotFoundException|Acme is not there",
                "|Microsoft.X.NotFoundException|text 4",
            ),
            (
                "{\"Message\":\"Acme\",\"TypeName\":\"Microsoft.A.BException\"}",
                "{\"Message\":\"text 5\",\"TypeName\":\"Microsoft.A.BException\"}",
            ),
            (
                "https://outlook.office365.com/adminapi/beta/acme.onmicrosoft.com/$metadata#Collection(Exchange.GenericHashTable)",
                "https://outlook.office365.com/adminapi/beta/label1.onmicrosoft.com/$metadata#Collection(Exchange.GenericHashTable)",
            ),
            (
                "https://graph.microsoft.com/v1.0/$metadata#domains('acme-mail.org')/serviceConfigurationRecords?x=acme",
                "https://graph.microsoft.com/v1.0/$metadata#domains('contoso.com')/serviceConfigurationRecords?query",
            ),
        ] {
            assert_eq!(scrubber.text(text, 0), expected, "{text}");
        }
        assert_eq!(scrubber.leak("nothing of it"), None);
        assert_eq!(scrubber.leak("see ACME-mail.org"), Some("acme-mail.org"));
    }

    #[test]
    fn keys_types_and_structure_stay() {
        let mut scrubber = Scrubber::new("t", "acme-mail.org");
        let node = scrubber
            .json(r#"{"@odata.context":"x","Name":"Acme","Name":"Bell","N":5,"Big":987654321,"F":1.25,"B":true,"Z":null,"L":["Acme"],"acme-mail.org":{}}"#)
            .unwrap();
        assert_eq!(
            node.to_string(),
            r#"{"@odata.context":"text 2","Name":"text 3","Name":"text 4","N":5,"Big":86401,"F":0.5,"B":true,"Z":null,"L":["text 3"],"contoso.com":{}}"#
        );
    }

    #[test]
    fn scrubbing_twice_changes_nothing_more() {
        let text = r#"{"a":["acme-mail.org","mx.acme-mail.org","6F9619FF-8B86-D011-B42D-00C04FC964FF","Acme","198.51.100.7"]}"#;
        let mut scrubber = Scrubber::new("t", "acme-mail.org");
        let once = scrubber.json(text).unwrap().to_string();
        let mut fresh = Scrubber::new("t", "contoso.com");
        assert_eq!(
            fresh
                .json(&once)
                .unwrap()
                .to_string()
                .matches("contoso.com")
                .count(),
            2
        );
        assert_eq!(scrubber.leak(&once), None);
    }
}
