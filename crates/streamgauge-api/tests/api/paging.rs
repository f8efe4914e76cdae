//! Pages, while sessions come and go: who is active throughout is on one page, and on no two.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::harness::Server;

/// What happens between two pages.
#[derive(Debug, Clone)]
enum Churn {
    Come(u8),
    /// The open sessions at these places go.
    Go(Vec<u16>),
    /// The pending sessions at these places become active.
    Activate(Vec<u16>),
    Tick,
}

fn churn() -> impl Strategy<Value = Churn> {
    prop_oneof![
        (1..200_u8).prop_map(Churn::Come),
        prop::collection::vec(any::<u16>(), 1..150).prop_map(Churn::Go),
        prop::collection::vec(any::<u16>(), 1..20).prop_map(Churn::Activate),
        Just(Churn::Tick),
    ]
}

/// The sessions of a program, by number; true for the active ones.
struct Program<'a> {
    server: &'a Server,
    next: u64,
    open: BTreeMap<u64, bool>,
}

impl Program<'_> {
    fn do_it(&mut self, churn: &Churn) {
        let hls = self.server.registry.collector("hls").unwrap();
        match churn {
            Churn::Come(sessions) => {
                for _ in 0..*sessions {
                    let session = hls.register(self.next.to_string(), "", "", "");
                    let is_active = !self.next.is_multiple_of(3);
                    if is_active {
                        session.ingress(1);
                    }
                    self.open.insert(self.next, is_active);
                    self.next += 1;
                }
            }
            Churn::Go(places) => {
                for place in places {
                    let found = self
                        .open
                        .keys()
                        .nth(usize::from(*place) % self.open.len().max(1))
                        .copied();
                    if let Some(number) = found {
                        self.open.remove(&number);
                        assert!(hls.unregister(number.to_string()));
                    }
                }
            }
            Churn::Activate(places) => {
                for place in places {
                    let found = self.open.iter_mut().nth(usize::from(*place) % 300);
                    if let Some((number, is_active)) = found {
                        hls.activate(number.to_string());
                        *is_active = true;
                    }
                }
            }
            Churn::Tick => self.server.registry.tick(),
        }
    }

    fn active(&self) -> impl Iterator<Item = u64> {
        self.open
            .iter()
            .filter(|(_, is_active)| **is_active)
            .map(|(number, _)| *number)
    }
}

/// Turns all pages while `script` goes on between them; the numbers shown, in order.
async fn turn(server: &Server, limit: usize, program: &mut Program<'_>, script: &[Vec<Churn>]) -> Vec<u64> {
    let mut shown = Vec::new();
    let mut cursor = String::new();
    let mut script = script.iter();
    loop {
        let path = format!("/api/v1/collectors/hls/sessions?limit={limit}{cursor}");
        let body = server.get(&path).await.json();
        let page = body["sessions"].as_array().unwrap();
        assert!(page.len() <= limit);
        shown.extend(
            page.iter()
                .map(|row| row["id"].as_str().unwrap().parse::<u64>().unwrap()),
        );
        let Some(next) = body["next"].as_u64() else {
            return shown;
        };
        assert_eq!(page.len(), limit, "no page but the last has room");
        cursor = format!("&cursor={next}");
        for churn in script.next().into_iter().flatten() {
            program.do_it(churn);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn who_stays_is_shown_once_whoever_comes_and_goes(
        first in 0..250_u8,
        limit in 1..60_usize,
        script in prop::collection::vec(prop::collection::vec(churn(), 0..5), 0..40),
    ) {
        let server = Server::new();
        server.collector("hls");
        let mut program = Program { server: &server, next: 0, open: BTreeMap::new() };
        for _ in 0..5 {
            program.do_it(&Churn::Come(first));
        }
        program.do_it(&Churn::Tick);
        let before: Vec<u64> = program.active().collect();
        let shown = Runtime::new().unwrap().block_on(turn(&server, limit, &mut program, &script));
        prop_assert!(shown.is_sorted_by(|one, next| one < next), "twice, or out of order: {:?}", shown);
        for stayed in before.iter().filter(|number| program.open.contains_key(number)) {
            prop_assert!(shown.binary_search(stayed).is_ok(), "{} was skipped", stayed);
        }
    }
}

#[tokio::test]
async fn a_hundred_thousand_sessions_are_paged_whole_while_a_third_go() {
    let server = Server::new();
    let hls = server.collector("hls");
    for n in 0..100_000 {
        hls.register_and_activate(n.to_string(), "", "", "");
    }
    server.registry.tick();
    let mut shown = Vec::new();
    let mut cursor = String::new();
    for page in 0.. {
        let path = format!("/api/v1/collectors/hls/sessions?limit=1000{cursor}");
        let body = server.get(&path).await.json();
        let rows = body["sessions"].as_array().unwrap();
        shown.extend(
            rows.iter()
                .map(|row| row["id"].as_str().unwrap().parse::<u64>().unwrap()),
        );
        let Some(next) = body["next"].as_u64() else { break };
        cursor = format!("&cursor={next}");
        for gone in (page * 1_000..(page + 1) * 1_000)
            .map(|n| (n * 7_919) % 100_000)
            .filter(|n| n % 3 == 0)
        {
            hls.unregister(gone.to_string());
        }
        hls.register_and_activate(format!("{}", 100_000 + page), "", "", "");
        server.registry.tick();
    }
    assert!(shown.is_sorted_by(|one, next| one < next));
    let stayed = (0..100_000).filter(|n| n % 3 != 0);
    let shown_of_those: Vec<u64> = shown
        .iter()
        .copied()
        .filter(|n| *n < 100_000 && n % 3 != 0)
        .collect();
    assert!(stayed.eq(shown_of_those));
}
