//! The text of a domain file, checked by loading it, and written for its owner only.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::{CliError, error};
use super::ask::Answers;
use super::look::Looked;
use super::provider::Provider;
use super::{Args, Backend};
use crate::domain_file::environment::Environment;
use crate::domain_file::{self, DomainName};

/// Where the file of each domain goes.
pub(super) fn paths(args: &Args, names: &[DomainName]) -> Vec<PathBuf> {
    let named = |name: &DomainName| args.dir.join(format!("{name}.yml"));
    match &args.out {
        Some(out) => vec![out.clone()],
        None => names.iter().map(named).collect(),
    }
}

/// What is there already is not replaced, unless that was asked for.
pub(super) fn refuse_existing(args: &Args, paths: &[PathBuf]) -> Result<(), CliError> {
    if args.force || args.print {
        return Ok(());
    }
    let there: Vec<String> = paths
        .iter()
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{} is there already; give --out or --dir, --print to see what would be written, or --force to replace it",
        there.join(", ")
    )))
}

/// The file of a domain that was looked at.
pub(super) fn text(args: &Args, answers: &Answers, one: &Looked, provider: &Provider) -> String {
    text_of(args, answers, &one.domain, &one.servers, provider)
}

/// A domain file. Every value is quoted as YAML needs it.
pub(super) fn text_of(
    args: &Args,
    answers: &Answers,
    domain: &str,
    servers: &[String],
    provider: &Provider,
) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line("# One domain, its tenant and its DNS provider. No secret stands here, only where each is kept.".to_owned());
    line("# Everything else that can be said: rollout schema domain".to_owned());
    line(format!("domain: {}", scalar(domain)));
    line(String::new());
    line("microsoft:".to_owned());
    if answers.backend != Backend::Api {
        line(format!("  backend: {}", answers.backend.word()));
    }
    if let Some(tenant) = &answers.tenant {
        if answers.found {
            line("  # Found by the domain, in its public OpenID configuration.".to_owned());
        }
        line(format!("  tenant: {}", scalar(tenant)));
    }
    if let Some(cloud) = &args.cloud {
        line(format!("  cloud: {}", scalar(cloud)));
    }
    if let Some(cloud) = &args.cloud_forced {
        line(format!("  cloud_forced: {}", scalar(cloud)));
    }
    if answers.backend != Backend::Manual {
        let section = if answers.backend == Backend::Pwsh {
            "connect"
        } else {
            "sign_in"
        };
        line(format!("  {section}:"));
        line(format!("    method: {}", scalar(&answers.method)));
        for (key, value) in &answers.with {
            line(format!("    {key}: {}", scalar(value)));
        }
    }
    if answers.backend == Backend::Pwsh {
        line(
            "  # Without a sign-in for it, Microsoft Graph is not asked to cross-check the domain:"
                .to_owned(),
        );
        line("  # sign_in: { method: client-secret, client_id: ..., secret: env:ROLLOUT_CLIENT_SECRET }".to_owned());
    }
    line(String::new());
    line("dns:".to_owned());
    if !servers.is_empty() {
        line(format!(
            "  # The parent delegates to {}.",
            comment(&servers.join(", "))
        ));
    }
    line(format!("  provider: {}", scalar(&provider.slug)));
    for (key, value) in &provider.fields {
        line(format!("  {key}: {}", scalar(value)));
    }
    if !provider.fields.iter().any(|(key, _)| key == "delegation") {
        line("  # How the DS reaches the parent: auto, registrar, cds or manual.".to_owned());
        line("  # delegation: auto".to_owned());
    }
    line(String::new());
    line("# Gates that are answered beforehand, by name, or all. Without it a person is asked at each.".to_owned());
    line("# approve: [swap, removal]".to_owned());
    out
}

/// A text as a YAML scalar on one line.
fn scalar(text: &str) -> String {
    let plain = serde_yaml::to_string(text).unwrap_or_default();
    let plain = plain.trim_end();
    if plain.is_empty() || plain.contains('\n') {
        // A JSON string is a YAML scalar as well (YAML 1.2, 1.3).
        return serde_json::Value::from(text).to_string();
    }
    plain.to_owned()
}

/// Text from the DNS, which must not end its line.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Loads the text as every command will.
pub(super) fn check(path: &Path, text: &str, environment: &Environment) -> Result<(), CliError> {
    domain_file::from_text(path, text, environment)
        .map(drop)
        .map_err(|rejected| CliError::Rejected(Box::new(rejected)))
}

/// Writes a file that only its owner can read: whole, or not at all.
pub(super) fn file(path: &Path, text: &str, force: bool) -> Result<(), CliError> {
    let failed = || error::file("write the domain file", path);
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(failed())?;
    // A temporary file is made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    file.write_all(text.as_bytes()).map_err(failed())?;
    let kept = if force {
        file.persist(path)
    } else {
        // Somebody may have written one since it was looked for.
        file.persist_noclobber(path)
    };
    kept.map(drop).map_err(|error| failed()(error.error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_on_their_line_and_are_what_they_were() {
        for text in [
            "contoso.com",
            "env:A",
            "a: b",
            "# no",
            "yes",
            "0123",
            "{x}",
            "ü \"q\" 'r'",
            "line\nbreak",
            " x ",
        ] {
            let yaml = format!("key: {}\nnext: 1\n", scalar(text));
            assert_eq!(yaml.lines().count(), 2, "{yaml}");
            let read: serde_json::Value = serde_yaml::from_str(&yaml).unwrap();
            assert_eq!(read["key"], text, "{yaml}");
        }
        assert_eq!(comment("ns1.\u{7}example\n- evil"), "ns1.example- evil");
    }
}
