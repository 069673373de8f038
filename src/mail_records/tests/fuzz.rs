//! TXT records that anybody may publish.

use super::table::every_text;
use crate::fuzz::{assert_clean, fuzz_text};
use crate::mail_records::{dkim, dmarc, spf, tls_rpt};

const WORDS: [&str; 26] = [
    ";",
    ";;",
    "=",
    ":",
    ",",
    " ",
    "\t",
    "%",
    "%{d}",
    "%{",
    "}",
    "//",
    "/32",
    "v=spf1 ",
    "v=DMARC1;",
    "v=DKIM1;",
    "v=TLSRPTv1;",
    "rua=",
    "mailto:",
    "https://",
    "p=",
    "mx",
    "\u{1b}[31m",
    "\u{202e}",
    "ü",
    "@",
];

#[test]
fn texts() {
    fuzz_text(&every_text(), &WORDS, |text| {
        match tls_rpt::parse(&[text]) {
            Err(error) => assert_clean(&error.to_string()),
            Ok(None) => {}
            Ok(Some(read)) => {
                let written = read.to_string();
                assert_clean(&written);
                read.unusable
                    .iter()
                    .for_each(|e| assert_clean(&e.to_string()));
                read.malformed
                    .iter()
                    .chain(&read.unknown)
                    .for_each(|t| assert_clean(t));
                let again = tls_rpt::parse(&[&written]).expect("good").expect("there");
                assert_eq!(again.destinations, read.destinations);
            }
        }
        match spf::parse(&[text]) {
            Err(error) => assert_clean(&error.to_string()),
            Ok(None) => {}
            Ok(Some(read)) => {
                let written = read.to_string();
                assert_clean(&written);
                assert_eq!(spf::parse(&[&written]), Ok(Some(read.clone())));
                assert!(read.lookups() <= read.terms.len());
                assert!(read.follows_mx_of("contoso.com").count() <= read.terms.len());
            }
        }
        match dkim::parse(&[text]) {
            Err(error) => assert_clean(&error.to_string()),
            Ok(read) => {
                let read = read.expect("one text, one record");
                let written = read.to_string();
                assert_clean(&written);
                assert_eq!(dkim::parse(&[&written]), Ok(Some(read)));
            }
        }
        match dmarc::parse(&[text]) {
            Err(error) => assert_clean(&error.to_string()),
            Ok(None) => {}
            Ok(Some(mut read)) => {
                let written = read.to_string();
                assert_clean(&written);
                read.ignored.drain(..).for_each(|t| assert_clean(&t));
                assert_eq!(dmarc::parse(&[&written]), Ok(Some(read)));
            }
        }
    });
}
