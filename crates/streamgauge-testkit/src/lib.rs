//! What the tests and benches of streamgauge share.
//!
//! Allocators that count and park stand in [`alloc`]; [`rounds`] sizes stress tests by time; [`page`] finds the programs that
//! pages show. With the feature `operations` there is what collectors are asked to do, one after the other ([`Script`], a list of
//! [`Operation`]s), and a reference model that a [`trial`] holds every answer against.

pub mod alloc;
mod bounds;
#[cfg(feature = "operations")]
mod model;
#[cfg(feature = "operations")]
pub mod operation;
pub mod page;
mod rounds;
#[cfg(feature = "operations")]
mod script;
#[cfg(feature = "operations")]
mod setup;
#[cfg(feature = "operations")]
mod shelf;
#[cfg(feature = "operations")]
pub mod trial;
#[cfg(feature = "operations")]
mod way;

pub use alloc::park::ParkPoint;
pub use alloc::{CountingAllocator, Counts, count};
#[cfg(feature = "operations")]
pub use operation::Operation;
pub use rounds::rounds;
#[cfg(feature = "operations")]
pub use script::Script;
#[cfg(feature = "operations")]
pub use setup::Setup;
#[cfg(feature = "operations")]
pub use way::{Pair, Way};
