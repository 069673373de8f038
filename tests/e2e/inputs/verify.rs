//! Options of `verify` that do not go together: refused, rather than one of them silently ignored.

use super::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let usage = |name, args: &'static [&'static str], says: &'static [&'static str]| {
        case(name, 2, says, |_| {}).args(args)
    };
    vec![
        usage(
            "watching and drawing the chain",
            &["verify", "{file}", "--watch", "--explain"],
            &["--watch", "cannot be used with", "--explain"],
        ),
        usage(
            "watching in full",
            &["verify", "{file}", "--full", "--watch"],
            &["--watch", "cannot be used with", "--full"],
        ),
        usage(
            "a pause between rounds that there are not",
            &["verify", "{file}", "--every", "5"],
            &["required", "--watch"],
        ),
        usage(
            "watching who could start",
            &["verify", "{file}", "--for", "exchange-dane", "--watch"],
            &["--for exchange-dane", "cannot be used with --watch"],
        ),
        usage(
            "drawing the chain of who could start",
            &["verify", "{file}", "--for", "exchange-dane", "--explain"],
            &["--for exchange-dane", "cannot be used with --explain"],
        ),
        usage(
            "who could start in full",
            &["verify", "{file}", "--for", "exchange-dane", "--full"],
            &["--for exchange-dane", "cannot be used with --full"],
        ),
        usage(
            "asking hosts for a recipient and not asking hosts",
            &["verify", "{file}", "--dns-only", "--recipient"],
            &["--dns-only", "cannot be used with", "--recipient"],
        ),
        usage(
            "the rules of a domain",
            &["verify", "--rules", "{file}"],
            &["--rules", "cannot be used with"],
        ),
    ]
}
