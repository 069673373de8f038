//! What all domains of a tenant have in common, asked once for all of them.
//!
//! Each list has an age limit of the asker's choosing, and whoever asks while it is being asked waits for that answer. A
//! change made through this process makes the list stale at once. A failure is kept for a moment only, so that three domains
//! do not run into the same wall three times.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain_file::Microsoft as Side;
use crate::microsoft::{AcceptedDomain, Connectors, GraphDomain, MicrosoftError};
use crate::world::Fact;

/// How old a list may be for whoever asks for the first time.
pub(super) const SHARED: Duration = Duration::from_secs(300);
/// How long a failure counts.
const FAILURE: Duration = Duration::from_secs(5);

/// The tenants that this process works on, each under one identity. Clones share.
#[derive(Clone, Debug, Default)]
pub struct Tenants(Arc<Mutex<Vec<Known>>>);

/// A tenant, and the part of a domain file by which it is known.
type Known = (Side, Arc<Tenant>);

impl Tenants {
    /// The tenant of this part of a domain file: all of it decides whom is asked, and as whom. Secrets are references in it.
    pub(super) fn of(&self, side: &Side) -> Arc<Tenant> {
        // A panic elsewhere leaves the list as it was.
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = tenants.iter().find(|(of, _)| of == side) {
            return Arc::clone(known);
        }
        let new = Arc::<Tenant>::default();
        tenants.push((side.clone(), Arc::clone(&new)));
        new
    }
}

/// One tenant's lists.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    /// `Get-AcceptedDomain` for all.
    pub(super) accepted: Shared<Vec<AcceptedDomain>>,
    /// Graph's domains.
    pub(super) domains: Shared<Vec<GraphDomain>>,
    /// Connectors of both directions.
    pub(super) connectors: Shared<Connectors>,
}

/// One list.
#[derive(Debug)]
pub(super) struct Shared<T>(tokio::sync::Mutex<Option<(Instant, Fact<Arc<T>>)>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(tokio::sync::Mutex::new(None))
    }
}

impl<T> Shared<T> {
    /// The list, if it is not older than `age`; otherwise what `ask` brings.
    pub(super) async fn get(
        &self,
        age: Duration,
        ask: impl Future<Output = Result<T, MicrosoftError>>,
    ) -> Fact<Arc<T>> {
        // Held while asking: whoever else wants the list waits here for the same answer.
        let mut kept = self.0.lock().await;
        if let Some((asked, fact)) = &*kept {
            let lasts = match fact {
                Fact::Known { .. } => age,
                _ => age.min(FAILURE),
            };
            if asked.elapsed() < lasts {
                return fact.clone();
            }
        }
        // Its age counts from when it was asked, not from when the answer came.
        let asked = Instant::now();
        let fact = super::microsoft::fact(ask.await.map(Arc::new));
        *kept = Some((asked, fact.clone()));
        fact
    }

    /// A change was made: what was known is stale.
    pub(super) async fn stale(&self) {
        *self.0.lock().await = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain_file::{Api, Cloud, Endpoints, SignIn, Tenant};
    use crate::microsoft::error::Call;

    const LONG: Duration = Duration::from_secs(3600);

    async fn ask(count: &AtomicUsize) -> Result<usize, MicrosoftError> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(count.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn fail(count: &AtomicUsize) -> Result<usize, MicrosoftError> {
        count.fetch_add(1, Ordering::SeqCst);
        Err(MicrosoftError::CouldNotTell {
            call: Box::new(Call::new("Get-AcceptedDomain", None)),
            what: "the list".into(),
            excerpt: String::new(),
        })
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_answer() {
        let (list, count) = (Shared::default(), AtomicUsize::new(0));
        let asked = (0..20).map(|_| list.get(LONG, ask(&count)));
        for fact in futures::future::join_all(asked).await {
            assert_eq!(fact.known().map(|n| **n), Some(1));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn an_old_list_and_one_from_before_a_change_are_asked_anew() {
        let (list, count) = (Shared::default(), AtomicUsize::new(0));
        let get = async |age| list.get(age, ask(&count)).await.known().map(|n| **n);
        assert_eq!(get(LONG).await, Some(1));
        assert_eq!(get(LONG).await, Some(1));
        assert_eq!(get(Duration::ZERO).await, Some(2));
        list.stale().await;
        assert_eq!(get(LONG).await, Some(3));
    }

    #[tokio::test]
    async fn a_failure_is_shared_for_a_moment_and_never_a_list() {
        let (list, count) = (Shared::default(), AtomicUsize::new(0));
        for _ in 0..3 {
            let fact = list.get(LONG, fail(&count)).await;
            assert!(matches!(fact, Fact::CouldNotTell { .. }), "{fact:?}");
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        list.stale().await;
        assert_eq!(
            list.get(LONG, ask(&count)).await.known().map(|n| **n),
            Some(2)
        );
    }

    #[test]
    fn another_identity_shares_nothing() {
        let as_whom = |client: u128| {
            Side::Api(Api {
                tenant: Tenant::try_from("contoso.com".to_owned()).unwrap(),
                cloud: Cloud::default(),
                sign_in: SignIn::ManagedIdentity {
                    client_id: Some(uuid::Uuid::from_u128(client)),
                },
                endpoints: Endpoints::default(),
            })
        };
        let tenants = Tenants::default();
        let one = tenants.clone().of(&as_whom(1));
        assert!(Arc::ptr_eq(&one, &tenants.of(&as_whom(1))));
        assert!(!Arc::ptr_eq(&one, &tenants.of(&as_whom(2))));
    }
}
