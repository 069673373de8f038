//! `rollout verify`: can mail reach a domain, and is it protected? No credentials, no state.

mod ready;
mod targets;
mod watch;

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::{App, CliError, Exit, Session};
use crate::dane::{Captured, Prober};
use crate::output::{Line, verify as shown};
use crate::surroundings::Surroundings;
use crate::verify::{Extent, Report, Verifier, Wish, judge};
use targets::Target;

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Domains; domain files (.yml), whose resolvers and ports are used; or - for a list on standard input
    #[arg(value_name = "DOMAIN", required_unless_present_any = ["list", "rules"])]
    domains: Vec<String>,
    /// A file with a domain per line; # begins a comment
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// What must hold
    #[arg(long = "for", value_name = "WISH", value_enum, default_value_t = For::Dane)]
    wish: For,
    /// Ask the DNS alone: no SMTP, no HTTPS
    #[arg(long)]
    dns_only: bool,
    /// Ask hosts whether they take mail for postmaster at the domain, also where several domains are looked at
    #[arg(long, conflicts_with = "dns_only")]
    recipient: bool,
    /// Resolvers to compare with, as in quad9=9.9.9.9,office=192.0.2.53; none for none [default: $ROLLOUT_RESOLVERS,
    /// else three public ones]
    #[arg(long, value_name = "LIST")]
    resolvers: Option<String>,
    /// Show every finding, host and sender, also where several domains are looked at
    #[arg(long)]
    full: bool,
    /// A chain captured elsewhere, judged instead of probing: HOST=FILE, or HOST=ADDRESS=FILE for one address of the host;
    /// PEM, the server's own certificate first. With --dns-only no host is probed at all
    #[arg(long, value_name = "HOST=FILE")]
    from_chain: Vec<String>,
    /// Draw the chain of trust from the root to the domain, its hosts and their TLSA records
    #[arg(long)]
    explain: bool,
    /// Look again and again, and print what changed, until Ctrl-C
    #[arg(long, conflicts_with_all = ["full", "explain"])]
    watch: bool,
    /// How often --watch looks, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "watch", value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// How many domains are looked at side by side
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// List every finding that there is, with its source, and ask nobody
    #[arg(
        long,
        conflicts_with_all = ["domains", "list", "wish", "dns_only", "recipient", "resolvers", "full", "from_chain", "explain", "watch"]
    )]
    rules: bool,
}

/// What somebody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum For {
    /// Mail arrives and is protected by DANE
    Dane,
    /// Mail arrives
    Delivery,
    /// The domain could start its move to Exchange Online's DANE: who could, what blocks the others, how long it takes
    ExchangeDane,
}

impl From<For> for Wish {
    fn from(wish: For) -> Self {
        match wish {
            For::Dane => Self::Dane,
            For::Delivery => Self::Delivery,
            // What is protected already need not start.
            For::ExchangeDane => Self::Dane,
        }
    }
}

impl Args {
    /// Whether what was asked for goes together, as far as it depends on a value; the rest is the parser's.
    fn fit(&self) -> Result<(), CliError> {
        if self.wish != For::ExchangeDane {
            return Ok(());
        }
        let others = [
            ("--watch", self.watch),
            ("--explain", self.explain),
            ("--full", self.full),
        ];
        match others.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => Err(CliError::Usage(format!(
                "--for exchange-dane prints one table and cannot be used with {option}; run rollout verify with {option} \
                 for dane or delivery"
            ))),
            None => Ok(()),
        }
    }
}

pub(super) async fn run(app: &App, args: Args) -> Result<Exit, CliError> {
    if args.rules {
        app.console.result(shown::rules());
        for rule in crate::verify::catalogue::ALL {
            app.console.object(&shown::rule_object(rule));
        }
        return Ok(Exit::Done);
    }
    args.fit()?;
    let targets::Targets { targets, refused } = targets::read(&args)?;
    let mut exit = Exit::Done;
    for error in &refused {
        error.show(&app.console);
        exit = exit.and(error.exit());
    }
    if targets.is_empty() {
        return match refused.is_empty() {
            true => Err(CliError::Usage("the list holds no domain".to_owned())),
            false => Ok(exit),
        };
    }
    let _laboratories = targets::laboratories(&targets)?;
    let captured =
        Captured::parse(&args.from_chain).map_err(|error| CliError::Usage(error.to_string()))?;
    let verifiers = Verifiers::open(&targets, &args, &captured)?;
    if args.wish == For::ExchangeDane {
        return Ok(exit.and(ready::run(app, &args, &targets, &verifiers).await?));
    }
    if args.watch {
        return watch::run(app, &args, &targets, &captured).await;
    }
    let brief = targets.len() > 1 && !args.full;
    let bar = progress(app, targets.len());
    let mut counts = shown::Counts::default();
    let mut reports = verifiers.look_at(&targets, &args);
    let mut first = true;
    let mut hosts = BTreeSet::new();
    while let Some(report) = reports.next().await {
        bar.inc(1);
        let one = Exit::of_verdict(report.verdict);
        exit = exit.and(one);
        counts.add(report.verdict);
        if !first && !brief {
            app.console.result(Line::default());
        }
        app.console.result(if brief {
            shown::brief(&report)
        } else {
            shown::page(&report, Timestamp::now())
        });
        for object in shown::objects(&report, one.code()) {
            app.console.object(&object);
        }
        if args.explain {
            explain(app, &verifiers, &targets, &report).await;
        }
        first = false;
        hosts.extend(report.view.hosts.into_iter().map(|host| host.view.host));
    }
    bar.finish_and_clear();
    for (host, _) in captured.hosts() {
        if !hosts.contains(host) {
            app.console.remark(Line::from(format!(
                "The chain given for {host} was not used: no MX names that host."
            )));
        }
    }
    if targets.len() > 1 {
        app.console.result(counts.page());
        app.console.object(&counts.object());
    }
    Ok(exit)
}

/// Draws the chains that the report rests on.
async fn explain(app: &App, verifiers: &Verifiers, targets: &[Target], report: &Report) {
    let domain = &report.view.domain;
    let Some(target) = targets.iter().find(|target| target.domain == *domain) else {
        return;
    };
    let dns = verifiers.of(target).dns();
    let mut names = vec![domain.clone()];
    for host in &report.view.hosts {
        names.push(host.view.host.clone());
        names.extend(host.view.tlsa.lookup().map(|lookup| lookup.name.clone()));
    }
    names.dedup();
    let chains = futures::future::join_all(names.iter().map(|name| dns.chain_of_trust(name))).await;
    app.console.result(Line::default());
    app.console.result(shown::chain(&chains, Timestamp::now()));
    for chain in &chains {
        app.console
            .object(&serde_json::json!({"type": "chain", "domain": domain, "chain": chain}));
    }
}

/// A bar for people who wait for a list.
fn progress(app: &App, all: usize) -> ProgressBar {
    if all < 2 {
        return ProgressBar::hidden();
    }
    let bar = app
        .console
        .bars()
        .add(ProgressBar::new(u64::try_from(all).unwrap_or(u64::MAX)));
    if let Ok(style) = ProgressStyle::with_template("{pos} of {len} domains, {elapsed}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

/// One verifier for each kind of surroundings: what was learnt is shared among the domains that have the same.
struct Verifiers(Vec<(Surroundings, Verifier)>);

impl Verifiers {
    fn open(targets: &[Target], args: &Args, captured: &Captured) -> Result<Self, CliError> {
        let extent = if args.dns_only {
            Extent::DnsOnly
        } else {
            Extent::Full
        };
        let mut all: Vec<(Surroundings, Verifier)> = Vec::new();
        for target in targets {
            if all.iter().any(|(around, _)| *around == target.around) {
                continue;
            }
            let prober = match extent {
                Extent::Full => {
                    let mut smtp = target.around.smtp();
                    // A host that serves several domains is examined once, so nobody is asked for one of them.
                    smtp.ask_recipient = args.recipient || targets.len() == 1;
                    Some(Prober::for_run(smtp).with_captured(captured.clone()))
                }
                Extent::DnsOnly => {
                    (!captured.is_empty()).then(|| Prober::only_given(captured.clone()))
                }
            };
            let verifier = Verifier::open(&target.around, extent, prober)
                .map_err(|error| CliError::Usage(error.to_string()))?
                .for_run();
            all.push((target.around.clone(), verifier));
        }
        Ok(Self(all))
    }

    fn of(&self, target: &Target) -> &Verifier {
        let found = self.0.iter().find(|(around, _)| *around == target.around);
        // Every target's surroundings were opened above.
        &found.unwrap_or(&self.0[0]).1
    }

    /// The reports in the order of the targets, so many domains at once.
    fn look_at<'a>(
        &'a self,
        targets: &'a [Target],
        args: &'a Args,
    ) -> impl futures::Stream<Item = Report> + Unpin + 'a {
        let wish = args.wish.into();
        futures::stream::iter(targets)
            .map(move |target| {
                let verifier = self.of(target).clone();
                let domain = target.domain.clone();
                // On the runtime's threads, so that two domains' signatures are checked side by side.
                tokio::spawn(async move {
                    let view = verifier.look(&domain).await;
                    judge(view, wish, Timestamp::now())
                })
            })
            .buffered(usize::from(args.jobs))
            .filter_map(|report| async move {
                match report {
                    Ok(report) => Some(report),
                    // It can only have panicked; the runtime has printed where.
                    Err(error) => std::panic::resume_unwind(error.into_panic()),
                }
            })
            .boxed()
    }
}
