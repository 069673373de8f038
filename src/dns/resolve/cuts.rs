//! Where zones begin.

use std::sync::Arc;

use hickory_proto::rr::{Name, RecordType};

use super::Later;
use super::referral::{Said, servers_named, with_glue};
use crate::dns::Dns;
use crate::dns::memory::{Cut, Zone};
use crate::dns::view::Failure;

impl Dns {
    /// The zones from the root to the one that holds `name`; with `above`, to the one that would delegate it.
    pub(in crate::dns) async fn path_to(
        &self,
        name: &Name,
        above: bool,
        depth: u8,
    ) -> Result<Vec<Zone>, Failure> {
        let Some(root) = self.inner.root.clone() else {
            return Err(Failure::NoServer {
                detail: "delegations are not followed while forwarders are used".into(),
            });
        };
        let mut path = vec![root];
        let all = usize::from(name.num_labels());
        let last = if above { all.saturating_sub(1) } else { all };
        for labels in 1..=last {
            let candidate = name.trim_to(labels);
            // The path is never empty: it starts with the root.
            let Some(zone) = path.last() else { break };
            if let Some(Cut::Zone(deeper)) = self.cut_at(zone, &candidate, depth).await? {
                path.push(deeper);
            }
        }
        Ok(path)
    }

    pub(super) async fn zone_of(
        &self,
        name: &Name,
        above: bool,
        depth: u8,
    ) -> Result<Zone, Failure> {
        let mut path = self.path_to(name, above, depth).await?;
        path.pop().ok_or_else(|| Failure::NoServer {
            detail: "no root server is configured".into(),
        })
    }

    /// Whether a zone begins at `candidate`, as its parent `zone` says. `None`: it would not say.
    pub(super) async fn cut_at(
        &self,
        zone: &Zone,
        candidate: &Name,
        depth: u8,
    ) -> Result<Option<Cut>, Failure> {
        let cuts = &self.inner.memory.cuts;
        // Deeper down a question may depend on itself, and would wait for itself.
        if depth > 0 {
            if let Some(cut) = cuts.get(candidate) {
                return cut.map(Cut::told);
            }
            let cut = Box::pin(self.find_cut(zone, candidate, depth)).await;
            if is_told(&cut) {
                cuts.put(candidate.clone(), cut.clone());
            }
            return cut.map(Cut::told);
        }
        let ask = || -> Later<'_, _> { Box::pin(self.find_cut(zone, candidate, depth)) };
        cuts.once(candidate, is_told, ask).await.map(Cut::told)
    }

    async fn find_cut(&self, zone: &Zone, candidate: &Name, depth: u8) -> Result<Cut, Failure> {
        Ok(
            match self.ask_zone(zone, candidate, RecordType::NS, depth).await {
                Ok(Said::Referral(deeper)) if deeper.name == *candidate => Cut::Zone(deeper),
                // A zone in between that an earlier question did not reveal: later questions will meet it.
                Ok(Said::Referral(_)) => Cut::NotTold,
                Ok(Said::Answer(reply)) => {
                    // Parent and child on one server: the child answers for itself.
                    let names = servers_named(&reply.message.answers, candidate);
                    if names.is_empty() {
                        Cut::Not
                    } else {
                        Cut::Zone(Zone {
                            name: candidate.clone(),
                            servers: Arc::new(with_glue(
                                names,
                                &reply.message.additionals,
                                &zone.name,
                            )),
                        })
                    }
                }
                // Some servers refuse the type NS at names they do not expect; the real question may fare better.
                Err(Failure::Rcode { .. } | Failure::Lame | Failure::Malformed { .. }) => {
                    Cut::NotTold
                }
                Err(failure) => return Err(failure),
            },
        )
    }
}

impl Cut {
    fn told(self) -> Option<Self> {
        (!matches!(self, Self::NotTold)).then_some(self)
    }
}

fn is_told(cut: &Result<Cut, Failure>) -> bool {
    matches!(cut, Ok(Cut::Zone(_) | Cut::Not))
}
