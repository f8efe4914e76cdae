//! Compares all that can be asked between two operations.

use std::sync::Arc;

use super::mismatch::{Mismatch, same};
use super::summary::{Shown, check_row, check_summary, wall};
use super::{HeldHandle, NAMES, Trial, Ward};
use crate::model::Model;
use crate::model::saved::Saved;
use crate::model::saving::Expected;
use crate::model::tally::Tally;
use crate::model::window::number;
use crate::operation::pool::{IDS, Id};
use crate::shelf::BROKEN;
use crate::way::{Pair, Way};

/// Whole bit/s as a collector shows them.
pub(super) fn top(whole: u64) -> f64 {
    number(whole)
}

/// Whether a bitrate of a collector is this one: both were computed from the same whole numbers, in a few steps.
pub(super) fn is_close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected.abs() * 8.0 * f64::EPSILON
}

impl Trial {
    /// Compares everything.
    pub(super) fn check(&mut self) -> Result<(), Mismatch> {
        self.adopt_tops()?;
        self.check_saves()?;
        for on in 0..self.wards.len() {
            self.check_told(on)?;
            self.check_ward(on)?;
            self.check_summary_if_new(on)?;
        }
        self.handles
            .iter()
            .flatten()
            .try_for_each(|held| self.check_handle(held))?;
        self.check_registry()
    }

    /// Takes over tops that follow a bitrate which the model knows within a bound.
    fn adopt_tops(&mut self) -> Result<(), Mismatch> {
        for on in 0..self.wards.len() {
            let Ward { model, collector, .. } = &self.wards[on];
            let Some(model) = model.map(|model| &mut self.models[model]) else {
                continue;
            };
            let uncertain = model.uncertain();
            for session in &uncertain {
                let id = model.session(*session).id.clone();
                for (way, found) in [
                    (Way::In, collector.session_top_ingress_bitrate(&id)),
                    (Way::Out, collector.session_top_egress_bitrate(&id)),
                ] {
                    let before = *model.session(*session).tops.of(way);
                    #[expect(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a whole number of at most 2^43; what is not is told apart below"
                    )]
                    let whole = found as u64;
                    if !model.adopt_top(*session, way, whole) {
                        let id = id.escape_ascii();
                        return Err(Mismatch::of(
                            format_args!("collector {on}: the top {way:?} of {id}"),
                            found,
                            before,
                        ));
                    }
                }
            }
            if !uncertain.is_empty() {
                model.amend_tops();
            }
        }
        Ok(())
    }

    fn check_ward(&self, on: usize) -> Result<(), Mismatch> {
        let Ward { collector, model, .. } = &self.wards[on];
        let Some(number) = *model else {
            return check_null(&self.wards[on]);
        };
        let model = &self.models[number];
        same!(
            collector.sessions(),
            model.active_sessions(),
            "collector {on}: sessions()"
        );
        same!(
            collector.is_sessions_exceeded(),
            model.is_sessions_exceeded(),
            "collector {on}: is_sessions_exceeded()"
        );
        self.check_bitrates(on, model)?;
        self.check_companions(on, number)?;
        for id in (0..IDS.len()).map(Id) {
            let session = model.find(id.bytes()).map(|session| model.session(session));
            same!(
                collector.is_known_session(id.bytes()),
                session.is_some(),
                "collector {on}: is_known_session({id:?})"
            );
            let tops = session.map_or_else(Pair::default, |session| session.tops);
            let found = Pair {
                rx: collector.session_top_ingress_bitrate(id.bytes()),
                tx: collector.session_top_egress_bitrate(id.bytes()),
            };
            let expected = Pair::each(|way| top(*tops.of(way)));
            same!(found, expected, "collector {on}: session_top_*_bitrate({id:?})");
        }
        let active = collector.active();
        let expected = model.active();
        same!(
            active.len(),
            expected.len(),
            "collector {on}: the number of active()"
        );
        for (found, expected) in active.iter().zip(&expected) {
            check_row("active()", &Shown::of(found), expected)?;
        }
        self.check_health(on, model)
    }

    fn check_bitrates(&self, on: usize, model: &Model) -> Result<(), Mismatch> {
        let collector = &self.wards[on].collector;
        let exceeded = (
            collector.is_ingress_bitrate_exceeded(),
            collector.is_egress_bitrate_exceeded(),
        );
        for (way, bitrate, max, sum, is_exceeded) in [
            (
                Way::In,
                collector.ingress_bitrate(),
                collector.max_ingress_bitrate(),
                collector.top_ingress_bitrate(),
                exceeded.0,
            ),
            (
                Way::Out,
                collector.egress_bitrate(),
                collector.max_egress_bitrate(),
                collector.top_egress_bitrate(),
                exceeded.1,
            ),
        ] {
            let expected = *model.bitrates.of(way);
            if !is_close(bitrate, expected) {
                return Err(Mismatch::of(
                    format_args!("collector {on}: the bitrate {way:?}"),
                    bitrate,
                    expected,
                ));
            }
            same!(max, model.max_bitrate(way), "collector {on}: the limit {way:?}");
            same!(
                sum,
                top(model.top(way)),
                "collector {on}: the sum of tops {way:?}"
            );
            // At the limit itself, rounding decides.
            let is_at_limit = is_close(expected, max);
            same!(
                is_exceeded || is_at_limit,
                model.is_bitrate_exceeded(way) || is_at_limit,
                "collector {on}: whether the bitrate {way:?} is exceeded"
            );
        }
        Ok(())
    }

    fn check_companions(&self, on: usize, number: usize) -> Result<(), Mismatch> {
        let (collector, model) = (&self.wards[on].collector, &self.models[number]);
        for (way, bitrate, sum) in [
            (
                Way::In,
                collector.companion_ingress_bitrate(),
                collector.companion_top_ingress_bitrate(),
            ),
            (
                Way::Out,
                collector.companion_egress_bitrate(),
                collector.companion_top_egress_bitrate(),
            ),
        ] {
            let theirs: f64 = self.sum_of_companions(number, |model| *model.bitrates.of(way));
            let expected = model.bitrates.of(way) + theirs;
            if !is_close(bitrate, expected) {
                return Err(Mismatch::of(
                    format_args!("collector {on}: the bitrate {way:?} with companions"),
                    bitrate,
                    expected,
                ));
            }
            let theirs: u64 = self.sum_of_companions(number, |model| model.top(way));
            same!(
                sum,
                top(model.top(way) + theirs),
                "collector {on}: tops {way:?} with companions"
            );
        }
        Ok(())
    }

    fn check_health(&self, on: usize, model: &Model) -> Result<(), Mismatch> {
        let health = self.wards[on].collector.health();
        same!(
            health.last_tick.map(wall),
            model.last_tick,
            "collector {on}: health().last_tick"
        );
        same!(
            health.last_tick_duration.as_nanos(),
            0,
            "collector {on}: health().last_tick_duration"
        );
        same!(
            health.is_stopped,
            model.is_stopped,
            "collector {on}: health().is_stopped"
        );
        let saving = &model.saving;
        same!(
            health.last_saved.map(wall),
            saving.last_saved,
            "collector {on}: health().last_saved"
        );
        same!(
            health.failed_saves,
            saving.failed,
            "collector {on}: health().failed_saves"
        );
        same!(
            &health.store_error,
            &saving.error,
            "collector {on}: health().store_error"
        );
        let is_good = !model.is_stopped && saving.error.is_none();
        same!(health.is_good(), is_good, "collector {on}: health().is_good()");
        same!(
            Tally::from(health.recovered),
            model.recovered,
            "collector {on}: health().recovered"
        );
        let nothing = (None, 0, 0, 0, Vec::new());
        let found = (
            health.sampler_failure,
            health.undelivered_events,
            health.observer_panics,
            health.limiter_panics,
            health.set_aside,
        );
        same!(found, nothing, "collector {on}: health(), what went wrong");
        Ok(())
    }

    /// A summary that was not published since is the same one.
    fn check_summary_if_new(&mut self, on: usize) -> Result<(), Mismatch> {
        let ward = &mut self.wards[on];
        let Some(model) = ward.model.map(|model| &self.models[model]) else {
            return Ok(());
        };
        let summary = ward.collector.summary();
        let sequence = ward.collector.with_summary(|summary| summary.sequence);
        same!(
            sequence,
            summary.sequence,
            "collector {on}: the sequence, by with_summary()"
        );
        let expected = &model.published;
        if expected.collections == ward.collections {
            same!(
                Arc::ptr_eq(&summary, &ward.summary),
                true,
                "collector {on}: whether summary() is the last one"
            );
            return Ok(());
        }
        same!(
            summary.sequence > ward.summary.sequence,
            true,
            "collector {on}: whether the sequence rose"
        );
        ward.collections = expected.collections;
        ward.summary = Arc::clone(&summary);
        check_summary(&summary, expected, &model.setup)
            .map_err(|mismatch| mismatch.in_part(format_args!("collector {on}")))
    }

    fn check_handle(&self, held: &HeldHandle) -> Result<(), Mismatch> {
        let HeldHandle { handle, of } = held;
        let Some(of) = of else {
            let found = (
                handle.is_known(),
                handle.id().is_some(),
                handle.top_ingress_bitrate(),
            );
            same!(
                found,
                (false, false, 0.0),
                "a null collector's handle: is_known, id, top"
            );
            return Ok(());
        };
        let session = self.models[of.model].session(of.session);
        let id = session.id.escape_ascii();
        same!(
            handle.is_known(),
            session.is_open(),
            "the handle of {id}: is_known()"
        );
        if !matches!(session.phase, crate::model::session::Phase::Refused(_)) {
            let found = handle.id().map(|id| id.as_bytes().to_vec());
            same!(found.as_ref(), Some(&session.id), "the handle of {id}: id()");
        }
        let found = (handle.top_ingress_bitrate(), handle.top_egress_bitrate());
        let expected = (top(session.tops.rx), top(session.tops.tx));
        same!(found, expected, "the handle of {id}: tops");
        Ok(())
    }

    fn check_registry(&self) -> Result<(), Mismatch> {
        let Some(registry) = &self.registry else {
            return Ok(());
        };
        let mut names = NAMES;
        names.sort_unstable();
        same!(registry.collectors(), names, "the registry: collectors()");
        for (name, ward) in NAMES.iter().zip(&self.wards) {
            let summary = registry.summary(name);
            same!(
                Arc::ptr_eq(&summary, &ward.collector.summary()),
                true,
                "the registry: summary({name})"
            );
            same!(
                registry.active(name),
                ward.collector.active(),
                "the registry: active({name})"
            );
        }
        Ok(())
    }

    /// What observers were told.
    pub(super) fn check_told(&mut self, on: usize) -> Result<(), Mismatch> {
        let ward = &self.wards[on];
        let Some(model) = ward.model else {
            return Ok(());
        };
        let told = self.models[model].take_told();
        ward.witness.as_ref().map_or(Ok(()), |witness| {
            witness.check(NAMES.get(on).unwrap_or(&""), &told)
        })
    }

    /// What the store was given, and when.
    pub(super) fn check_saves(&mut self) -> Result<(), Mismatch> {
        let asked = self.shelf.take_asked();
        for (on, name) in NAMES.iter().enumerate() {
            let Some(model) = self.wards[on].model.map(|model| &mut self.models[model]) else {
                continue;
            };
            let expected = std::mem::replace(&mut model.saving.expected, Expected::No);
            let saves: Vec<_> = asked.iter().filter(|save| save.collector == *name).collect();
            let is_right = match expected {
                Expected::No => saves.is_empty(),
                Expected::Yes => saves.len() == 1,
            };
            if !is_right {
                return Err(Mismatch::of(
                    format_args!("collector {on}: saves"),
                    saves,
                    expected,
                ));
            }
            if let [save] = saves[..] {
                same!(
                    Saved::from(&save.snapshot),
                    model.to_save(),
                    "collector {on}: what was saved"
                );
                same!(
                    wall(save.snapshot.taken_at),
                    model.saving.at,
                    "collector {on}: when it was taken"
                );
                let serials: Vec<_> = save.snapshot.open().map(|session| session.serial).collect();
                same!(
                    model.adopt_serials(&serials),
                    true,
                    "collector {on}: whether the serials that were saved are theirs: {serials:?}"
                );
                let error = self.shelf.is_broken().then(|| BROKEN.to_owned());
                if error.is_none() {
                    self.next_serials[on] = model.saving.next_serial;
                }
                model.was_saved(error);
            }
        }
        Ok(())
    }

    /// Summaries that were kept show what they showed.
    pub(super) fn check_kept(&self) -> Result<(), Mismatch> {
        self.kept.iter().try_for_each(|kept| {
            check_summary(&kept.summary, &kept.expected, &kept.setup)
                .map_err(|mismatch| mismatch.in_part("a summary that was kept"))
        })
    }
}

fn check_null(ward: &Ward) -> Result<(), Mismatch> {
    let collector = &ward.collector;
    same!(collector.sessions(), 0, "a null collector: sessions()");
    same!(collector.active().len(), 0, "a null collector: active()");
    same!(collector.summary().sequence, 0, "a null collector: summary()");
    same!(
        collector.summary().totals,
        streamgauge::Stats::default(),
        "a null collector: totals"
    );
    same!(
        collector.is_known_session("a"),
        false,
        "a null collector: is_known_session()"
    );
    let is_exceeded = collector.is_sessions_exceeded()
        || collector.is_ingress_bitrate_exceeded()
        || collector.is_egress_bitrate_exceeded();
    same!(is_exceeded, false, "a null collector: is_*_exceeded()");
    let bitrates = [
        collector.ingress_bitrate(),
        collector.egress_bitrate(),
        collector.top_ingress_bitrate(),
        collector.top_egress_bitrate(),
        collector.companion_ingress_bitrate(),
        collector.companion_top_egress_bitrate(),
        collector.session_top_ingress_bitrate("a"),
    ];
    same!(bitrates, [0.0; 7], "a null collector: bitrates");
    Ok(())
}
