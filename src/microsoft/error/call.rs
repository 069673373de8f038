//! The call that an error is about, with all that Microsoft's support asks for.

use serde::{Deserialize, Serialize};

use crate::microsoft::raw::Raw;

/// The call that went wrong, with all that Microsoft's support asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The cmdlet, or the Graph request (`GET /domains/{id}`).
    pub name: String,
    /// The domain it was about.
    pub domain: Option<String>,
    /// The host that answered, or that should have.
    pub host: String,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// `request-id` of the last answer.
    pub request_id: Option<String>,
    /// The `client-request-id` we sent.
    pub client_request_id: Option<String>,
    /// `x-ExceptionType` of the last answer.
    pub exception_type: Option<String>,
    /// `x-ExceptionTargetType` of the last answer.
    pub exception_target: Option<String>,
    /// `Date` of the last answer: the service's clock.
    pub date: Option<String>,
    /// The body of the last answer, for the journal alone: what is written elsewhere leaves it out.
    #[serde(skip)]
    pub raw: Option<Raw>,
}

impl Call {
    /// A call that has not been answered yet.
    #[must_use]
    pub fn new(name: impl Into<String>, domain: Option<&str>) -> Self {
        Self {
            name: name.into(),
            domain: domain.map(str::to_owned),
            ..Self::default()
        }
    }

    /// One line for a support case: every id that is known.
    #[must_use]
    pub fn support_line(&self) -> String {
        let mut parts = Vec::new();
        let mut add = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                parts.push(format!("{name} {value}"));
            }
        };
        add("request-id", &self.request_id);
        add("client-request-id", &self.client_request_id);
        add("exception", &self.exception_type);
        add("target", &self.exception_target);
        add("date", &self.date);
        if let Some(status) = self.status {
            parts.insert(0, format!("HTTP {status}"));
        }
        parts.join(", ")
    }
}

impl std::fmt::Display for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        if let Some(domain) = &self.domain {
            write!(f, " for {domain}")?;
        }
        Ok(())
    }
}
