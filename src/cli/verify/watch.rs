//! `--watch`: looks again and again, and prints what changed.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::Timestamp;

use super::{App, Args, CliError, Exit, Target, Verifiers};
use crate::dane::Captured;
use crate::output::verify as shown;
use crate::verify::Report;

/// The reports of one round, by domain.
type Round = BTreeMap<String, Report>;

/// Until Ctrl-C; the exit code is that of the last round.
pub(super) async fn run(
    app: &App,
    args: &Args,
    targets: &[Target],
    captured: &Captured,
) -> Result<Exit, CliError> {
    let mut before: Option<Round> = None;
    let mut exit = Exit::Done;
    let stop = super::super::stop::listen(app.console.clone());
    loop {
        let mut stopped = stop.clone();
        // What one round learnt is no knowledge for the next.
        let verifiers = Verifiers::open(targets, args, captured)?;
        let round = tokio::select! {
            round = round(&verifiers, targets, args) => round,
            _ = stopped.wait_for(|stop| *stop) => return Ok(exit),
        };
        exit = round
            .values()
            .map(|report| Exit::of_verdict(report.verdict))
            .fold(Exit::Done, Exit::and);
        for (domain, report) in &round {
            let one = Exit::of_verdict(report.verdict).code();
            match before.as_ref().and_then(|round| round.get(domain)) {
                None => {
                    app.console.result(shown::page(report, Timestamp::now()));
                    for object in shown::objects(report, one) {
                        app.console.object(&object);
                    }
                }
                Some(old) => {
                    let changes = shown::changes(old, report);
                    app.console.result(changes.page(report));
                    for object in changes.objects(report, one) {
                        app.console.object(&object);
                    }
                }
            }
        }
        before = Some(round);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(args.every)) => {}
            _ = stopped.wait_for(|stop| *stop) => return Ok(exit),
        }
    }
}

async fn round(verifiers: &Verifiers, targets: &[Target], args: &Args) -> Round {
    verifiers
        .look_at(targets, args)
        .map(|report| (report.view.domain.clone(), report))
        .collect()
        .await
}
