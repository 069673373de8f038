//! What each step relies on, held against the order: not a matter of caches, so the kernel has no word for it.

use super::{Complaint, Order};
use crate::playbook::{Expect, Goal, Scope, StepKind};

/// Every line that builds on what the order does not promise.
pub(super) fn complaints(order: &Order) -> Vec<Complaint> {
    let mut found = Vec::new();
    for (index, step) in order.steps.iter().enumerate() {
        let kind = step.goal.kind();
        let line = Line { order, index, kind };
        line.named(&mut found);
        line.moved(&mut found);
        line.protected(&mut found);
        line.ttl(&mut found);
        line.way_back(&mut found);
        line.looked_at(&mut found);
    }
    found
}

/// A step in its place.
struct Line<'o> {
    order: &'o Order,
    index: usize,
    kind: StepKind,
}

impl Line<'_> {
    fn has(&self, kind: StepKind) -> bool {
        let of_kind = |step: &super::PlannedStep| step.goal.kind() == kind;
        self.order.steps.iter().any(of_kind)
    }

    /// Whether a step that passes the test is done before this one.
    fn after(&self, test: impl Fn(Goal) -> bool) -> bool {
        self.order.before[self.index]
            .iter()
            .any(|above| test(self.order.steps[*above].goal))
    }

    fn after_kind(&self, kind: StepKind) -> bool {
        self.after(|goal| goal.kind() == kind)
    }

    /// Whether a step that passes the test is done only after this one.
    fn followed_by(&self, test: impl Fn(Goal) -> bool) -> bool {
        let steps = self.order.steps.iter().enumerate();
        let mut below = steps.filter(|(other, _)| self.order.comes_before(self.index, *other));
        below.any(|(_, step)| test(step.goal))
    }

    fn scope(&self) -> Option<Scope> {
        self.order.steps.iter().find_map(|step| match step.goal {
            Goal::Preflight { scope } => Some(scope),
            _ => None,
        })
    }

    fn says(&self, rule: &'static str, what: String, mend: impl Into<String>) -> Complaint {
        Complaint {
            step: self.index,
            rule,
            what,
            mend: mend.into(),
        }
    }

    /// "Put that above" is what most lines lack.
    fn lacks(&self, rule: &'static str, needed: &str, why: &str) -> Complaint {
        self.says(
            rule,
            format!("{} does not wait for {needed}: {why}", self.kind),
            format!("put it above where it is not, and its id in what this step needs ({needed})"),
        )
    }

    /// The new host is read from an answer and never guessed: without it the step would wait for ever.
    fn named(&self, found: &mut Vec<Complaint>) {
        let uses_it = matches!(
            self.kind,
            StepKind::ProveHost
                | StepKind::MtaSts
                | StepKind::MtaStsAfter
                | StepKind::AddMx
                | StepKind::SwapMx
                | StepKind::RemoveMx
                | StepKind::EnableDane
                | StepKind::VerifyTlsa
        );
        // Who receives by mx.microsoft already may have been given the host long ago.
        let known = matches!(self.scope(), None | Some(Scope::Dane { .. }));
        if uses_it && !known && !self.after_kind(StepKind::EnableDnssec) {
            found.push(self.lacks(
                "T2",
                "enable-dnssec",
                "only that names the new host, and this step would wait for it without end",
            ));
        }
    }

    fn moved(&self, found: &mut Vec<Complaint>) {
        let seen = |wanted: Expect| move |goal: Goal| matches!(goal, Goal::VerifyMx { expect, .. } if expect == wanted);
        let soaked = |goal: Goal| matches!(goal, Goal::VerifyMx { expect: Expect::Swapped, soak } if !soak.is_zero());
        match self.kind {
            StepKind::AddMx if !self.after_kind(StepKind::ProveHost) => {
                found.push(self.lacks(
                    "S2",
                    "prove-host",
                    "a sender that finds the legacy host busy would try a host that nobody has seen taking mail",
                ));
            }
            StepKind::SwapMx => {
                if !self.after_kind(StepKind::AddMx) {
                    found.push(self.lacks(
                        "S2",
                        "add-mx",
                        "senders would prefer a host that no server was seen to serve behind the legacy one",
                    ));
                } else if !self.after(seen(Expect::Added)) {
                    found.push(self.lacks(
                        "S2",
                        "a verify-mx with expect: added",
                        "senders would prefer the new host before every resolver was seen to see it and every host to take mail",
                    ));
                }
            }
            StepKind::MtaStsAfter if !self.after_kind(StepKind::RemoveMx) => {
                found.push(self.lacks(
                    "S2",
                    "remove-mx",
                    "the policy would reject a host that is still listed",
                ));
            }
            StepKind::RemoveMx => {
                if !self.after_kind(StepKind::SwapMx) {
                    found.push(self.lacks(
                        "S2",
                        "swap-mx",
                        "the legacy host would go while senders still prefer it, with nothing to fall back to if the new one fails",
                    ));
                } else if !self.after(seen(Expect::Swapped)) {
                    found.push(self.lacks(
                        "S2",
                        "a verify-mx with expect: swapped",
                        "the fallback would go before anybody saw mail arrive at the new host",
                    ));
                } else if !self.after(soaked) {
                    found.push(self.says(
                        "S2",
                        "remove-mx waits for a verify-mx that does not soak: the fallback would go the moment the new host is first seen to work".to_owned(),
                        "give the verify-mx with expect: swapped a soak, as in with: { expect: swapped, soak: 5m }",
                    ));
                }
            }
            _ => {}
        }
        self.one_writer_at_a_time(found);
        if self.kind == StepKind::Delegate
            && matches!(self.scope(), Some(Scope::Gateway { .. }))
            && !self.after_kind(StepKind::ProveGateway)
        {
            found.push(self.lacks(
                "S2",
                "prove-gateway",
                "from the DS on, DANE senders hold the gateway to its TLSA records, and nobody looked whether they match",
            ));
        }
    }

    /// Two steps that write the MX RRset without an order would each find the other's change.
    fn one_writer_at_a_time(&self, found: &mut Vec<Complaint>) {
        if !writes_mx(self.kind) {
            return;
        }
        let above = self.order.steps.iter().enumerate().take(self.index);
        for (other, step) in above {
            if writes_mx(step.goal.kind()) && !self.order.comes_before(other, self.index) {
                found.push(self.says(
                    "S1",
                    format!(
                        "{} and {} both write the MX record set, and neither waits for the other: each would change what the other has just written",
                        self.kind, step.id
                    ),
                    format!("put {} in what this step needs", step.id),
                ));
                return;
            }
        }
    }

    fn protected(&self, found: &mut Vec<Complaint>) {
        if self.kind == StepKind::EnableDane {
            let moves = self.has(StepKind::AddMx) || self.has(StepKind::SwapMx);
            if moves && !self.after_kind(StepKind::RemoveMx) {
                found.push(self.lacks(
                    "S5",
                    "remove-mx",
                    "as long as the legacy host is listed, a sender may fall to it and is not protected; Microsoft's procedure turns DANE on last",
                ));
            }
            if !self.followed_by(|goal| goal == Goal::VerifyTlsa) {
                found.push(self.says(
                    "S3",
                    "nothing looks at the TLSA records after enable-dane: senders would refuse the host unseen if its certificate does not match them".to_owned(),
                    "put - step: verify-tlsa below, with this step in what it needs",
                ));
            }
            if !self.followed_by(|goal| goal == Goal::FinalProof) {
                found.push(self.says(
                    "S3",
                    "no final-proof follows enable-dane: the run would be called done while caches may still lead senders past the protection".to_owned(),
                    "end the playbook with - step: final-proof",
                ));
            }
        }
        if self.kind == StepKind::FinalProof {
            let changes =
                |kind| writes_mx(kind) || matches!(kind, StepKind::Delegate | StepKind::EnableDane);
            let steps = self.order.steps.iter().enumerate();
            let mut missed = steps.filter(|(other, step)| {
                changes(step.goal.kind()) && !self.order.comes_before(*other, self.index)
            });
            if let Some((_, step)) = missed.next() {
                found.push(self.lacks(
                    "S3",
                    &step.id,
                    "it would prove a state that is not the last one",
                ));
            }
        }
    }

    fn ttl(&self, found: &mut Vec<Complaint>) {
        if self.kind == StepKind::LowerTtl
            && !self.followed_by(|goal| matches!(goal, Goal::FinalTtl { .. }))
        {
            found.push(self.says(
                "T1",
                "nothing raises the TTL of the MX record set again after lower-ttl: every sender would ask for it every minute for good, and no cache would bridge an outage of the zone's servers".to_owned(),
                "put - step: final-ttl below, after the last check",
            ));
        }
        if self.kind == StepKind::FinalTtl {
            for last in [StepKind::RemoveMx, StepKind::EnableDane] {
                if self.has(last) && !self.after_kind(last) {
                    found.push(self.lacks(
                        "T1",
                        last.name(),
                        "caches would hold each later version, and a way back would take, as long as the lasting TTL",
                    ));
                    return;
                }
            }
        }
        if self.kind == StepKind::RestoreMx && !self.followed_by(|goal| goal == Goal::RestoreTtl) {
            found.push(self.says(
                "T1",
                "nothing gives the MX record set its own TTL again after restore-mx".to_owned(),
                "put - step: restore-ttl below, after the last check",
            ));
        }
        if self.kind == StepKind::RestoreTtl && !self.after_kind(StepKind::RestoreMx) {
            found.push(self.lacks(
                "T1",
                "restore-mx",
                "it gives a TTL to records that are not there again",
            ));
        }
    }

    /// A playbook goes one way, and going back from the new MX never touches DNSSEC (S4).
    fn way_back(&self, found: &mut Vec<Complaint>) {
        if !self.kind.is_way_back() {
            return;
        }
        let changes = |kind: StepKind| {
            kind.moves_mx()
                || matches!(
                    kind,
                    StepKind::EnableDnssec
                        | StepKind::EnableDane
                        | StepKind::SignZone
                        | StepKind::Delegate
                )
        };
        let other_way = self
            .order
            .steps
            .iter()
            .find(|step| changes(step.goal.kind()));
        if let Some(step) = other_way {
            found.push(self.says(
                "S2",
                format!(
                    "{} is of a way back, and {} is of a way there: one undoes what the other relies on",
                    self.kind, step.id
                ),
                "write a playbook for each way",
            ));
        }
        let of_mx = self.has(StepKind::RestoreMx) || self.has(StepKind::RestoreTtl);
        let of_dnssec = matches!(self.kind, StepKind::WithdrawDs | StepKind::UnsignZone);
        if of_dnssec && of_mx {
            found.push(self.says(
                "S4",
                format!(
                    "{} takes DNSSEC away in a playbook that takes the MX back: a mistake in the one would break the other, and the MX needs no DNSSEC taken away",
                    self.kind
                ),
                "write a playbook for each, as rollback and rollback-dnssec are",
            ));
        }
    }

    /// Whatever changes where mail goes is looked at afterwards.
    fn looked_at(&self, found: &mut Vec<Complaint>) {
        let (looks, what): (fn(Goal) -> bool, &str) = match self.kind {
            StepKind::AddMx | StepKind::SwapMx | StepKind::RemoveMx => (
                |goal| matches!(goal, Goal::VerifyMx { .. } | Goal::FinalProof),
                "verify-mx, or final-proof",
            ),
            StepKind::RestoreMx => (
                |goal| {
                    matches!(
                        goal,
                        Goal::VerifyMx {
                            expect: Expect::Original,
                            ..
                        }
                    )
                },
                "verify-mx with expect: original",
            ),
            StepKind::DisableDane => (|goal| goal == Goal::VerifyNoTlsa, "verify-no-tlsa"),
            _ => return,
        };
        if !self.followed_by(looks) {
            found.push(self.says(
                "T4",
                format!(
                    "nothing looks whether mail still arrives after {}: the run would be called done on the word of an API",
                    self.kind
                ),
                format!("put a {what} below, with this step in what it needs"),
            ));
        }
    }
}

fn writes_mx(kind: StepKind) -> bool {
    kind.moves_mx() || matches!(kind, StepKind::RestoreMx | StepKind::RestoreTtl)
}
