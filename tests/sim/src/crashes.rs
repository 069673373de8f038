//! A process killed at each of its points, alone and in pairs: the same end, and every change made once.

use std::sync::{Arc, Mutex};

use crate::back::{Back, go_back};
use crate::rng::Rng;
use crate::run::{How, Report, go_on, walk};
use crate::scenario::Scenario;
use crate::world::Sim;

/// What killing came to.
#[derive(Clone, Debug, Default)]
pub struct Killed {
    /// Points at which a process could be killed.
    pub points: u64,
    /// Runs: points at which a kill leaves the same are tried once.
    pub runs: u64,
    /// Runs in which something was wrong: the seed, where it was killed, what.
    pub wrong: Vec<(u64, Vec<u32>, String)>,
}

impl Killed {
    /// Takes in what another one found.
    pub fn and(&mut self, other: Self) {
        self.points += other.points;
        self.runs += other.runs;
        self.wrong.extend(other.wrong);
    }

    fn try_it(&mut self, scenario: &Scenario, kills: Vec<u32>, base: &Report) {
        let how = How {
            kills: kills.clone(),
            ..How::default()
        };
        let report = walk(scenario, &how);
        self.judge(scenario, kills, &report, base);
    }

    fn judge(&mut self, scenario: &Scenario, kills: Vec<u32>, report: &Report, base: &Report) {
        self.runs += 1;
        let wrong = match report.oracle.violations.first() {
            Some(first) => Some(format!("{}: {}", first.rule, first.what)),
            None if report.end != base.end => {
                Some(format!("ended as {}, not as {}", report.end, base.end))
            }
            None if report.changes != base.changes => Some(format!(
                "changes {:?}, not {:?}",
                report.changes, base.changes
            )),
            None => None,
        };
        if let Some(what) = wrong {
            self.wrong.push((scenario.seed, kills, what));
        }
    }
}

/// The scenario of a seed in which nobody kills by chance, and nobody meddles with what is counted.
#[must_use]
pub fn undisturbed(seed: u64) -> Scenario {
    let mut scenario = Scenario::new(seed);
    scenario.faults.crash = false;
    scenario.faults.zombie = false;
    scenario.faults.person = false;
    scenario.faults.person_ttl = false;
    scenario
}

/// Kills the run of a seed at every point, one after the other. What was before the kill is walked once.
#[must_use]
pub fn every_point(seed: u64) -> Killed {
    let scenario = undisturbed(seed);
    let from = scenario.clone();
    let (base, reports) = at_each_point(&scenario, &How::default(), move |point, left| {
        let under_way = left.truth.claimed.is_none();
        under_way.then(|| (point, go_on(&from, &How::default(), left)))
    });
    let mut killed = Killed {
        points: u64::from(base.points),
        ..Killed::default()
    };
    for (point, report) in reports {
        killed.judge(&scenario, vec![point], &report, &base);
    }
    killed
}

/// Walks a scenario; and what came of what a kill leaves at each point, as far as it leaves something else than at the point
/// before, and last of what is there at its end, if it came there.
pub(crate) fn at_each_point<T: Send + 'static>(
    scenario: &Scenario,
    how: &How,
    work: impl Fn(u32, &Sim) -> Option<T> + Send + Sync + 'static,
) -> (Report, Vec<T>) {
    let all = Arc::new(Mutex::new(Vec::new()));
    let results = Arc::clone(&all);
    let how = How {
        show: Some(Arc::new(move |point, left: &Sim| {
            let result = work(point, left);
            all.lock().unwrap().extend(result);
        })),
        ..how.clone()
    };
    let report = walk(scenario, &how);
    let results = std::mem::take(&mut *results.lock().unwrap());
    (report, results)
}

/// The same, with a TTL that the provider takes: one that it never took is none to go back to.
#[must_use]
pub fn restorable(seed: u64) -> Scenario {
    let mut scenario = undisturbed(seed);
    scenario.ttl_min = scenario.ttl_min.min(scenario.ttl);
    scenario
}

/// What a kill leaves at each point of the run of a seed, and last what is there at its end, if it came there.
#[must_use]
pub fn left_by(seed: u64) -> (Scenario, Vec<(u32, Sim)>) {
    let scenario = restorable(seed);
    let (_, worlds) = at_each_point(&scenario, &How::default(), |point, left| {
        Some((point, left.clone()))
    });
    (scenario, worlds)
}

/// Goes back from the point of the run of a seed, as [`ways_back`] does; `None` where nothing was changed yet, or where a
/// kill leaves what it leaves at the point before.
#[must_use]
pub fn way_back(seed: u64, point: u32, how: &How, back: Back) -> Option<Report> {
    let (scenario, worlds) = left_by(seed);
    let (_, left) = worlds.iter().find(|(at, _)| *at == point)?;
    go_back(&scenario, how, left, back)
}

/// `count` of these, drawn at random, and the last.
#[must_use]
pub fn drawn(seed: u64, worlds: &[(u32, Sim)], count: u64) -> Vec<&(u32, Sim)> {
    let Some((end, points)) = worlds.split_last() else {
        return Vec::new();
    };
    let mut rng = Rng::new(seed, 7);
    let mut from: Vec<_> = (0..count)
        .filter_map(|_| points.get(rng.below(points.len())))
        .collect();
    from.push(end);
    from.sort_by_key(|(point, _)| *point);
    from.dedup_by_key(|(point, _)| *point);
    from
}

/// Goes back from `count` points of the run of a seed at which it has changed something, drawn at random, and from its end.
#[must_use]
pub fn ways_back(seed: u64, count: u64, back: Back) -> Killed {
    let (scenario, worlds) = left_by(seed);
    let mut killed = Killed {
        points: worlds.len() as u64,
        ..Killed::default()
    };
    for (point, left) in drawn(seed, &worlds, count) {
        let Some(report) = go_back(&scenario, &How::default(), left, back) else {
            continue;
        };
        killed.runs += 1;
        if let Some(first) = report.oracle.violations.first() {
            let what = format!("{back:?} {}: {}", first.rule, first.what);
            killed.wrong.push((seed, vec![*point], what));
        }
    }
    killed
}

/// Kills it at `count` pairs of points; at all of them where there are no more.
#[must_use]
pub fn pairs(seed: u64, count: u64) -> Killed {
    let scenario = undisturbed(seed);
    let base = walk(&scenario, &How::default());
    let mut killed = Killed::default();
    let points = u64::from(base.points);
    let mut rng = Rng::new(seed, 5);
    let all = points * points.saturating_sub(1) / 2;
    if all <= count {
        for first in 0..base.points {
            for second in first + 1..base.points {
                killed.try_it(&scenario, vec![first, second], &base);
            }
        }
        return killed;
    }
    for _ in 0..count {
        let last = i64::from(base.points) - 1;
        let pair = vec![
            u32::try_from(rng.range(0, last)).unwrap_or(0),
            u32::try_from(rng.range(0, last)).unwrap_or(0),
        ];
        killed.try_it(&scenario, pair, &base);
    }
    killed
}
