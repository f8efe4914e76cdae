//! How fast: the verbs of a [`Collector`] that ask for bitrates and their limits, and set tops.

use super::Collector;
use crate::direction::Direction;
use crate::session::top::whole_bitrate;
use crate::summary::active::as_bitrate;
use crate::table::Lookup;

impl Collector {
    /// The ingress bitrate of all sessions, in bit/s, as of the last tick: a window over totals, so bytes of sessions
    /// that closed within it stay in.
    ///
    /// It lags by up to one sample interval, and the window reaches back by up to one tick spacing more than configured.
    ///
    /// Cost: one relaxed load.
    #[must_use]
    pub fn ingress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.bitrate(Direction::Ingress))
    }

    /// The egress bitrate of all sessions; as [`ingress_bitrate`](Self::ingress_bitrate).
    #[must_use]
    pub fn egress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.bitrate(Direction::Egress))
    }

    /// The configured limit of the ingress bitrate, in bit/s; 0: none.
    #[must_use]
    pub fn max_ingress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| {
            as_bitrate(core.limits.max_bitrate(Direction::Ingress))
        })
    }

    /// The configured limit of the egress bitrate, in bit/s; 0: none.
    #[must_use]
    pub fn max_egress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| as_bitrate(core.limits.max_bitrate(Direction::Egress)))
    }

    /// The sum of the top ingress bitrates of all sessions, pending ones included, in bit/s, now.
    ///
    /// Cost: one relaxed load.
    #[must_use]
    pub fn top_ingress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.top_bitrate(Direction::Ingress))
    }

    /// The sum of the top egress bitrates of all sessions, pending ones included, in bit/s, now.
    ///
    /// Cost: one relaxed load.
    #[must_use]
    pub fn top_egress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.top_bitrate(Direction::Egress))
    }

    /// Whether the ingress bitrate is above its limit. False where there is none.
    #[must_use]
    pub fn is_ingress_bitrate_exceeded(&self) -> bool {
        self.is_bitrate_exceeded(Direction::Ingress)
    }

    /// Whether the egress bitrate is above its limit. False where there is none.
    #[must_use]
    pub fn is_egress_bitrate_exceeded(&self) -> bool {
        self.is_bitrate_exceeded(Direction::Egress)
    }

    fn is_bitrate_exceeded(&self, direction: Direction) -> bool {
        self.ask(false, |core| {
            let max = core.limits.max_bitrate(direction);
            max != 0 && core.bitrate(direction) > as_bitrate(max)
        })
    }

    /// The decaying top of a session's ingress bitrate, in bit/s; 0 for an unknown id.
    #[must_use]
    pub fn session_top_ingress_bitrate(&self, id: impl AsRef<[u8]>) -> f64 {
        self.session_top(id.as_ref(), Direction::Ingress)
    }

    /// The decaying top of a session's egress bitrate, in bit/s; 0 for an unknown id.
    #[must_use]
    pub fn session_top_egress_bitrate(&self, id: impl AsRef<[u8]>) -> f64 {
        self.session_top(id.as_ref(), Direction::Egress)
    }

    fn session_top(&self, id: &[u8], direction: Direction) -> f64 {
        self.ask(0.0, |core| {
            core.roster
                .table
                .with(id, |session| as_bitrate(session.top(direction)))
                .unwrap_or(0.0)
        })
    }

    /// Sets the top of a session's ingress bitrate, in bit/s, rounded to whole ones; pending sessions too. The sum shows
    /// it to the very next caller. NaN and negatives are ignored.
    pub fn session_set_top_ingress_bitrate(&self, id: impl AsRef<[u8]>, bitrate: f64) {
        self.set_session_top(id.as_ref(), Direction::Ingress, bitrate);
    }

    /// Sets the top of a session's egress bitrate; as
    /// [`session_set_top_ingress_bitrate`](Self::session_set_top_ingress_bitrate).
    pub fn session_set_top_egress_bitrate(&self, id: impl AsRef<[u8]>, bitrate: f64) {
        self.set_session_top(id.as_ref(), Direction::Egress, bitrate);
    }

    fn set_session_top(&self, id: &[u8], direction: Direction, bitrate: f64) {
        if let (Some(core), Some(top)) = (self.core(), whole_bitrate(bitrate)) {
            core.roster.table.with(id, |session| {
                session.set_top(&core.roster.population, direction, top)
            });
        }
    }

    /// Has the bitrates of another collector count along in the `companion_*` answers and in `try_register` of this one.
    /// Not recursive, and not mutual. Held weakly. Itself, or one that is added already, is ignored.
    pub fn add_companion(&self, companion: &Self) {
        if let (Some(own), Some(other)) = (self.core(), companion.core()) {
            own.companions.add(own, other);
        }
    }

    /// The ingress bitrates of this collector and its companions, in bit/s.
    #[must_use]
    pub fn companion_ingress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.companion_bitrate(Direction::Ingress))
    }

    /// The egress bitrates of this collector and its companions, in bit/s.
    #[must_use]
    pub fn companion_egress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.companion_bitrate(Direction::Egress))
    }

    /// The sums of the top ingress bitrates of this collector and its companions, in bit/s.
    #[must_use]
    pub fn companion_top_ingress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.companion_top_bitrate(Direction::Ingress))
    }

    /// The sums of the top egress bitrates of this collector and its companions, in bit/s.
    #[must_use]
    pub fn companion_top_egress_bitrate(&self) -> f64 {
        self.ask(0.0, |core| core.companion_top_bitrate(Direction::Egress))
    }
}
