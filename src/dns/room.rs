//! Room for validations: few at a time, each only when what it needs is there.
//!
//! A validation holds some 10 KiB, and a look at a domain wants a dozen or two, nearly all of which wait for the same few
//! answers. Asked for beforehand, these are waited for in little room, and validating is then a matter of the processor.

use hickory_proto::rr::{Name, RecordType};
use tokio::sync::SemaphorePermit;

use super::pin::Way;
use super::view::Failure;
use super::why::signer;

/// Validations at once of those whose needs are there: more than there are processors, because some do ask for more.
pub(super) const AT_ONCE: usize = 32;

/// Leave to validate. Nothing that holds it may come for another one.
pub(super) type Room<'a> = Option<SemaphorePermit<'a>>;

impl Way {
    /// Waits until the answer to a question is there, with the keys of who signed it, and then for room to validate it.
    ///
    /// Where it is not all there (a server that gives no keys) or not remembered, validating will have to wait for others. That
    /// must not keep the room from those who need not, so leave is given without any.
    ///
    /// # Errors
    /// When the answer was asked for and did not come.
    pub(super) async fn room(&self, name: &Name, kind: RecordType) -> Result<Room<'_>, Failure> {
        if !self.remembers(name, kind) {
            return Ok(None);
        }
        let reply = self.resolve(name, kind).await?;
        // A validator asks for no others.
        let Some(signer) = signer(&reply.message).filter(|signer| signer.zone_of(name)) else {
            return Ok(None);
        };
        // What came last is let go: only its being remembered counts.
        drop(reply);
        if self.resolve(&signer, RecordType::DNSKEY).await.is_err() {
            return Ok(None);
        }
        // Never closed; were it, there would be no limit to keep.
        Ok(self.dns.inner.validations.acquire().await.ok())
    }
}
