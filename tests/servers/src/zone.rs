//! Zone files.

/// The TTL of records that name none, in seconds, and of denials.
pub const SHORT_TTL: u32 = 5;

/// A complete zone file for `apex`: `records` in zone file format, names relative to the apex.
///
/// Without an SOA among them, an SOA (negative TTL 2 s) and one name server `ns1` at `address` come first.
pub fn file(apex: &str, records: &str, address: std::net::IpAddr) -> String {
    let mut file = format!(
        "$ORIGIN {}.\n$TTL {SHORT_TTL}\n",
        apex.trim_end_matches('.')
    );
    if !has_soa(records) {
        let kind = if address.is_ipv4() { "A" } else { "AAAA" };
        file.push_str(&format!(
            "@ IN SOA ns1 hostmaster 1 60 30 3600 2\n@ IN NS ns1\nns1 IN {kind} {address}\n"
        ));
    }
    file.push_str(records);
    if !file.ends_with('\n') {
        file.push('\n');
    }
    file
}

fn has_soa(records: &str) -> bool {
    records
        .lines()
        .map(|line| line.split(';').next().unwrap_or_default())
        .flat_map(str::split_whitespace)
        .any(|word| word.eq_ignore_ascii_case("SOA"))
}

/// A name as a file name: the root is `root`.
pub(crate) fn file_name(apex: &str) -> String {
    let name = apex.trim_end_matches('.');
    if name.is_empty() {
        "root".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_soa_is_added_only_when_there_is_none() {
        let address = "127.0.0.1".parse().unwrap();
        let bare = file("example.test", "www A 192.0.2.1 ; not an SOA", address);
        assert!(bare.starts_with("$ORIGIN example.test.\n"));
        assert_eq!(bare.matches("IN SOA").count(), 1);
        let whole = file("example.test.", "@ IN SOA a b 1 2 3 4 5\n@ NS a", address);
        assert_eq!(whole.matches("SOA").count(), 1);
        assert!(whole.ends_with('\n'));
    }
}
