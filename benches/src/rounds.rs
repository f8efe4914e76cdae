//! Rounds in which contestants take turns, so that whatever slows the machine for a while slows all of them.
//!
//! A contestant is given a number of calls and answers how long they took. Before the first round each is warmed up and
//! its number of calls is found, so that a turn takes about [`span`](Rounds::span). The one that begins changes from round
//! to round.

use std::fmt;
use std::time::{Duration, Instant};

use crate::crew::{Crew, Work};
use crate::series::Series;

/// How often and how long.
#[derive(Clone, Copy, Debug)]
pub struct Rounds {
    /// How many rounds.
    pub count: usize,
    /// How long one turn of one contestant takes, about.
    pub span: Duration,
}

/// A turn has no more calls than this, however little each takes.
const MOST_CALLS: u64 = 1 << 32;

/// The total that a crew's calls are found in, where it has one.
pub type Total<'a> = Option<&'a dyn Fn() -> u64>;

/// One who takes turns.
pub struct Contestant<'a> {
    turn: Box<dyn FnMut(u64) -> Duration + 'a>,
    calls: Option<u64>,
}

impl<'a> Contestant<'a> {
    /// A contestant that does as many calls as fit, and answers how long they took.
    pub fn new(turn: impl FnMut(u64) -> Duration + 'a) -> Self {
        Self {
            turn: Box::new(turn),
            calls: None,
        }
    }

    /// A contestant that runs on the calling thread, timed from outside.
    pub fn here(mut work: impl FnMut(u64) + 'a) -> Self {
        Self::new(move |calls| {
            let start = Instant::now();
            work(calls);
            start.elapsed()
        })
    }

    /// A contestant whose calls are done by each thread of a crew.
    pub fn crew(crew: &'a mut Crew) -> Self {
        Self::new(|calls| crew.run(calls))
    }

    /// A contestant that does the same thing once in each turn, and is not warmed up.
    pub fn once(mut turn: impl FnMut() -> Duration + 'a) -> Self {
        Self {
            turn: Box::new(move |_| turn()),
            calls: Some(1),
        }
    }

    /// Warms up, and finds how many calls fit into `span`.
    fn prepare(&mut self, span: Duration) {
        if self.calls.is_some() {
            return;
        }
        let mut calls = 64;
        self.calls = loop {
            let took = (self.turn)(calls);
            if took * 4 >= span || calls >= MOST_CALLS {
                let fitting = u128::from(calls) * span.as_nanos() / took.as_nanos().max(1);
                break Some(u64::try_from(fitting).unwrap_or(calls).max(1));
            }
            calls *= 2;
        };
    }
}

impl fmt::Debug for Contestant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contestant")
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Rounds {
    /// Lets the contestants take turns; the time of one call of each, for each round.
    pub fn play<const N: usize>(&self, mut contestants: [Contestant<'_>; N]) -> [Series; N] {
        for contestant in &mut contestants {
            contestant.prepare(self.span);
        }
        let mut series = [const { None }; N].map(|none: Option<Series>| none.unwrap_or_default());
        for round in 0..self.count {
            for turn in 0..N {
                let place = (round + turn) % N;
                let contestant = &mut contestants[place];
                let calls = contestant.calls.unwrap_or(1);
                series[place].push_time((contestant.turn)(calls), calls);
            }
        }
        series
    }

    /// The same for crews, which end afterwards. `totals` are what each crew's calls are found in.
    ///
    /// # Panics
    ///
    /// Panics where a total is not what the crew's threads have done.
    pub fn play_crews<const N: usize>(&self, work: [(Vec<Work>, Total<'_>); N]) -> [Series; N] {
        let mut before = [0; N];
        let mut place = 0;
        let mut crews = work.map(|(work, total)| {
            before[place] = total.map_or(0, |total| total());
            place += 1;
            (Crew::new(work), total)
        });
        let series = self.play(crews.each_mut().map(|(crew, _)| Contestant::crew(crew)));
        for ((crew, total), before) in crews.into_iter().zip(before) {
            let calls = crew.finish();
            if let Some(total) = total {
                assert_eq!(total() - before, calls, "calls were lost");
            }
        }
        series
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn contestants_take_turns_and_another_begins_each_round() {
        let order = RefCell::new(String::new());
        let turn = |name: char, micros| {
            let order = &order;
            Contestant::once(move || {
                order.borrow_mut().push(name);
                Duration::from_micros(micros)
            })
        };
        let rounds = Rounds {
            count: 3,
            span: Duration::ZERO,
        };
        let [a, b] = rounds.play([turn('a', 1), turn('b', 3)]);
        assert_eq!(*order.borrow(), "abbaab");
        assert_eq!((a.figures().len(), b.figures().len()), (3, 3));
        assert!((b.over(&a).median() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_turn_lasts_as_long_as_asked() {
        let rounds = Rounds {
            count: 1,
            span: Duration::from_micros(100),
        };
        let last = RefCell::new(0);
        let [series] = rounds.play([Contestant::new(|calls| {
            *last.borrow_mut() = calls;
            Duration::from_nanos(calls * 20)
        })]);
        assert_eq!(*last.borrow(), 5_000);
        assert!((series.median() - 20.0).abs() < 1e-9);
    }

    #[test]
    #[should_panic(expected = "calls were lost")]
    fn lost_calls_end_the_measurement() {
        let rounds = Rounds {
            count: 1,
            span: Duration::ZERO,
        };
        let work: Work = Box::new(|_| ());
        rounds.play_crews([(vec![work], Some(&|| 0))]);
    }
}
