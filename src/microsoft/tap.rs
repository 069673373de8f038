//! A tap on the wire: every answer as it came, for `rollout microsoft record`. In memory only.

use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderMap;

use super::error::{Call, Service};

/// Headers that say something about the shape of an answer or help Microsoft's support. Cookies and everything else stay out.
const HEADERS: [&str; 14] = [
    "content-type",
    "date",
    "location",
    "odata-version",
    "rate-limit-limit",
    "rate-limit-remaining",
    "rate-limit-reset",
    "request-id",
    "client-request-id",
    "retry-after",
    "www-authenticate",
    "x-exceptiontargettype",
    "x-exceptiontype",
    "x-ms-diagnostics",
];

/// One answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Taken {
    /// Who answered.
    pub service: Service,
    /// The cmdlet, or the Graph request.
    pub name: String,
    /// The domain it was about.
    pub domain: Option<String>,
    /// The host that answered.
    pub host: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers that matter, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

// A body is a tenant's own data.
impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Taken")
            .field("name", &self.name)
            .field("status", &self.status)
            .field("bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Collects answers.
#[derive(Debug, Default)]
pub struct Tap(Mutex<Vec<Taken>>);

impl Tap {
    /// Takes one answer down.
    pub(crate) fn take(&self, service: Service, call: &Call, headers: &HeaderMap, body: &[u8]) {
        let headers = headers
            .iter()
            .filter(|(name, _)| HEADERS.contains(&name.as_str()))
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let taken = Taken {
            service,
            name: call.name.clone(),
            domain: call.domain.clone(),
            host: call.host.clone(),
            status: call.status.unwrap_or_default(),
            headers,
            body: body.to_vec(),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(taken);
    }

    /// What came since the last time.
    #[must_use]
    pub fn drain(&self) -> Vec<Taken> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
