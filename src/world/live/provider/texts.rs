//! TXT RRsets at the DNS provider.

use jiff::Timestamp;
use rollout_providers::{Change, Name, RecordData, RecordType, Rrset};

use super::{Hosting, outcome, unread};
use crate::kernel::Host;
use crate::world::{Fact, Outcome, TxtRrset};

impl Hosting {
    /// The TXT RRset of a name in the zone.
    pub(in crate::world::live) async fn text(
        &mut self,
        name: &Host,
        apex: Option<&Host>,
    ) -> Fact<Option<TxtRrset>> {
        let at = Timestamp::now();
        let read = match (self.zone(apex).await, owner(name)) {
            (Ok(zone), Ok(name)) => self.provider.read(&zone, &name, RecordType::Txt).await,
            (Err(error), _) => Err(error),
            (_, Err(why)) => return Fact::Refused { why, at },
        };
        match read {
            Ok(set) => Fact::Known {
                value: set.as_ref().map(from_txt),
                at,
            },
            Err(error) => unread(&error, at),
        }
    }

    /// Replaces a TXT RRset, if it is still what was expected.
    pub(in crate::world::live) async fn write_txt(
        &mut self,
        name: &Host,
        before: Option<&TxtRrset>,
        after: Option<&TxtRrset>,
    ) -> Outcome {
        let side = |set: Option<&TxtRrset>| set.map(|set| to_txt(name, set)).transpose();
        let change = match (owner(name), side(before), side(after)) {
            (Ok(name), Ok(before), Ok(after)) => {
                Change::new(name, RecordType::Txt, before, after).map_err(|e| e.to_string())
            }
            (Err(why), ..) | (_, Err(why), _) | (.., Err(why)) => Err(why),
        };
        let change = match change {
            Ok(change) => change,
            Err(why) => return Outcome::Refused { why },
        };
        let written = match self.zone(None).await {
            Ok(zone) => self.provider.write(&zone, &change).await,
            Err(error) => Err(error),
        };
        outcome(written)
    }
}

fn owner(name: &Host) -> Result<Name, String> {
    Name::parse(name.as_str()).map_err(|error| error.to_string())
}

fn from_txt(set: &Rrset) -> TxtRrset {
    TxtRrset {
        values: set.values().iter().map(ToString::to_string).collect(),
        ttl: set.ttl(),
    }
}

fn to_txt(name: &Host, set: &TxtRrset) -> Result<Rrset, String> {
    let values: Result<Vec<_>, _> = set
        .values
        .iter()
        .map(|value| RecordData::parse(RecordType::Txt, value))
        .collect();
    let values = values.map_err(|error| error.to_string())?;
    Rrset::new(owner(name)?, RecordType::Txt, set.ttl, values).map_err(|error| error.to_string())
}
