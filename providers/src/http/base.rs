//! Where an interface may be: HTTPS, or plain HTTP on loopback.

use std::net::IpAddr;

use reqwest::Url;

use crate::text::harmless;

/// The base address of an interface. Plain HTTP is refused but to a loopback address: it would show the credentials.
pub(crate) fn checked_base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text)
        .map_err(|error| format!("{:?} is no address: {error}", harmless(text, 200)))?;
    if url.host_str().is_none() || url.cannot_be_a_base() {
        return Err(format!("{:?} names no host", harmless(text, 200)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("credentials do not belong into the address".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(format!(
            "plain HTTP to {} would show the credentials; use https, or a loopback address such as 127.0.0.1",
            url.host_str().unwrap_or_default()
        )),
        other => Err(format!("{other:?} is no way to talk to it; use https")),
    }
}

/// By address only: a name, `localhost` too, is whatever some resolver says.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_only_to_loopback_addresses() {
        for good in [
            "https://api.example/v1",
            "http://127.0.0.1:8081",
            "http://127.3.2.1",
            "http://[::1]:8081/x",
        ] {
            assert!(checked_base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://api.example",
            "http://localhost:8081",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "ftp://127.0.0.1",
            "https://user:pass@api.example",
            "127.0.0.1:8081",
            "",
            "mailto:a@b",
        ] {
            assert!(checked_base(bad).is_err(), "{bad}");
        }
    }
}
