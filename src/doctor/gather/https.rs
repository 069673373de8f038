//! HTTPS to each service, without credentials: any answer shows the way, and its `Date` the time there.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Url};

use crate::doctor::view::HttpsView;
use crate::domain_file::{DomainFile, Field, Microsoft};

const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(20);

pub(super) async fn look(file: &DomainFile) -> Vec<HttpsView> {
    let mut services = Vec::new();
    if let Microsoft::Api(api) = &file.microsoft {
        services.extend([
            ("Microsoft sign-in", api.authority()),
            ("Microsoft Graph", api.graph()),
            ("Exchange Online", api.exchange()),
        ]);
    }
    services.extend(interface(&file.dns.provider, &file.dns.fields));
    if let Some(registrar) = &file.registrar {
        services.extend(interface(&registrar.provider, &registrar.fields));
    }
    join_all(services.into_iter().filter_map(|(service, address)| {
        let url = Url::parse(&address).ok()?;
        matches!(url.scheme(), "http" | "https").then(|| one(service, url))
    }))
    .await
}

/// The interface of a provider, where it is one over HTTPS.
fn interface(slug: &str, fields: &BTreeMap<String, Field>) -> Option<(&'static str, String)> {
    let info = rollout_providers::find(slug)?;
    let field = info.fields.iter().find(|field| field.key == "url")?;
    match fields.get("url") {
        Some(Field::Text(url)) => Some((info.title, url.clone())),
        _ => Some((info.title, field.default?.to_owned())),
    }
}

async fn one(service: &str, url: Url) -> HttpsView {
    let origin = url.origin().ascii_serialization();
    let answer = ask(&url, &origin).await;
    HttpsView {
        service: service.to_owned(),
        origin,
        answer,
    }
}

async fn ask(url: &Url, origin: &str) -> Result<Option<SignedDuration>, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("rollout/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .redirect(reqwest::redirect::Policy::none());
    let here = url
        .host_str()
        .and_then(|host| {
            host.trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .ok()
        })
        .is_some_and(|address| address.is_loopback());
    if here {
        builder = builder.no_proxy();
    }
    let client = builder.build().map_err(|error| innermost(&error))?;
    let before = Timestamp::now();
    let response = client
        .get(origin)
        .send()
        .await
        .map_err(|error| match error.is_timeout() {
            true => "no answer in time".to_owned(),
            false => innermost(&error.without_url()),
        })?;
    let after = Timestamp::now();
    let date = response
        .headers()
        .get(reqwest::header::DATE)
        .and_then(|date| date.to_str().ok());
    Ok(date.and_then(|date| skew(date, before, after)))
}

/// How far the other clock is ahead. It tells whole seconds, cut off, and read its clock somewhere between the two
/// instants: what these allow for is no skew.
fn skew(date: &str, before: Timestamp, after: Timestamp) -> Option<SignedDuration> {
    let theirs = jiff::fmt::rfc2822::parse(date.trim()).ok()?.timestamp();
    let latest = theirs + SignedDuration::from_secs(1);
    Some(if theirs > after {
        theirs.duration_since(after)
    } else if latest < before {
        latest.duration_since(before)
    } else {
        SignedDuration::ZERO
    })
}

fn innermost(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    // The outermost says what failed, the innermost why.
    match error.source() {
        Some(_) => format!("{error}: {last}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_within_the_request_is_no_skew() {
        let date = "Sun, 22 Nov 2026 03:00:10 GMT";
        let skew = |before, after| skew(date, at(before), at(after)).unwrap().as_secs();
        assert_eq!(skew("2026-11-22T03:00:10.9Z", "2026-11-22T03:00:11Z"), 0);
        assert_eq!(skew("2026-11-22T03:00:01Z", "2026-11-22T03:00:12Z"), 0);
        assert_eq!(skew("2026-11-22T02:59:00Z", "2026-11-22T02:59:10Z"), 60);
        assert_eq!(skew("2026-11-22T03:10:11Z", "2026-11-22T03:10:12Z"), -600);
        assert_eq!(
            super::skew(
                "soon",
                at("2026-11-22T03:00:00Z"),
                at("2026-11-22T03:00:00Z")
            ),
            None
        );
    }
}
