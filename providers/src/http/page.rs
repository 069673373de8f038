//! Lists in several pages, where the next one is said in a header.

use reqwest::{
    Url,
    header::{HeaderMap, LINK},
};

/// The address of the next page, from `Link` (RFC 8288). One at another place is not followed: the credentials would go there.
pub(crate) fn next_page(headers: &HeaderMap, here: &Url) -> Option<Url> {
    let links = headers
        .get_all(LINK)
        .iter()
        .filter_map(|link| link.to_str().ok());
    links
        .flat_map(|links| links.split(','))
        .filter(|link| {
            link.split(';').skip(1).any(|parameter| {
                let parameter = parameter.trim();
                parameter
                    .strip_prefix("rel=")
                    .is_some_and(|rel| rel.trim_matches('"').split(' ').any(|rel| rel == "next"))
            })
        })
        .filter_map(|link| {
            let target = link
                .split(';')
                .next()?
                .trim()
                .strip_prefix('<')?
                .strip_suffix('>')?;
            Some(target)
        })
        .find_map(|target| onward(target, here))
}

/// The address of the next page where the body says it, under the same rule.
pub(crate) fn onward(target: &str, here: &Url) -> Option<Url> {
    let next = here.join(target).ok()?;
    (next.origin() == here.origin() && next != *here).then_some(next)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn only_the_next_page_at_the_same_place() {
        let here: Url = "https://api.example/v1/sets?cursor=".parse().unwrap();
        let next = |link: &str| {
            let headers = HeaderMap::from_iter([(LINK, HeaderValue::from_str(link).unwrap())]);
            next_page(&headers, &here).map(String::from)
        };
        let first = "<https://api.example/v1/sets?cursor=>; rel=\"first\"";
        assert_eq!(next(first), None);
        assert_eq!(
            next(&format!(
                "{first}, <https://api.example/v1/sets?cursor=b2>; rel=\"next\""
            ))
            .as_deref(),
            Some("https://api.example/v1/sets?cursor=b2")
        );
        assert_eq!(
            next("</v1/sets?page=2>; rel=next").as_deref(),
            Some("https://api.example/v1/sets?page=2")
        );
        assert_eq!(next("<https://other.example/>; rel=\"next\""), None);
        assert_eq!(
            next("<https://api.example/v1/sets?cursor=>; rel=\"next\""),
            None,
            "the same page again"
        );
    }
}
