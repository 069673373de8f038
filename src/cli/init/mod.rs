//! `rollout init`: finds the DNS host, the tenant and the state of domains, and writes a domain file for each.
//!
//! Everything it asks can be answered by a flag. Secrets are never asked for: only where they are kept.

mod ask;
mod keys;
mod look;
mod provider;
mod tenant;
mod write;

use std::path::PathBuf;

use serde_json::json;

use super::prompt::Prompt;
use super::{App, CliError, Exit, stop};
use crate::domain_file::DomainName;
use crate::domain_file::environment::Environment;
use crate::output::{Line, Page, Tone, verify::ready as shown};
use crate::surroundings::Surroundings;
use ask::Interview;
use look::Looked;

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Domains, each of which gets a file of its own; without any, those of the tenant are listed and offered
    #[arg(value_name = "DOMAIN")]
    domains: Vec<String>,
    /// Every domain of the tenant that could be moved
    #[arg(long, conflicts_with = "domains")]
    all: bool,
    /// How the Microsoft side is done: its APIs, its own PowerShell module, or a person who runs PowerShell
    #[arg(long, value_name = "HOW", value_enum)]
    backend: Option<Backend>,
    /// The tenant: its initial domain, as in contoso.onmicrosoft.com, or its id [default: found by the domain]
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// The national cloud
    #[arg(long, value_name = "CLOUD")]
    cloud: Option<String>,
    /// The same cloud again, to override the refusal of every cloud but worldwide
    #[arg(long, value_name = "CLOUD", requires = "cloud")]
    cloud_forced: Option<String>,
    /// How to sign in, as in the domain file: client-secret, or with --backend pwsh certificate-file, device, ...
    #[arg(long, value_name = "METHOD")]
    sign_in: Option<String>,
    /// A key of the sign-in, as in client_id=ID or secret=env:NAME; a secret only as env:NAME or file:PATH
    #[arg(long = "with", value_name = "KEY=VALUE", value_parser = pair)]
    with: Vec<(String, String)>,
    /// The DNS provider [default: as the name servers look]
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// A key of the provider, as in url=https://...; a secret only as env:NAME or file:PATH
    #[arg(long = "field", value_name = "KEY=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Write the file here; for one domain [default: DOMAIN.yml in --dir]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["dir", "print", "all"])]
    out: Option<PathBuf>,
    /// Write the files into this directory
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Replace files that are there already
    #[arg(long, conflicts_with = "print")]
    force: bool,
    /// Print instead of writing
    #[arg(long)]
    print: bool,
}

/// How the Microsoft side is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Backend {
    /// Through Graph and the Exchange admin API
    Api,
    /// Through Microsoft's own module in PowerShell 7
    Pwsh,
    /// By a person
    Manual,
}

impl Backend {
    const fn word(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Pwsh => "pwsh",
            Self::Manual => "manual",
        }
    }
}

/// `KEY=VALUE`. What stands behind the sign is not repeated in the error: it may be a secret in the wrong place.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it needs KEY=VALUE")?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let key = key.trim().replace('-', "_");
    if key.is_empty() || !key.chars().all(fits) {
        return Err("the key before = is a word of small letters, digits and _".to_owned());
    }
    if value.chars().any(char::is_control) {
        return Err(format!("the value of {key} holds control characters"));
    }
    Ok((key, value.trim().to_owned()))
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let environment = Environment::of_process();
    let around = Surroundings::of_environment(&environment).map_err(Box::new)?;
    let mut names = names(&args.domains)?;
    if args.out.is_some() && names.len() != 1 {
        return Err(CliError::Usage(
            "--out is for one domain; name it, or use --dir".to_owned(),
        ));
    }
    let stop = stop::listen(app.console.clone());
    let mut interview = Interview::new(app, Prompt::new(&app.console, &stop));
    // Before anything is asked of anybody: what is there already is not overwritten.
    let paths = |names: &[DomainName]| write::paths(&args, names);
    write::refuse_existing(&args, &paths(&names))?;

    let mut looked = look::look(&around, &names).await?;
    say_looked(app, &args, &looked);
    let answers = interview.answer(&args, &looked, &environment).await?;
    let listed = match (names.is_empty(), &answers.tenant) {
        (true, _) => Some(tenant::list(app, &args, &answers, &around, &environment).await?),
        (false, _) => None,
    };
    if let Some(listed) = listed {
        say_listed(app, &listed);
        let eligible: Vec<DomainName> = listed
            .iter()
            .filter(|one| one.why_not.is_none())
            .filter_map(|one| one.name.parse().ok())
            .collect();
        names = if args.all {
            eligible
        } else {
            interview.choose(&eligible)?
        };
        if names.is_empty() {
            app.console.remark(Line::from(
                "Nothing was written. Name domains, or give --all for every one that could be moved.",
            ));
            return Ok(Exit::Done);
        }
        write::refuse_existing(&args, &paths(&names))?;
        looked = look::look(&around, &names).await?;
        say_looked(app, &args, &looked);
    }
    // Every text is checked by loading it before the first is written: all files or none.
    let mut files = Vec::new();
    for (one, path) in looked.iter().zip(paths(&names)) {
        let provider = interview.provider(&args, one)?;
        let text = write::text(&args, &answers, one, &provider);
        write::check(&path, &text, &environment)?;
        files.push((one, path, text, provider));
    }
    for (one, path, text, provider) in &files {
        if args.print {
            app.console.document(text);
        } else {
            write::file(path, text, args.force)?;
        }
        app.console.object(&json!({
            "type": "domain-file", "domain": one.domain, "provider": provider.slug,
            "tenant": answers.tenant, "backend": answers.backend.word(),
            "path": (!args.print).then(|| path.display().to_string()),
            "text": args.print.then_some(text),
        }));
    }
    if !args.print {
        let written: Vec<&PathBuf> = files.iter().map(|(_, path, ..)| path).collect();
        app.console.result(next(&written));
    }
    Ok(Exit::Done)
}

fn names(texts: &[String]) -> Result<Vec<DomainName>, CliError> {
    let mut names: Vec<DomainName> = Vec::new();
    for text in texts {
        let name: DomainName = text
            .parse()
            .map_err(|error| CliError::Usage(format!("{text:?} is no domain: {error}")))?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// What was seen, beside what is printed.
fn say_looked(app: &App, args: &Args, looked: &[Looked]) {
    if looked.is_empty() {
        return;
    }
    let rows: Vec<_> = looked
        .iter()
        .map(|one| (one.domain.clone(), one.ready.clone()))
        .collect();
    for (domain, ready) in &rows {
        app.console.object(&shown::object(domain, ready));
    }
    let page = shown::page(&rows);
    if args.print {
        app.console.remark(page);
    } else {
        app.console.progress(page);
    }
}

fn say_listed(app: &App, listed: &[tenant::Listed]) {
    let mut page = Page::new();
    for one in listed {
        let (tone, word) = match &one.why_not {
            None => (Tone::Good, "could be moved".to_owned()),
            Some(why) => (Tone::Dim, why.clone()),
        };
        page.push(
            Line::at(0)
                .strong(&one.name)
                .plain(format!("  {}: ", one.state()))
                .tone(tone, word),
        );
        app.console
            .object(&json!({"type": "tenant-domain", "domain": one}));
    }
    app.console.remark(page);
}

fn next(paths: &[&PathBuf]) -> Page {
    let mut page = Page::new();
    for path in paths {
        page.push(
            Line::at(0)
                .tone(Tone::Good, "Written: ")
                .plain(path.display()),
        );
    }
    if let Some(first) = paths.first() {
        page.push(Line::at(0).plain("Next, neither of which changes anything:"));
        for command in ["doctor", "plan"] {
            page.push(
                Line::at(4)
                    .verbatim()
                    .plain(format!("rollout {command} {}", first.display())),
            );
        }
    }
    page
}
