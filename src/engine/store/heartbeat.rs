//! Keeps a lease alive while a long call is under way.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Store;
use super::lease::Lease;

/// Renews a lease in the background until dropped.
///
/// When the lease is lost, nothing under way can be called back; start nothing new, and expect
/// [`StoreError::Fenced`](super::StoreError::Fenced) from the next write.
#[derive(Debug)]
pub struct Heartbeat {
    lost: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Heartbeat {
    /// Renew `lease` to `ttl` three times in each `ttl`. Give the `ttl` it was claimed with.
    pub fn start(store: Arc<dyn Store>, lease: Lease, ttl: Duration) -> Self {
        let (tell, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            // By the monotonic clock, from before the store was asked: never later than the store's own end.
            let mut ends = Instant::now() + ttl;
            loop {
                tokio::time::sleep(ttl / 3).await;
                let asked = Instant::now();
                let left = ends.saturating_duration_since(asked);
                match tokio::time::timeout(left, store.renew(&lease, ttl)).await {
                    Ok(Ok(_)) => ends = asked + ttl,
                    Ok(Err(error)) if error.is_transient() => {
                        tracing::warn!(%error, "lease not renewed yet");
                    }
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "lease lost");
                        break;
                    }
                    Err(_) => {
                        tracing::warn!(run = %lease.run, "lease not renewed in time");
                        break;
                    }
                }
            }
            tell.send_replace(true);
        });
        Self { lost, task }
    }

    /// Whether the lease is lost.
    pub fn is_lost(&self) -> bool {
        *self.lost.borrow()
    }

    /// Returns when the lease is lost.
    pub async fn lost(&self) {
        // An error means that the task is gone, and the lease with it.
        let _ = self.lost.clone().wait_for(|lost| *lost).await;
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
