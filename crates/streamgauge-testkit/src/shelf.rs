//! A store in memory: what was saved last, under each name, and each save that was asked for since anybody looked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use streamgauge::{HistorySnapshot, HistoryStore, Loaded, StoreError};

/// What a store that is broken says.
pub(crate) const BROKEN: &str = "the shelf is broken";

/// A save that was asked for.
#[derive(Debug)]
pub(crate) struct Save {
    pub(crate) collector: String,
    pub(crate) snapshot: HistorySnapshot,
}

/// Histories in memory.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    kept: BTreeMap<String, HistorySnapshot>,
    asked: Vec<Save>,
    is_broken: bool,
}

impl Shelf {
    fn open(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shelf with what this one has now.
    pub(crate) fn copy(&self) -> Self {
        let content = self.open();
        Self(Mutex::new(Content {
            kept: content.kept.clone(),
            asked: Vec::new(),
            is_broken: content.is_broken,
        }))
    }

    pub(crate) fn set_broken(&self, is_broken: bool) {
        self.open().is_broken = is_broken;
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.open().is_broken
    }

    pub(crate) fn take_asked(&self) -> Vec<Save> {
        std::mem::take(&mut self.open().asked)
    }

    pub(crate) fn kept(&self, collector: &str) -> Option<HistorySnapshot> {
        self.open().kept.get(collector).cloned()
    }
}

impl HistoryStore for Shelf {
    fn load(&self, collector: &str) -> Result<Loaded, StoreError> {
        Ok(self.kept(collector).map_or(Loaded::Nothing, Loaded::History))
    }

    fn save(&self, collector: &str, snapshot: &HistorySnapshot) -> Result<(), StoreError> {
        let mut content = self.open();
        content.asked.push(Save {
            collector: collector.to_owned(),
            snapshot: snapshot.clone(),
        });
        if content.is_broken {
            return Err(StoreError::Other(BROKEN.to_owned()));
        }
        content.kept.insert(collector.to_owned(), snapshot.clone());
        Ok(())
    }
}
