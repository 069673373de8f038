//! `--for exchange-dane`: who could start now, what blocks the others, and how long it would take.

use futures::StreamExt as _;
use jiff::Timestamp;

use super::super::session::basis_of;
use super::{App, Args, CliError, Exit, Session, Target, Verifiers, progress};
use crate::engine::readiness::{Basis, Start, readiness};
use crate::output::verify::ready as shown;
use crate::world::live::facts;

pub(super) async fn run(
    app: &App,
    args: &Args,
    targets: &[Target],
    verifiers: &Verifiers,
) -> Result<Exit, CliError> {
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    let bar = progress(app, targets.len());
    let mut reports = verifiers.look_at(targets, args);
    let mut of = targets.iter();
    while let (Some(report), Some(target)) = (reports.next().await, of.next()) {
        bar.inc(1);
        let facts = facts(&report.view);
        let ready = readiness(&report, &facts, &basis(app, target)?, Timestamp::now());
        exit = exit.and(match ready.start {
            Start::Done | Start::Ready | Start::Underway => Exit::Done,
            Start::Blocked => Exit::Failed,
            Start::CouldNotTell => Exit::CouldNotTell,
        });
        app.console.object(&shown::object(&target.domain, &ready));
        rows.push((target.domain.clone(), ready));
    }
    bar.finish_and_clear();
    app.console.result(shown::page(&rows));
    Ok(exit)
}

/// The way that the domain file asks for, or the built-in playbook by its defaults.
fn basis(app: &App, target: &Target) -> Result<Basis, CliError> {
    match target.path() {
        Some(path) => Ok(Session::load(path, &app.redactor)?.basis()),
        None => basis_of(&target.domain, target.around.is_laboratory()),
    }
}
