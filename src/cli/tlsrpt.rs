//! `rollout tlsrpt`: what senders report of a domain's TLS (RFC 8460), from files. Asks nobody.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{App, CliError, Exit};
use crate::finding::{Finding, Severity};
use crate::output::tls_report as shown;
use crate::tls_report::{self, LARGEST_PACKED, ReportError, Summary, catalogue};

/// So many files of a folder are read: more than a year of a busy domain.
const MOST_FILES: usize = 100_000;

/// Arguments of `tlsrpt`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports, JSON or gzip; folders of them (files that end in .json or .gz); or - for one on standard input
    #[arg(value_name = "FILE", required_unless_present = "rules")]
    files: Vec<PathBuf>,
    /// List every finding that there is, with its source, and read nothing
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

pub(super) fn run(app: &App, args: &Args) -> Result<Exit, CliError> {
    if args.rules {
        app.console.result(shown::catalogue_page());
        for rule in catalogue::ALL {
            app.console.object(&crate::output::rules::object(rule));
        }
        return Ok(Exit::Done);
    }
    let mut files = Vec::new();
    for path in &args.files {
        files.extend(listed(path)?);
    }
    let mut summary = Summary::default();
    let mut unread = Vec::new();
    for path in &files {
        let bytes = bytes(path)?;
        let read = if bytes.len() as u64 > LARGEST_PACKED {
            Err(ReportError::TooLarge)
        } else {
            tls_report::read(&bytes)
        };
        match read {
            Ok(report) => summary.add(&report),
            Err(error) => unread.push(tls_report::unreadable(&path.display().to_string(), &error)),
        }
    }
    let mut findings = tls_report::judge(&summary);
    findings.extend(unread);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let exit = of(&findings);
    app.console.result(shown::page(&summary, &findings));
    for object in shown::objects(&summary, &findings, exit.code()) {
        app.console.object(&object);
    }
    Ok(exit)
}

fn of(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Blocker) => Exit::Failed,
        Some(Severity::CouldNotTell) => Exit::CouldNotTell,
        Some(Severity::Warning | Severity::Note) | None => Exit::Done,
    }
}

/// Exit 1 would say that mail does not arrive.
fn failed(path: &Path) -> impl Fn(std::io::Error) -> CliError + '_ {
    move |error| {
        CliError::Usage(format!(
            "cannot read the report {}: {error}",
            path.display()
        ))
    }
}

/// The file itself, or the reports in a folder, by name.
fn listed(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if path == Path::new("-") || !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed(path))? {
        let file = entry.map_err(failed(path))?.path();
        let is_report = file
            .extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("json") || end.eq_ignore_ascii_case("gz"));
        if is_report && file.is_file() {
            files.push(file);
        }
        if files.len() > MOST_FILES {
            return Err(CliError::Usage(format!(
                "the folder {} holds more than {MOST_FILES} reports; name a part of them",
                path.display()
            )));
        }
    }
    if files.is_empty() {
        return Err(CliError::Usage(format!(
            "the folder {} holds no report: no file that ends in .json or .gz",
            path.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// No more than shows that it is too large.
fn bytes(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(LARGEST_PACKED + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST_PACKED + 1).read_to_end(&mut bytes))
    }
    .map_err(failed(path))?;
    Ok(bytes)
}
