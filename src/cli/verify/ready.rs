//! `--for exchange-dane`: who could start now, what blocks the others, and how long it would take.

use futures::StreamExt as _;
use jiff::Timestamp;

use super::super::session::course_of;
use super::{App, Args, CliError, Exit, Session, Target, Views, progress};
use crate::engine::readiness::{Course, Start, readiness};
use crate::output::verify::ready as shown;
use crate::world::live::facts;

pub(super) async fn run(
    app: &App,
    args: &Args,
    targets: &[Target],
    views: &Views,
) -> Result<Exit, CliError> {
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    let bar = progress(app, targets.len());
    let mut reports = views.look_at(targets, args);
    let mut courses = targets.iter();
    while let (Some(report), Some(target)) = (reports.next().await, courses.next()) {
        bar.inc(1);
        let facts = facts(&report.view);
        let ready = readiness(&report, &facts, &course(app, target)?, Timestamp::now());
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
fn course(app: &App, target: &Target) -> Result<Course, CliError> {
    match target.path() {
        Some(path) => Ok(Session::load(path, &app.redactor)?.course()),
        None => course_of(&target.domain, target.around.is_laboratory()),
    }
}
