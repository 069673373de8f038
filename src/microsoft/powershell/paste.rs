//! Reading the host that a person pasted: the bare name, or whatever PowerShell printed around it.

use super::super::cmdlet::Cmdlet;
use super::super::host::{DNSSEC_MX_SUFFIX, DnssecMxValue, HostError};
use super::super::redact;
use super::text::without_escapes;

/// Why a pasted text gives no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasteError {
    /// Nothing in it looks like the host.
    #[error(
        "The pasted text holds no host name under mx.microsoft. Paste the output of Enable-DnssecForVerifiedDomain."
    )]
    NoHost,
    /// It holds the old host.
    #[error(
        "The pasted text holds the old host {host}, not the new one. Run Enable-DnssecForVerifiedDomain and paste its output."
    )]
    LegacyHost {
        /// The old host.
        host: String,
    },
    /// The window cut it off.
    #[error(
        "The pasted host name is cut off (\"{seen}\"). Run the command with | Format-List and paste again."
    )]
    CutOff {
        /// What was there.
        seen: String,
    },
    /// Two different hosts.
    #[error(
        "The pasted text holds several host names ({hosts}). Paste only the one of this domain."
    )]
    Several {
        /// The hosts.
        hosts: String,
    },
    /// The cmdlet failed.
    #[error(
        "The pasted output says that the cmdlet failed: Result is {result}. Mend the cause it shows and run the cmdlet again."
    )]
    Failed {
        /// The word after `Result`.
        result: String,
    },
    /// Nothing but empty lines.
    #[error("Nothing was pasted. Run the command, select its whole output and paste it.")]
    Empty,
    /// Not what a cmdlet prints.
    #[error(
        "The text is larger than 1 MiB, so it is not what these cmdlets print. Paste the output of the command alone."
    )]
    TooLong,
    /// Neither properties nor a host.
    #[error(
        "The pasted text holds neither properties (Name : value) nor a host under mx.microsoft. \
         Paste the whole output of the command, with its first line."
    )]
    NoAnswer,
    /// Properties of something else.
    #[error(
        "The pasted text is not the output of a cmdlet that is read here: it has the properties {properties}. \
         Paste the output of the command as it was given."
    )]
    Unknown {
        /// Their names.
        properties: String,
    },
    /// A value that the window cut off.
    #[error(
        "The value of {property} is cut off (\"{seen}\"). Run the command as it was given, with its last part \
         (| Format-List or | ConvertTo-Json), and paste again."
    )]
    Cut {
        /// The property.
        property: String,
        /// What was there.
        seen: String,
    },
    /// JSON that cannot be read.
    #[error(
        "The pasted JSON is not whole ({why}). Select the output from its first to its last bracket and paste again."
    )]
    Json {
        /// What the reader said.
        why: String,
    },
    /// The output of another domain.
    #[error(
        "The pasted text is about {found}, not about {wanted}. Run the command for {wanted} and paste its output."
    )]
    OtherDomain {
        /// The domains in it.
        found: String,
        /// The one that was asked for.
        wanted: String,
    },
    /// Two outputs of one cmdlet that differ.
    #[error(
        "The pasted text holds the output of {cmdlet} twice, and they differ. Paste only the later one."
    )]
    Twice {
        /// The cmdlet.
        cmdlet: Cmdlet,
    },
    /// An error message.
    #[error(
        "The pasted text is an error message: {said}. {}",
        if *.no_right {
            "PowerShell does not know the cmdlet: run Connect-ExchangeOnline first; if it still does not, this account lacks \
             the role Exchange Administrator."
        } else {
            "Mend what it names, run the command again and paste its output."
        }
    )]
    Refused {
        /// The message's telling line, redacted.
        said: String,
        /// Whether the cmdlet was not there at all.
        no_right: bool,
    },
    /// Something that ends right but is no host name.
    #[error("{0}")]
    Bad(#[from] HostError),
}

/// Reads a pasted `DnssecMxValue`: the bare host, `0 host.`, a zone-file line, `Format-List`, a table, or JSON.
///
/// # Errors
/// [`PasteError`] says what to paste instead.
pub fn read_pasted_host(text: &str) -> std::result::Result<DnssecMxValue, PasteError> {
    let text = join_wrapped(&without_escapes(text));
    if let Some(result) = result_word(&text)
        && !result.eq_ignore_ascii_case("Success")
    {
        return Err(PasteError::Failed {
            result: redact::excerpt(result.as_bytes()),
        });
    }
    let mut hosts: Vec<DnssecMxValue> = Vec::new();
    let mut legacy = None;
    let splits = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | ',' | ';' | '=' | ':' | '{' | '}' | '(' | ')' | '<' | '>'
            )
    };
    for word in text.split(splits).filter(|word| !word.is_empty()) {
        let lower = word.to_lowercase();
        let bare = lower.trim_end_matches('.');
        if lower.contains('…') || lower.ends_with("...") {
            if lower.contains('.') && !lower.starts_with('.') {
                return Err(PasteError::CutOff {
                    seen: redact::excerpt(word.as_bytes()),
                });
            }
        } else if bare.ends_with(DNSSEC_MX_SUFFIX) {
            let host = DnssecMxValue::new(word)?;
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        } else if bare.ends_with(".mail.protection.outlook.com")
            || bare.ends_with(".mail.eo.outlook.com")
        {
            legacy = Some(redact::excerpt(bare.as_bytes()));
        }
    }
    match hosts.len() {
        1 => Ok(hosts.remove(0)),
        0 => Err(legacy.map_or(PasteError::NoHost, |host| PasteError::LegacyHost { host })),
        _ => Err(PasteError::Several {
            hosts: hosts
                .iter()
                .map(DnssecMxValue::as_str)
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// `Format-List` wraps a long value into indented lines; a wrapped host would otherwise be read as a shorter one.
fn join_wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut in_value = false;
    for line in text.lines() {
        let is_label = line
            .split_once(" : ")
            .or_else(|| line.trim_end().strip_suffix(" :").map(|name| (name, "")))
            .is_some();
        let continues =
            in_value && !is_label && line.starts_with([' ', '\t']) && !line.trim().is_empty();
        if continues {
            out.push_str(line.trim());
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line.trim_end());
        in_value = is_label
            && line
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("dnssecmxvalue");
    }
    out
}

/// The word after `Result` in a list or in JSON. In a table it stands in a column and is not looked for.
fn result_word(text: &str) -> Option<&str> {
    text.split(['\n', ',', '{', '}'])
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().trim_matches('"').eq_ignore_ascii_case("Result"))
        .map(|(_, value)| value.trim().trim_matches('"').trim())
        .filter(|value| !value.is_empty())
}
