//! What is done to collectors as wholes: companions, limiters, stops, restarts, crashes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use streamgauge::{CollectorConfig, RegistryError};

use super::mismatch::{Mismatch, same};
use super::{NAMES, Trial};
use crate::setup::Setup;

impl Trial {
    pub(super) fn add_companion(&mut self, of: usize, companion: usize) {
        let other = self.wards[companion].collector.clone();
        self.wards[of].collector.add_companion(&other);
        if let (Some(of), Some(companion)) = (self.wards[of].model, self.wards[companion].model) {
            let companions = &mut self.models[of].companions;
            if of != companion && !companions.contains(&companion) {
                companions.push(companion);
            }
        }
    }

    pub(super) fn ask(&self, on: usize, ip: &str) -> Result<(), Mismatch> {
        let ward = &self.wards[on];
        let expected = ward
            .model
            .is_none_or(|model| is_collectable(&self.models[model].setup, ip));
        same!(
            ward.collector.is_collectable_ip(ip),
            expected,
            "collector {on}: is_collectable_ip({ip:?})"
        );
        Ok(())
    }

    pub(super) fn set_calendar(&mut self, seconds: u64) {
        self.now.wall = Duration::from_secs(seconds);
        self.clock.set_wall(SystemTime::UNIX_EPOCH + self.now.wall);
    }

    pub(super) fn stop(&mut self, on: usize) {
        self.wards[on].collector.stop();
        if let Some(model) = self.wards[on].model {
            self.models[model].stop(self.now);
        }
        self.delivered_by(on);
    }

    /// Stops a collector for good, as far as its model goes.
    fn end(&mut self, on: usize) {
        if let Some(model) = self.wards[on].model {
            self.models[model].stop(self.now);
            self.models[model].is_gone = true;
            self.models[model].deliver();
        }
    }

    /// Drops a collector, or unregisters it, and makes it anew.
    pub(super) fn restart(&mut self, on: usize, setup: &Setup) -> Result<(), Mismatch> {
        if self.wards[on].model.is_none() {
            return Ok(());
        }
        if let (Some(name), Some(registry)) = (NAMES.get(on), &self.registry) {
            same!(
                registry.unregister(name).is_ok(),
                true,
                "the registry: unregister {name}"
            );
            self.delivered_by(on);
        }
        self.replace(on, setup)
    }

    /// Puts a new collector in the place of one that nobody else has.
    fn replace(&mut self, on: usize, setup: &Setup) -> Result<(), Mismatch> {
        // Dropped before the next one is made: it may have to save.
        let null = streamgauge::Collector::null();
        drop(std::mem::replace(&mut self.wards[on].collector, null));
        self.end(on);
        self.check_told(on)?;
        self.check_saves()?;
        self.wards[on] = self.open(on, setup)?;
        Ok(())
    }

    pub(super) fn restart_registry(&mut self) -> Result<(), Mismatch> {
        let reader = self.registry.take().map(|registry| registry.reader());
        same!(
            reader.map(|reader| reader.collectors()),
            Some(Vec::new()),
            "a dropped registry: collectors()"
        );
        for on in 0..NAMES.len() {
            self.end(on);
        }
        self.open_registry()?;
        for on in 0..NAMES.len() {
            if let Some(model) = self.wards[on].model {
                let setup = self.models[model].setup.clone();
                self.replace(on, &setup)?;
            }
        }
        Ok(())
    }

    /// Goes on with what the store has. The collectors that were there save to a store that nobody reads.
    pub(super) fn crash(&mut self) -> Result<(), Mismatch> {
        let left_behind = std::mem::take(&mut self.shelf);
        self.shelf = Arc::new(left_behind.copy());
        let registry = self.registry.take();
        self.open_registry()?;
        for on in 0..NAMES.len() {
            if let Some(model) = self.wards[on].model {
                let setup = self.models[model].setup.clone();
                let ward = self.open(on, &setup)?;
                self.end(on);
                self.wards[on] = ward;
            }
        }
        drop(registry);
        Ok(())
    }

    /// What a registry answers to names that it does not have, or cannot take.
    pub(super) fn misuse(&mut self, name: &str) -> Result<(), Mismatch> {
        let Some(registry) = &self.registry else {
            return Ok(());
        };
        let refused = match registry.register(name, CollectorConfig::default()) {
            Err(RegistryError::EmptyId) => name.is_empty(),
            Err(RegistryError::InvalidId { id }) => {
                id == name && !id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            }
            // It is registered now, and taken out again below.
            Ok(_) => name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            Err(_) => false,
        };
        same!(refused, true, "the registry: register({name:?})");
        let is_there = registry.collector(name).is_some();
        same!(
            is_there,
            registry.collectors().iter().any(|id| id == name),
            "the registry: collector({name:?})"
        );
        same!(
            registry.unregister(name).is_ok(),
            is_there,
            "the registry: unregister({name:?})"
        );
        let gone = match registry.unregister(name) {
            Err(RegistryError::EmptyId) => name.is_empty(),
            Err(RegistryError::NotFound { id }) => id == name,
            _ => false,
        };
        same!(
            gone,
            true,
            "the registry: unregister({name:?}) of what is not there"
        );
        same!(
            registry.summary(name).sequence,
            0,
            "the registry: summary({name:?})"
        );
        same!(registry.active(name).len(), 0, "the registry: active({name:?})");
        for name in NAMES {
            let exists = registry.register(name, CollectorConfig::default());
            let is_told = matches!(&exists, Err(RegistryError::Exists { id }) if id == name);
            same!(is_told, true, "the registry: register({name:?}) a second time");
        }
        if is_there {
            // Who stops works the queue off.
            self.delivered_by(0);
        }
        Ok(())
    }
}

/// Whether a setup's lists let an address pass: block first, then allow if there is an allow list.
fn is_collectable(setup: &Setup, text: &str) -> bool {
    let Some(address) = mapped(text) else {
        return false;
    };
    let Some((block, allow)) = setup.lists else {
        return true;
    };
    let is_in = |list: &[&str]| list.iter().any(|network| contains(network.trim(), address));
    !is_in(block) && (allow.iter().all(|network| network.trim().is_empty()) || is_in(allow))
}

/// An address as a family and its bits, from the top; IPv4 in IPv6 is IPv4.
fn mapped(text: &str) -> Option<(u8, u128)> {
    Some(match text.parse().ok()? {
        IpAddr::V4(v4) => (4, u128::from(v4.to_bits()) << 96),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => (4, u128::from(v4.to_bits()) << 96),
            None => (6, v6.to_bits()),
        },
    })
}

fn contains(network: &str, (family, bits): (u8, u128)) -> bool {
    let (address, length) = network.split_once('/').unwrap_or((network, "128"));
    let Some((of, network)) = mapped(address) else {
        return false;
    };
    let differing = (network ^ bits).leading_zeros();
    of == family && length.parse().is_ok_and(|length: u32| differing >= length)
}
