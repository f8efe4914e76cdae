//! A list of operations and the collectors that they are for, made of bytes.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::any;
use proptest::strategy::Strategy;

use crate::operation::Operation;
use crate::setup::Setup;

/// How many bytes stand for a setup.
const SETUP: usize = 14;

/// How many bytes stand for an operation: those of the one that has a setup.
const OPERATION: usize = 2 + SETUP;

/// Setups of the collectors, and what is done to them.
///
/// Each setup and each operation is made of as many bytes, whether it needs all of them or not. So a change of some bytes
/// changes one operation, and leaving a record out leaves one out.
#[derive(Clone, PartialEq)]
pub struct Script {
    /// The setups of the first three collectors.
    pub setups: [Setup; 3],
    /// What is done, in order.
    pub operations: Vec<Operation>,
}

impl Script {
    /// The script that these bytes stand for: three setups, then an operation in each sixteen bytes, of which the last may
    /// have fewer.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let setups = bytes.len().min(3 * SETUP);
        let (setups, operations) = bytes.split_at(setups);
        let mut setups = setups.chunks(SETUP);
        Self {
            setups: std::array::from_fn(|_| made_of(setups.next().unwrap_or_default())),
            operations: operations.chunks(OPERATION).filter_map(drawn).collect(),
        }
    }

    /// Scripts of so many operations, for proptest. They shrink to fewer operations, and each to plainer ones.
    pub fn strategy(operations: impl Into<SizeRange>) -> impl Strategy<Value = Self> {
        let setups = any::<[[u8; SETUP]; 3]>();
        let operations = vec(any::<[u8; OPERATION]>(), operations);
        (setups, operations).prop_map(|(setups, operations)| Self {
            setups: setups.each_ref().map(|bytes| made_of(bytes)),
            operations: operations.iter().filter_map(|bytes| drawn(bytes)).collect(),
        })
    }
}

fn made_of(bytes: &[u8]) -> Setup {
    drawn(bytes).unwrap_or_default()
}

/// Bytes that are missing are zeros, and no draw refuses any, so this answers a value.
fn drawn<'a, T: Arbitrary<'a>>(bytes: &'a [u8]) -> Option<T> {
    T::arbitrary(&mut Unstructured::new(bytes)).ok()
}

impl fmt::Debug for Script {
    /// One line for each operation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, setup) in self.setups.iter().enumerate() {
            writeln!(f, "collector {number}: {setup:?}")?;
        }
        for (number, operation) in self.operations.iter().enumerate() {
            writeln!(f, "{number:4}  {operation:?}")?;
        }
        Ok(())
    }
}
