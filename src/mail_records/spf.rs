//! SPF (RFC 7208): who may send mail for the domain.
//!
//! One record, read and not evaluated. What matters to a move: an `mx` mechanism means other addresses once the MX is
//! another.

use serde::{Deserialize, Serialize};

use super::spf_term::{self, Directive, Mechanism, Modifier, Qualifier, SpfError, Term};
use crate::dns::normal;

/// The most terms that ask the DNS, in one record and all that it includes (RFC 7208, 4.6.4).
pub const MOST_LOOKUPS: usize = 10;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spf {
    /// The terms after the version, in order.
    pub terms: Vec<Term>,
}

impl Spf {
    /// The mechanisms.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        self.terms.iter().filter_map(|term| match term {
            Term::Directive(directive) => Some(directive),
            Term::Modifier(_) => None,
        })
    }

    /// The `mx` mechanisms that mean other addresses once the MX of `domain` is another: without a domain, with this one,
    /// or with a macro that may stand for it.
    pub fn follows_mx_of(&self, domain: &str) -> impl Iterator<Item = &Directive> {
        let domain = normal(domain);
        self.directives().filter(move |d| match &d.mechanism {
            Mechanism::Mx { domain: None, .. } => true,
            Mechanism::Mx {
                domain: Some(of), ..
            } => of.contains('%') || normal(of) == domain,
            _ => false,
        })
    }

    /// The qualifier of `all`, with which everybody else is met. `None`: there is no `all`.
    #[must_use]
    pub fn all(&self) -> Option<Qualifier> {
        self.directives()
            .find(|d| d.mechanism == Mechanism::All)
            .map(|d| d.qualifier)
    }

    /// Where the record refers to for everything: `redirect`, which does nothing beside an `all` (RFC 7208, 6.1).
    #[must_use]
    pub fn redirect(&self) -> Option<&str> {
        if self.all().is_some() {
            return None;
        }
        self.terms.iter().find_map(|term| match term {
            Term::Modifier(Modifier::Redirect(to)) => Some(to.as_str()),
            _ => None,
        })
    }

    /// How many terms of this record ask the DNS, those of included records not counted. More than [`MOST_LOOKUPS`] are
    /// an error already (RFC 7208, 4.6.4). What stands behind `all` is never reached and does not count.
    #[must_use]
    pub fn lookups(&self) -> usize {
        let reached = self
            .directives()
            .take_while(|d| d.mechanism != Mechanism::All);
        reached.filter(|d| d.mechanism.asks()).count() + usize::from(self.redirect().is_some())
    }
}

/// The record as one would publish it.
impl std::fmt::Display for Spf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("v=spf1")?;
        for term in &self.terms {
            write!(f, " {term}")?;
        }
        Ok(())
    }
}

/// Finds the one record among the TXT records at the domain (RFC 7208, 4.5). `None`: there is none.
///
/// # Errors
/// When there are several, or the one is malformed. Receivers then end with a permanent error.
pub fn parse(texts: &[&str]) -> Result<Option<Spf>, SpfError> {
    let ours: Vec<&str> = texts
        .iter()
        .filter_map(|text| after_version(text))
        .collect();
    let text = match ours.as_slice() {
        [] => return Ok(None),
        [one] => *one,
        several => return Err(SpfError::Several(several.len())),
    };
    let mut terms: Vec<Term> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let term = spf_term::read(word)?;
        let twice = |same: fn(&Modifier) -> bool| {
            matches!(&term, Term::Modifier(new) if same(new))
                && terms
                    .iter()
                    .any(|known| matches!(known, Term::Modifier(known) if same(known)))
        };
        if twice(|m| matches!(m, Modifier::Redirect(_))) {
            return Err(SpfError::Twice("redirect".to_owned()));
        }
        if twice(|m| matches!(m, Modifier::Exp(_))) {
            return Err(SpfError::Twice("exp".to_owned()));
        }
        terms.push(term);
    }
    Ok(Some(Spf { terms }))
}

/// What follows the version, which a blank or the end must follow; letters have no case.
fn after_version(text: &str) -> Option<&str> {
    const VERSION: &str = "v=spf1";
    let (version, rest) = text.split_at_checked(VERSION.len())?;
    (version.eq_ignore_ascii_case(VERSION) && (rest.is_empty() || rest.starts_with(' ')))
        .then_some(rest)
}
