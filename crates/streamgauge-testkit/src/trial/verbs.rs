//! Each operation, done twice: to a collector, and to its model. What it answers is compared here.

use streamgauge::{Admission, SessionHandle, Verdict};

use super::mismatch::{Mismatch, same};
use super::{HeldHandle, HeldShared, HeldWriter, Kept, Pointer, Trial, WrittenTo};
use crate::model::session::Place;
use crate::operation::pool::Id;
use crate::operation::{COLLECTORS, Expectation, Labels, Operation, Route, SLOTS, Whom};
use crate::way::{Pair, Way};

/// Under which id sessions come that are there for one operation.
const VISITOR: Id = Id(1);

impl Trial {
    /// Does one operation.
    pub(super) fn perform(&mut self, operation: &Operation) -> Result<(), Mismatch> {
        match operation {
            Operation::Advance(nanos) => self.advance(*nanos),
            Operation::AdvanceAndTick(on, nanos) => {
                self.advance(*nanos);
                self.tick(*on);
            }
            Operation::Tick(on) => self.tick(*on),
            Operation::Refresh(on) => return self.refresh(*on),
            Operation::Register(on, id, labels, activate, slot) => {
                self.register(*on, *id, *labels, *activate, *slot);
            }
            Operation::TryRegister(on, id, labels, expectation, slot) => {
                return self.try_register(*on, *id, *labels, *expectation, *slot);
            }
            Operation::Find(on, id, slot) => return self.find(*on, *id, *slot),
            Operation::Share(from, to) => self.share(*from, *to),
            Operation::Write(from, to) => self.write(*from, *to),
            Operation::Drop(slot) => {
                self.handles[*slot] = None;
                self.shared[*slot] = None;
                self.drop_writer(*slot);
            }
            Operation::Count(route, way, bytes) => return self.count(*route, *way, *bytes),
            Operation::Burst(on, way, at_once, calls) => return self.burst(*on, *way, *at_once, calls),
            Operation::Visits(on, visits) => {
                for (labels, way, bytes) in visits {
                    let visitor = Whom::Id(*on, VISITOR);
                    self.register(*on, VISITOR, *labels, true, SLOTS);
                    self.count(Route::Plain(visitor), *way, *bytes)?;
                    self.unregister(visitor)?;
                }
            }
            Operation::Fill(route, way, calls) => {
                for _ in 0..*calls {
                    self.count(*route, *way, 1 << 48)?;
                }
            }
            Operation::Activate(whom) => return self.activate(*whom),
            Operation::Unregister(whom) => return self.unregister(*whom),
            Operation::Extra(whom, extra) => self.extra(*whom, extra),
            Operation::SetTop(whom, way, bitrate) => self.set_top(*whom, *way, *bitrate),
            Operation::Companion(of, companion) => self.add_companion(*of, *companion),
            Operation::Ask(on, ip) => return self.ask(*on, ip),
            Operation::Keep(on) => self.keep(*on),
            Operation::SetCalendar(seconds) => self.set_calendar(*seconds),
            Operation::Stop(on) => self.stop(*on),
            Operation::Restart(on, setup) => return self.restart(*on, setup),
            Operation::RestartRegistry => return self.restart_registry(),
            Operation::Crash => return self.crash(),
            Operation::BreakStore(is_broken) => self.shelf.set_broken(*is_broken),
            Operation::Misuse(name) => return self.misuse(name),
        }
        Ok(())
    }

    fn tick(&mut self, on: usize) {
        let registry = [0, 1];
        let ticked = if on == COLLECTORS {
            &registry[..]
        } else {
            std::slice::from_ref(&on)
        };
        if on == COLLECTORS {
            if let Some(registry) = &self.registry {
                registry.tick();
            }
        } else {
            self.wards[on].collector.tick();
        }
        for on in ticked {
            if let Some(model) = self.wards[*on].model {
                self.models[model].tick(self.now);
            }
            self.delivered_by(*on);
        }
    }

    fn refresh(&mut self, on: usize) -> Result<(), Mismatch> {
        let found = self.wards[on].collector.refresh();
        let summary = self.wards[on].collector.summary();
        same!(
            found.sequence,
            summary.sequence,
            "collector {on}: the summary of the refresh"
        );
        if let Some(model) = self.wards[on].model {
            self.models[model].refresh(self.now);
        }
        self.delivered_by(on);
        Ok(())
    }

    fn register(&mut self, on: usize, id: Id, labels: Labels, activate: bool, slot: usize) {
        let Labels([reference, location, peer]) = labels;
        let collector = &self.wards[on].collector;
        let handle = if activate {
            collector.register_and_activate(id.bytes(), reference, location, peer)
        } else {
            collector.register(id.bytes(), reference, location, peer)
        };
        let of = self.wards[on].model.map(|number| {
            let model = &mut self.models[number];
            let registered = model.register(id.bytes(), labels, Pair::default(), self.now);
            if activate && registered.refused.is_none() {
                model.activate(registered.session);
            }
            Pointer {
                model: number,
                session: registered.session,
            }
        });
        self.hold(slot, handle, of);
    }

    fn try_register(
        &mut self,
        on: usize,
        id: Id,
        labels: Labels,
        expectation: Expectation,
        slot: usize,
    ) -> Result<(), Mismatch> {
        let Labels([reference, location, peer]) = labels;
        let admission = Admission {
            expected_ingress: expectation.ingress,
            expected_egress: expectation.egress,
            headroom: expectation.headroom,
        };
        let collector = &self.wards[on].collector;
        let found = collector.try_register(id.bytes(), reference, location, peer, admission);
        let Some(model) = self.wards[on].model else {
            same!(found.as_ref().err(), None, "a null collector: try_register");
            if let Ok(handle) = found {
                self.hold(slot, handle, None);
            }
            return Ok(());
        };
        let companions = Pair::each(|way| self.sum_of_companions(model, |model| model.top(way)));
        let expected = self.models[model].try_register(id.bytes(), labels, expectation, companions, self.now);
        same!(
            found.as_ref().err(),
            expected.as_ref().err(),
            "collector {on}: try_register"
        );
        if let (Ok(handle), Ok(registered)) = (found, expected) {
            let session = registered.session;
            self.hold(slot, handle, Some(Pointer { model, session }));
        }
        Ok(())
    }

    /// Keeps a handle, if there is a slot of that number.
    fn hold(&mut self, slot: usize, handle: SessionHandle, of: Option<Pointer>) {
        if slot < SLOTS {
            self.handles[slot] = Some(HeldHandle { handle, of });
        }
    }

    fn find(&mut self, on: usize, id: Id, slot: usize) -> Result<(), Mismatch> {
        let found = self.wards[on].collector.session(id.bytes());
        let expected = self.find_pointer(on, id);
        same!(
            found.is_some(),
            expected.is_some(),
            "collector {on}: session({id:?})"
        );
        if let Some(handle) = found {
            self.hold(slot, handle, expected);
        }
        Ok(())
    }

    fn find_pointer(&self, on: usize, id: Id) -> Option<Pointer> {
        let model = self.wards[on].model?;
        let session = self.models[model].find(id.bytes())?;
        Some(Pointer { model, session })
    }

    /// Whom the models know; nobody, where there is none, or the session is a null collector's.
    fn pointer(&self, whom: Whom) -> Option<Pointer> {
        match whom {
            Whom::Id(on, id) => self.find_pointer(on, id),
            Whom::Handle(slot) => self.handles[slot].as_ref()?.of,
        }
    }

    fn share(&mut self, from: usize, to: usize) {
        let held = self.handles[from].as_ref();
        self.shared[to] = held.map(|held| HeldShared {
            shared: held.handle.shared(),
            of: held.of,
        });
    }

    fn write(&mut self, from: usize, into: usize) {
        self.drop_writer(into);
        let Some(held) = self.handles[from].as_ref() else {
            return;
        };
        let writer = held.handle.writer();
        let to = held.of.map_or(WrittenTo::Null, |of| {
            match self.models[of.model].write(of.session) {
                Ok(cell) => WrittenTo::Cell(of, Place::Cell(cell)),
                Err(verdict) => WrittenTo::Nowhere(verdict),
            }
        });
        self.writers[into] = Some(HeldWriter { writer, to });
    }

    fn drop_writer(&mut self, slot: usize) {
        if let Some(HeldWriter {
            to: WrittenTo::Cell(of, Place::Cell(cell)),
            ..
        }) = self.writers[slot].take()
        {
            self.models[of.model].drop_writer(of.session, cell);
        }
    }

    fn count(&mut self, route: Route, way: Way, bytes: u64) -> Result<(), Mismatch> {
        let (found, expected) = match route {
            Route::Plain(Whom::Id(on, id)) => {
                let collector = &self.wards[on].collector;
                let found = match way {
                    Way::In => collector.ingress(id.bytes(), bytes),
                    Way::Out => collector.egress(id.bytes(), bytes),
                };
                let model = self.wards[on].model;
                let expected = model.map(|model| self.models[model].count_by_id(id.bytes(), way, bytes));
                (found, expected)
            }
            Route::Plain(Whom::Handle(slot)) => {
                let Some(held) = &self.handles[slot] else {
                    return Ok(());
                };
                let found = match way {
                    Way::In => held.handle.ingress(bytes),
                    Way::Out => held.handle.egress(bytes),
                };
                let of = held.of;
                (found, of.map(|of| self.count_in(of, Place::Words, way, bytes)))
            }
            Route::Shared(slot) => {
                let Some(held) = &self.shared[slot] else {
                    return Ok(());
                };
                let found = match way {
                    Way::In => held.shared.ingress(bytes),
                    Way::Out => held.shared.egress(bytes),
                };
                let of = held.of;
                (found, of.map(|of| self.count_in(of, Place::Stripe, way, bytes)))
            }
            Route::Writer(slot) => {
                let Some(held) = &mut self.writers[slot] else {
                    return Ok(());
                };
                let found = match way {
                    Way::In => held.writer.ingress(bytes),
                    Way::Out => held.writer.egress(bytes),
                };
                let expected = match held.to {
                    WrittenTo::Null => None,
                    WrittenTo::Cell(of, place) => Some(self.count_in(of, place, way, bytes)),
                    WrittenTo::Nowhere(_) if bytes > 1 << 48 => {
                        Some(Verdict::Refused(streamgauge::RefuseReason::TooLarge))
                    }
                    WrittenTo::Nowhere(verdict) => Some(verdict),
                };
                (found, expected)
            }
        };
        same!(
            found,
            expected.unwrap_or(Verdict::Counted),
            "the verdict of {bytes} bytes {way:?} by {route:?}"
        );
        Ok(())
    }

    fn count_in(&mut self, of: Pointer, place: Place, way: Way, bytes: u64) -> Verdict {
        self.models[of.model].count(of.session, place, way, bytes)
    }

    fn burst(&mut self, on: usize, way: Way, at_once: bool, calls: &[(Id, u64)]) -> Result<(), Mismatch> {
        let burst = self.wards[on].collector.burst();
        let calls: Vec<(&[u8], u64)> = calls.iter().map(|(id, bytes)| (id.bytes(), *bytes)).collect();
        let mut found = Vec::new();
        if at_once {
            let answer = |at, verdict| found.push((at, verdict));
            match way {
                Way::In => burst.ingress_all(&calls, answer),
                Way::Out => burst.egress_all(&calls, answer),
            }
        } else {
            let one = |(id, bytes): &(&[u8], u64)| match way {
                Way::In => burst.ingress(id, *bytes),
                Way::Out => burst.egress(id, *bytes),
            };
            found.extend(calls.iter().map(one).enumerate());
        }
        let model = self.wards[on].model;
        let expected: Vec<_> = calls
            .iter()
            .map(|(id, bytes)| {
                model.map_or(Verdict::Counted, |model| {
                    self.models[model].count_by_id(id, way, *bytes)
                })
            })
            .enumerate()
            .collect();
        same!(found, expected, "collector {on}: the verdicts of a burst");
        Ok(())
    }

    fn activate(&mut self, whom: Whom) -> Result<(), Mismatch> {
        let found = match whom {
            Whom::Id(on, id) => self.wards[on].collector.activate(id.bytes()),
            Whom::Handle(slot) => self.handles[slot]
                .as_ref()
                .is_some_and(|held| held.handle.activate()),
        };
        let of = self.pointer(whom);
        let expected = of.is_some_and(|of| self.models[of.model].activate(of.session));
        same!(found, expected, "activate {whom:?}");
        Ok(())
    }

    fn unregister(&mut self, whom: Whom) -> Result<(), Mismatch> {
        let found = match whom {
            Whom::Id(on, id) => self.wards[on].collector.unregister(id.bytes()),
            Whom::Handle(slot) => self.handles[slot]
                .as_ref()
                .is_some_and(|held| held.handle.unregister()),
        };
        let of = self.pointer(whom);
        let expected = of.is_some_and(|of| self.models[of.model].unregister(of.session, self.now));
        same!(found, expected, "unregister {whom:?}");
        Ok(())
    }

    fn extra(&mut self, whom: Whom, extra: &str) {
        match whom {
            Whom::Id(on, id) => self.wards[on].collector.extra(id.bytes(), extra),
            Whom::Handle(slot) => {
                if let Some(held) = &self.handles[slot] {
                    held.handle.extra(extra);
                }
            }
        }
        if let Some(of) = self.pointer(whom) {
            self.models[of.model].extra(of.session, extra);
        }
    }

    fn set_top(&mut self, whom: Whom, way: Way, bitrate: f64) {
        match (whom, way) {
            (Whom::Id(on, id), Way::In) => {
                self.wards[on]
                    .collector
                    .session_set_top_ingress_bitrate(id.bytes(), bitrate);
            }
            (Whom::Id(on, id), Way::Out) => {
                self.wards[on]
                    .collector
                    .session_set_top_egress_bitrate(id.bytes(), bitrate);
            }
            (Whom::Handle(slot), way) => {
                if let Some(held) = &self.handles[slot] {
                    match way {
                        Way::In => held.handle.set_top_ingress_bitrate(bitrate),
                        Way::Out => held.handle.set_top_egress_bitrate(bitrate),
                    }
                }
            }
        }
        if let Some(of) = self.pointer(whom) {
            self.models[of.model].set_top(of.session, way, bitrate);
        }
    }

    fn keep(&mut self, on: usize) {
        if let Some(model) = self.wards[on].model {
            self.kept.push(Kept {
                summary: self.wards[on].collector.summary(),
                expected: self.models[model].published.clone(),
                setup: self.models[model].setup.clone(),
            });
        }
    }
}
