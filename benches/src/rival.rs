//! The rivals: what else a program could count with, one kind to a file.
//!
//! Each is written as somebody would who wants it fast: the ids are hashed by ahash where the kind leaves a choice, no call
//! clones an `Arc`, and nothing is counted that was not asked for. Two are there with the hash of the standard library as
//! well, which they have where nobody chooses.

pub mod atomic;
pub mod dashmap;
pub mod lock_per_session;
pub mod metrics;
pub mod mutex;
pub mod papaya;
pub mod prometheus;
pub mod prometheus_client;
pub mod scc;
pub mod session;

pub use self::dashmap::{Dash, DashByDefault};
pub use self::lock_per_session::{LockByDefault, LockPerSession};
pub use self::metrics::Metrics;
pub use self::mutex::Locked;
pub use self::papaya::Papaya;
pub use self::prometheus::Prometheus;
pub use self::prometheus_client::PrometheusClient;
pub use self::scc::Scc;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdBuffer;
    use crate::meter::{Meter, Ours};

    fn registers_counts_and_forgets<M: Meter>() {
        let (meter, mut id) = (M::default(), IdBuffer::default());
        assert!(meter.register(id.format(7)) && meter.register(id.format(8)));
        assert!(!meter.register(id.format(7)), "{}", M::NAME);
        assert!(meter.ingress(id.format(7), 1) && meter.ingress(id.format(8), 2));
        assert_eq!(meter.total(), 3, "{}", M::NAME);
        assert!(meter.unregister(id.format(7)), "{}", M::NAME);
        assert!(!meter.unregister(id.format(7)), "{}", M::NAME);
        assert_eq!(meter.total(), 2, "{}", M::NAME);
    }

    fn knows_whom_it_does_not_know<M: Meter>() {
        let (meter, mut id) = (M::default(), IdBuffer::default());
        assert!(!meter.ingress(id.format(7), 1), "{}", M::NAME);
    }

    #[test]
    fn every_meter_registers_counts_and_forgets() {
        registers_counts_and_forgets::<Ours>();
        registers_counts_and_forgets::<Dash>();
        registers_counts_and_forgets::<DashByDefault>();
        registers_counts_and_forgets::<LockPerSession>();
        registers_counts_and_forgets::<LockByDefault>();
        registers_counts_and_forgets::<Locked>();
        registers_counts_and_forgets::<Papaya>();
        registers_counts_and_forgets::<Scc>();
        registers_counts_and_forgets::<Metrics>();
        registers_counts_and_forgets::<Prometheus>();
        registers_counts_and_forgets::<PrometheusClient>();
    }

    #[test]
    fn maps_of_sessions_know_whom_they_do_not_know() {
        knows_whom_it_does_not_know::<Ours>();
        knows_whom_it_does_not_know::<Dash>();
        knows_whom_it_does_not_know::<LockPerSession>();
        knows_whom_it_does_not_know::<Locked>();
        knows_whom_it_does_not_know::<Papaya>();
        knows_whom_it_does_not_know::<Scc>();
    }
}
