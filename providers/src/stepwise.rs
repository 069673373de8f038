//! Record sets at vendors who know only single records: read, compare, one request after the other, look again.

use async_trait::async_trait;

use crate::{
    Change, Error, Kind, Name, Outcome, Provider, RecordData, RecordType, Result, Rrset, Zone,
    guard::{self, Verdict},
};

/// One record of a set.
#[derive(Clone, Debug)]
pub(crate) struct Held<R> {
    /// What the vendor calls it by, and what it wants to hear again in a change.
    pub(crate) record: R,
    /// The TTL it is served with, in seconds.
    pub(crate) ttl: u32,
    /// Its value.
    pub(crate) value: RecordData,
}

/// A vendor who knows only single records. Every error is one of the request that was made.
#[async_trait]
pub(crate) trait SingleRecords: Provider {
    /// What one record is called by.
    type Record: Clone + Send + Sync;

    /// Why the vendor cannot hold the set, as a clause; asked before the first request.
    fn refuses(&self, _: &Rrset) -> Option<String> {
        None
    }

    /// The records of one set, as they are served.
    async fn records(
        &self,
        zone: &Zone,
        name: &Name,
        rtype: RecordType,
    ) -> Result<Vec<Held<Self::Record>>>;

    /// Gives a record another value, or only the TTL of `set`, in place.
    async fn update(
        &self,
        zone: &Zone,
        record: Self::Record,
        set: &Rrset,
        value: &RecordData,
    ) -> Result<()>;

    /// Adds a record of `set`.
    async fn add(&self, zone: &Zone, set: &Rrset, value: &RecordData) -> Result<()>;

    /// Removes a record of `set`.
    async fn remove(&self, zone: &Zone, record: Self::Record, set: &Rrset) -> Result<()>;

    /// Has everything served that was changed, where that is a step of its own.
    async fn publish(&self, _: &Zone, _: &Change) -> Result<()> {
        Ok(())
    }
}

/// The set as it is served: with the largest TTL, should its records differ.
pub(crate) fn set_of<R>(
    provider: &'static str,
    held: &[Held<R>],
    name: &Name,
    rtype: RecordType,
) -> Result<Option<Rrset>> {
    let Some(ttl) = held.iter().map(|held| held.ttl).max() else {
        return Ok(None);
    };
    let values = held.iter().map(|held| held.value.clone());
    Rrset::new(name.clone(), rtype, ttl, values)
        .map(Some)
        .map_err(|error| {
            let operation = format!("read {rtype} at {name}");
            Error::new(provider, operation, Kind::Protocol, error.to_string())
        })
}

/// [`Provider::read`] of such a vendor.
pub(crate) async fn read(
    vendor: &impl SingleRecords,
    zone: &Zone,
    name: &Name,
    rtype: RecordType,
) -> Result<Option<Rrset>> {
    let held = vendor.records(zone, name, rtype).await?;
    set_of(vendor.info().slug, &held, name, rtype)
}

/// [`Provider::write`] of such a vendor: changes in place, then additions, then deletions, so that a set that exists before and
/// after is never empty between.
pub(crate) async fn write<V: SingleRecords>(
    vendor: &V,
    zone: &Zone,
    change: &Change,
) -> Result<Outcome> {
    let slug = vendor.info().slug;
    guard::admit(slug, zone, change)?;
    if let Some(why) = change.after().and_then(|after| vendor.refuses(after)) {
        return Err(Error::new(
            slug,
            guard::operation(change),
            Kind::Rejected,
            why,
        ));
    }
    let held = vendor.records(zone, change.name(), change.rtype()).await?;
    let live = set_of(slug, &held, change.name(), change.rtype())?;
    if guard::compare(slug, live.as_ref(), change)? == Verdict::Unchanged {
        return Ok(Outcome::Unchanged);
    }
    // One of the two exists; what goes is described by the set it was in.
    let (Some(set), want) = (
        change.after().or_else(|| change.before()),
        change.after().map_or(&[] as &[_], Rrset::values),
    ) else {
        return Ok(Outcome::Unchanged);
    };
    let have = held.into_iter().map(|held| {
        let value = held.value.clone();
        (held, value)
    });
    let steps = guard::steps(have.collect(), want);
    let stale = steps
        .keep
        .into_iter()
        .filter(|(held, _)| held.ttl != set.ttl());
    let mut taken = 0;
    for (held, value) in steps.change.into_iter().chain(stale) {
        let answer = vendor.update(zone, held.record, set, &value).await;
        answer.map_err(|error| guard::halfway(error, taken))?;
        taken += 1;
    }
    for value in &steps.add {
        let answer = vendor.add(zone, set, value).await;
        answer.map_err(|error| guard::halfway(error, taken))?;
        taken += 1;
    }
    for held in steps.delete {
        let answer = vendor.remove(zone, held.record, set).await;
        answer.map_err(|error| guard::halfway(error, taken))?;
        taken += 1;
    }
    let published = vendor.publish(zone, change).await;
    published.map_err(|error| guard::halfway(error, taken))?;
    guard::confirm(vendor, zone, change).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_differ_in_ttl_are_one_set_with_the_largest() {
        let held = |ttl, host: &str| Held {
            record: (),
            ttl,
            value: RecordData::mx(0, host.parse().unwrap()),
        };
        let name: Name = "example.com".parse().unwrap();
        let of = |held: &[Held<()>]| set_of("x", held, &name, RecordType::Mx).unwrap();
        assert_eq!(of(&[]), None);
        let set = of(&[held(300, "b.example"), held(900, "a.example")]).unwrap();
        assert_eq!((set.ttl(), set.values().len()), (900, 2));
    }
}
