//! Running, draining, ending: what tasks wait for, and who waits for tasks.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The states of a relay that tasks follow. Clones are of the same relay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lifecycle {
    drain: CancellationToken,
    end: CancellationToken,
    tasks: TaskTracker,
    /// What goes on while sessions end.
    servants: TaskTracker,
}

impl Lifecycle {
    /// Starts a task that the end of the relay waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn(task));
    }

    /// Starts a task that the end of the relay waits for, and draining does not: one that serves until the end.
    pub(crate) fn spawn_servant(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.servants.spawn(task));
    }

    /// Resolves when no more clients are to be taken.
    pub(crate) async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Resolves when sessions are to end.
    pub(crate) async fn ending(&self) {
        self.end.cancelled().await;
    }

    /// Whether no more clients are to be taken.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Takes no more clients, waits for who is there, and ends who is there after so long. Whether none was.
    pub(crate) async fn drain(&self, timeout: Duration) -> bool {
        self.drain.cancel();
        self.tasks.close();
        let drained = tokio::time::timeout(timeout, self.tasks.wait()).await.is_ok();
        self.end().await;
        drained
    }

    /// Tells everything to end at once.
    pub(crate) fn cancel(&self) {
        self.drain.cancel();
        self.end.cancel();
    }

    /// Ends everything at once, and waits until it has.
    pub(crate) async fn end(&self) {
        self.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.servants.close();
        self.servants.wait().await;
    }
}
