//! `rollout demo`: the whole rollout on the embedded laboratory.
//!
//! Only the internet is a laboratory. The walk is the real `apply`: same files, same state, same output.

mod faults;

use std::path::{Path, PathBuf};

use rollout_lab::{Faults, Lab, SenderReport};

use super::lab::Running;
use super::{App, CliError, Exit, Session, apply, stop};
use crate::clock::SystemClock;
use crate::engine::run::Run;
use crate::kernel::{Verdict, claim};
use crate::laboratory;
use crate::output::{Line, Page, Tone, time};
use crate::step::Memory;
use crate::world::{Chain, Facts, SmtpOutcome, TlsaFacts};

/// The domain that the demo walks.
const DOMAIN: &str = "contoso.com";
/// Domains of the laboratory to try afterwards, and what is special about each.
const OTHERS: [(&str, &str); 4] = [
    ("fabrikam.ch", "signed already: only the mail moves"),
    (
        "proseware.ch",
        "on mx.microsoft already: only DANE is missing",
    ),
    ("adatum.com", "everything is done: nothing to do"),
    ("treyresearch.com", "behind a gateway: refused, and why"),
];

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where its domain files, laboratory and state go
    #[arg(long, value_name = "DIR", default_value = "rollout-demo")]
    dir: PathBuf,
    /// Let things go wrong meanwhile: throttling, lost replies, a refused token, a name server that lags
    #[arg(long)]
    with_faults: bool,
    /// Leave the laboratory running until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    let folder = std::path::absolute(&args.dir).unwrap_or_else(|_| args.dir.clone());
    make_room(&folder)?;
    let mut app = app.clone();
    let state = app
        .state
        .get_or_insert_with(|| folder.join("state"))
        .clone();

    let options = laboratory::demo_options();
    let timing = options.timing.clone();
    let lab = Lab::start(options).map_err(failed)?;
    let endpoints = lab.endpoints().map_err(failed)?;
    for domain in [DOMAIN].into_iter().chain(OTHERS.map(|(name, _)| name)) {
        laboratory::write_domain_file(&folder, domain, &endpoints, &timing, "").map_err(
            |source| CliError::File {
                doing: "write into",
                path: folder.clone(),
                source,
            },
        )?;
    }
    let running = Running::new(lab, &folder.join(laboratory::LAB_FOLDER));
    app.console.progress(opening(&folder));

    let sender = running.lab().sender(DOMAIN);
    let file = folder.join(format!("{DOMAIN}.yml"));
    let mut script = args
        .with_faults
        .then(|| faults::Script::new(app.console.clone()));
    let mut exit = walk(&app, &file, running.lab(), script.as_mut()).await?;
    let report = sender.stop();
    if let Some(script) = &script {
        let log = running.lab().log();
        // What is looked at from now on is not part of the story.
        running.lab().change_faults(|now| *now = Faults::default());
        let (page, good) = script.result(&log, &app.reader()?).await?;
        app.console.result(page);
        if exit == Exit::Done && !good {
            exit = Exit::Failed;
        }
    }
    if exit == Exit::Done {
        let session = Session::load(&file, &app.redactor)?;
        let (facts, memory) = look(&app, &session).await?;
        app.console.result(proof(&facts, &memory, &report));
    }
    if args.keep {
        app.console
            .remark(Line::from("The laboratory keeps running. Ctrl-C ends it."));
        let mut ended = stop::listen(app.console.clone());
        // An error means that nobody can end it any more: then it ends now.
        let _ = ended.wait_for(|ended| *ended).await;
    }
    drop(running);
    app.console.progress(closing(&args.dir, &state));
    Ok(exit)
}

/// The walk, with the script of faults beside it.
async fn walk(
    app: &App,
    file: &Path,
    lab: &Lab,
    script: Option<&mut faults::Script>,
) -> Result<Exit, CliError> {
    let apply = apply::run(app, apply::Args::of_demo(file.to_owned()));
    match script {
        None => apply.await,
        Some(script) => tokio::select! {
            // First, so that what lies ready for the first call is there when it is made.
            biased;
            () = script.play(lab) => unreachable!("the script plays without end"),
            exit = apply => exit,
        },
    }
}

fn failed(error: rollout_lab::LabError) -> CliError {
    CliError::Usage(format!("the laboratory cannot be started: {error}"))
}

/// Removes an earlier demo; never a folder that is something else.
fn make_room(folder: &Path) -> Result<(), CliError> {
    let file = |source| CliError::File {
        doing: "make room for the demo in",
        path: folder.to_owned(),
        source,
    };
    let Ok(mut entries) = std::fs::read_dir(folder) else {
        return std::fs::create_dir_all(folder).map_err(file);
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let ours = folder.join(laboratory::LAB_FOLDER).is_dir()
        && folder.join(format!("{DOMAIN}.yml")).is_file();
    if !ours {
        return Err(CliError::Usage(format!(
            "{} is not empty and no earlier demo; name another folder with --dir",
            folder.display()
        )));
    }
    std::fs::remove_dir_all(folder).map_err(file)?;
    std::fs::create_dir_all(folder).map_err(file)
}

/// Looks at everything once more, from outside.
async fn look(app: &App, session: &Session) -> Result<(Facts, Memory), CliError> {
    let mut world = app.open(session)?;
    let mut memory = Memory::default();
    let clock = SystemClock::new();
    let facts = Run::observe(&mut world, &session.setup, &mut memory, &clock).await;
    Ok((facts, memory))
}

fn opening(folder: &Path) -> Page {
    let mut page = Page::default();
    page.push(Line::at(0).strong(format!(
        "A laboratory of an internet is running on loopback, with TTLs of seconds. {DOMAIN} is unsigned, and its mail goes to the legacy host."
    )));
    page.push(Line::from(format!(
        "What follows is the real `rollout apply` on {}.",
        folder.join(format!("{DOMAIN}.yml")).display()
    )));
    page.push(Line::default());
    page
}

/// What an outsider sees afterwards.
fn proof(facts: &Facts, memory: &Memory, sender: &SenderReport) -> Page {
    let mut page = Page::default();
    page.push(Line::default());
    page.push(Line::at(0).strong("What others see now"));
    let mut line = |good: bool, text: String| {
        let (tone, mark) = if good {
            (Tone::Good, "yes ")
        } else {
            (Tone::Bad, "no  ")
        };
        page.push(Line::at(2).tone(tone, mark).plain(text));
    };
    let secure = facts.chain.known() == Some(&Chain::Secure);
    line(
        secure,
        format!("the MX RRset of {DOMAIN} validates from the root"),
    );
    if let Some(mx) = facts.zone.known().and_then(|zone| zone.agreed_mx()) {
        line(true, format!("every authoritative address serves MX {mx}"));
        for host in mx.set.hosts() {
            let Some(seen) = facts.host(host) else {
                line(false, format!("{host} could not be observed"));
                continue;
            };
            let records = match &seen.tlsa {
                TlsaFacts::Records { records, .. } => records.len(),
                _ => 0,
            };
            line(
                records > 0,
                format!("{host} has {records} secure TLSA records"),
            );
            for address in &seen.addresses {
                let tls = matches!(address.smtp, SmtpOutcome::Accepted { .. });
                line(
                    tls && address.tlsa_matches == Some(true),
                    format!("{}: STARTTLS, and the certificate matches", address.address),
                );
            }
        }
    }
    let authentic = facts.vantages.iter().filter(|v| v.authentic).count();
    line(
        authentic == facts.vantages.len(),
        format!(
            "{authentic} of {} resolvers say that they validated it",
            facts.vantages.len()
        ),
    );
    let claimed = claim(&memory.caches, &memory.actors, jiff::Timestamp::now());
    line(
        claimed == Verdict::Now,
        "protected by DANE, judged from this look alone".to_owned(),
    );
    line(
        sender.deferred == 0 && sender.bounced == 0,
        format!(
            "a sender behind a caching resolver delivered {} of {} mails meanwhile, with no gap over {}",
            sender.delivered,
            sender.attempts,
            time::duration(sender.longest_gap)
        ),
    );
    page
}

/// How this program was called, so that what is printed can be copied.
fn program() -> String {
    std::env::args_os().next().map_or_else(
        || "rollout".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn closing(dir: &Path, state: &Path) -> Page {
    let program = program();
    let mut page = Page::default();
    page.push(Line::default());
    page.push(Line::at(0).strong(format!(
        "Everything is in {}. Try:",
        std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned()).display()
    )));
    page.push(
        Line::at(2)
            .verbatim()
            .plain(format!("export ROLLOUT_STATE={}", state.display())),
    );
    for command in [
        format!("{program} status"),
        format!("{program} history {DOMAIN}"),
    ] {
        page.push(Line::at(2).verbatim().plain(command));
    }
    let plan = |domain: &str| format!("{program} plan {}/{domain}.yml", dir.display());
    let width = OTHERS
        .iter()
        .map(|(domain, _)| plan(domain).len())
        .max()
        .unwrap_or_default();
    for (domain, about) in OTHERS {
        page.push(
            Line::at(2)
                .verbatim()
                .plain(format!("{:<width$}  ", plan(domain)))
                .tone(Tone::Dim, format!("# {about}")),
        );
    }
    page
}
