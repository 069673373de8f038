//! The TXT record that says that there is a policy, and when it changed.

use serde::{Deserialize, Serialize};

use super::StsError;
use super::remark::Remark;
use crate::dns::text::safe;
use crate::mail_records::grammar::{is_field_name, is_field_value};

/// The `_mta-sts` TXT record (RFC 8461, 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsRecord {
    /// 1 to 32 letters and digits; a change makes senders fetch again.
    pub id: String,
    /// The TXT record as served.
    pub text: String,
}

impl StsRecord {
    /// What is not as it should be although senders read past it.
    #[must_use]
    pub fn remarks(&self) -> Vec<Remark> {
        walk(&self.text).1
    }
}

/// The record as one would publish it.
impl std::fmt::Display for StsRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v=STSv1; id={};", self.id)
    }
}

/// Finds the one record among the TXT records at `_mta-sts` (RFC 8461, 3.1). `None`: there is none.
///
/// # Errors
/// When there are several, or the one is malformed. Most senders then act as if there were none.
pub fn read_record(texts: &[&str]) -> Result<Option<StsRecord>, StsError> {
    let ours: Vec<&str> = texts.iter().copied().filter(|t| is_record(t)).collect();
    let text = match ours.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        several => return Err(StsError::Several(several.len())),
    };
    let id = walk(text).0.unwrap_or_default();
    let good = (1..=32).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if !good {
        return Err(StsError::Id(safe(id.as_bytes())));
    }
    Ok(Some(StsRecord {
        id: id.to_owned(),
        text: text.to_owned(),
    }))
}

/// Others beside it are discarded. The text of the section wants `v=STSv1;`, its grammar allows blanks before the semicolon.
fn is_record(text: &str) -> bool {
    text.strip_prefix("v=STSv1")
        .is_some_and(|rest| rest.trim_start_matches(BLANK).starts_with(';'))
}

const BLANK: [char; 2] = [' ', '\t'];

/// The first id, and everything that is not as it should be.
fn walk(text: &str) -> (Option<&str>, Vec<Remark>) {
    let mut id = None;
    let mut remarks = Vec::new();
    let mut fields = text.split(';').peekable();
    if fields
        .next()
        .is_some_and(|version| version.ends_with(BLANK))
    {
        remarks.push(Remark::BlankAfterVersion);
    }
    while let Some(field) = fields.next() {
        let field = field.trim_matches(BLANK);
        if field.is_empty() {
            // After the last semicolon there need be nothing.
            if fields.peek().is_some() {
                remarks.push(Remark::EmptyField);
            }
            continue;
        }
        match field.split_once('=') {
            Some(("id", value)) if id.is_none() => id = Some(value),
            Some((name, value)) if is_field_name(name) && is_field_value(value) => {
                remarks.push(if matches!(name, "id" | "v") {
                    Remark::Repeated(name.to_owned())
                } else {
                    Remark::UnknownField(name.to_owned())
                });
            }
            _ => remarks.push(Remark::BadField(safe(field.as_bytes()))),
        }
    }
    (id, remarks)
}
