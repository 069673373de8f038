//! A request, put together.

use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde::Serialize;

use crate::Call;

/// One request.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) call: Call,
    /// Words after "could not".
    pub(crate) operation: String,
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// Content type and text.
    pub(crate) body: Option<(&'static str, String)>,
    pub(crate) headers: HeaderMap,
    /// The zone it is about, where a vendor counts requests for each zone.
    pub(crate) zone: Option<String>,
}

impl Request {
    pub(crate) fn new(call: Call, operation: impl Into<String>, method: Method, url: Url) -> Self {
        Self {
            call,
            operation: operation.into(),
            method,
            url,
            body: None,
            headers: HeaderMap::new(),
            zone: None,
        }
    }

    /// Appends to the query.
    pub(crate) fn query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }

    /// With a body of JSON.
    pub(crate) fn json(self, body: &impl Serialize) -> Self {
        // Maps with keys of text and values without failing parts: there is nothing that cannot be written.
        let text = serde_json::to_string(body).unwrap_or_default();
        self.body("application/json", text)
    }

    /// With a form as its body.
    pub(crate) fn form(self, pairs: &[(&str, &str)]) -> Self {
        let mut form = self.url.clone();
        form.set_query(None);
        form.query_pairs_mut().extend_pairs(pairs);
        let text = form.query().unwrap_or_default().to_owned();
        self.body("application/x-www-form-urlencoded", text)
    }

    /// With a body of another kind.
    pub(crate) fn body(mut self, content: &'static str, text: impl Into<String>) -> Self {
        self.body = Some((content, text.into()));
        self
    }

    /// With a header that is no secret. A value that no header can carry is left away, and the vendor says what it misses.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Counted for this zone.
    pub(crate) fn of_zone(mut self, zone: &str) -> Self {
        self.zone = Some(zone.to_owned());
        self
    }

    /// The text of the body; empty where there is none.
    pub(crate) fn text(&self) -> &str {
        self.body.as_ref().map_or("", |(_, text)| text)
    }
}
