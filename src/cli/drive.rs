//! Walks a claimed run and says how it ended: what `apply` and `resume` share.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use super::hand::AtTerminal;
use super::prompt::Prompt;
use super::{App, CliError, Exit, Session, rollback};
use crate::clock::SystemClock;
use crate::engine::plan::Plan;
use crate::engine::run::{Left, Run};
use crate::engine::store::{
    GateEvent, GateVerdict, Owner, Signal, SqliteStore, Store as _, StoreReader as _,
};
use crate::engine::{Ending, Observer, Options};
use crate::output::json::Events;
use crate::output::terminal::{Asker, Terminal};
use crate::output::{Console, Line, json, messages, time};
use crate::step::Approval;
use crate::world::World;

/// Whether to wait in this process.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(super) struct Waiting {
    /// Wait in this process, as is usual at a terminal
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Do what is due, then exit with 4 and the time to come back, as is usual without a terminal
    #[arg(long)]
    no_wait: bool,
}

impl Waiting {
    /// In this process.
    pub(super) fn here() -> Self {
        Self {
            wait: true,
            no_wait: false,
        }
    }

    /// As was decided already.
    fn chosen(wait: bool) -> Self {
        Self {
            wait,
            no_wait: !wait,
        }
    }

    /// As the flags say, else as somebody watches.
    pub(super) fn wait(self, console: &Console) -> bool {
        self.wait || (!self.no_wait && console.watched())
    }
}

/// Which gates are answered beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Approvals {
    /// `--yes`: all of them.
    All,
    /// Those under `approve:` of the domain file.
    DomainFile,
}

/// What the first plan of a run promised; kept with the run for its report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    /// The total, in milliseconds.
    total_ms: Option<u64>,
    /// T_min, in milliseconds.
    least_ms: u64,
}

impl Planned {
    pub(super) fn of(plan: &Plan) -> Self {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Self {
            total_ms: plan.total.map(millis),
            least_ms: millis(plan.least),
        }
    }
}

/// One walk of one run.
pub(super) struct Drive<'a> {
    pub(super) app: &'a App,
    pub(super) session: &'a Session,
    pub(super) store: &'a SqliteStore,
    pub(super) owner: &'a Owner,
    pub(super) approvals: Approvals,
    pub(super) options: Options,
    pub(super) prompt: Option<Prompt>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Drive<'_> {
    /// Walks on and says how it ended.
    pub(super) async fn walk(self, mut run: Run, world: &mut dyn World) -> Result<Exit, CliError> {
        let Session { setup, steps, .. } = self.session;
        let console = &self.app.console;
        self.approve_beforehand(&mut run).await?;
        let asker = || {
            let prompt = self.prompt.clone()?;
            Some(Box::new(prompt) as Box<dyn Asker>)
        };
        let mut observer: Box<dyn Observer> = if console.json() {
            Box::new(Events::new(console.clone(), self.session.domain()))
        } else {
            Box::new(Terminal::new(
                console.clone(),
                &self.owner.user,
                steps,
                setup,
                self.session.estimates,
                &run.memory,
                asker(),
            ))
        };
        let mut at_terminal;
        let world: &mut dyn World = match asker() {
            Some(asker) => {
                at_terminal = AtTerminal {
                    world,
                    console: console.clone(),
                    asker,
                    who: self.owner.user.clone(),
                    domain: setup.domain.clone(),
                };
                &mut at_terminal
            }
            None => world,
        };
        let id = run.id;
        let clock = SystemClock::new();
        let left = run
            .walk(
                world,
                &mut *observer,
                &clock,
                steps,
                setup,
                self.options.clone(),
                self.stop.clone(),
            )
            .await?;
        // Takes the countdowns away.
        drop(observer);
        let planned = self.planned(id).await;
        self.report(id, &left, planned);
        let exit = Exit::of_ending(&left.ending);
        if !self.goes_back(&left) {
            return Ok(exit);
        }
        let waiting = Waiting::chosen(self.options.wait);
        let back = rollback::by_itself(self.app, &self.session.path, world, self.stop, waiting);
        // The way back is driven from here, too.
        Box::pin(back).await
    }

    /// Whether the domain file wants the way back now: a step that was good loses mail.
    fn goes_back(&self, left: &Left) -> bool {
        let Ending::Blocked { pending, .. } = &left.ending else {
            return false;
        };
        self.session.goes_back_by_itself()
            && pending
                .keys()
                .any(|step| left.memory.turned_bad.contains_key(step))
    }

    /// Puts approvals that were given beforehand into the memory and the journal. What a person refused since stays
    /// refused, unless a person says `--yes`.
    async fn approve_beforehand(&self, run: &mut Run) -> Result<(), CliError> {
        let answered = self.store.gates(run.id).await?;
        for gate in self.session.steps.iter().filter_map(|s| s.gate.as_ref()) {
            let refused = answered
                .iter()
                .any(|event| event.gate == gate.name && event.verdict == GateVerdict::Refused);
            let by = match self.approvals {
                Approvals::All => format!("--yes by {}", self.owner.user),
                Approvals::DomainFile
                    if self.session.file.approve.covers(&gate.name) && !refused =>
                {
                    "domain file".to_owned()
                }
                Approvals::DomainFile => continue,
            };
            if run.memory.approvals.contains_key(&gate.name) && !refused {
                continue;
            }
            let at = Timestamp::now();
            let event = GateEvent {
                gate: gate.name.clone(),
                verdict: GateVerdict::Approved,
                by: by.clone(),
                note: Some("beforehand".to_owned()),
            };
            self.store.signal(run.id, at, Signal::Gate(event)).await?;
            run.memory
                .approvals
                .insert(gate.name.clone(), Approval { by, at });
        }
        Ok(())
    }

    async fn planned(&self, run: crate::engine::store::RunId) -> Option<Planned> {
        let inputs = self.store.inputs(run).await.ok()?;
        serde_json::from_value(inputs.settings.get("planned")?.clone()).ok()
    }

    fn report(&self, run: crate::engine::store::RunId, left: &Left, planned: Option<Planned>) {
        let console = &self.app.console;
        let domain = self.session.domain();
        let took = time::between(left.started, left.at);
        let page = messages::ending(
            domain,
            &self.session.path,
            &left.ending,
            left.at,
            console.quiet(),
        );
        console.result(page);
        if left.ending == Ending::Done {
            let mut line = Line::at(0).plain(format!("It took {}", time::duration(took)));
            if let Some(planned) = planned {
                let shown = |ms| time::duration(Duration::from_millis(ms));
                if let Some(total) = planned.total_ms {
                    line = line.plain(format!("; planned were {}", shown(total)));
                }
                line = line.plain(format!("; T_min was {}", shown(planned.least_ms)));
            }
            console.result(line.plain("."));
        }
        let mut object = json::ending(&left.ending);
        object["type"] = json!("ended");
        object["domain"] = json!(domain);
        object["run"] = json!(run);
        object["exit"] = json!(Exit::of_ending(&left.ending).code());
        object["started"] = json!(left.started);
        object["at"] = json!(left.at);
        object["took_ms"] = json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        object["planned"] = json!(planned);
        console.object(&object);
    }
}
