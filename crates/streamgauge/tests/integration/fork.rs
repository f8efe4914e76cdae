//! After a fork the child's collectors are inert: the threads are not there, and locks may be held for ever.

use std::time::Duration;

use streamgauge::{
    Admission, AdmissionError, Collector, CollectorConfig, Config, Limits, RefuseReason, Registry, Verdict,
};

/// Runs `child` in a fork of this process and answers whether it said true, within a minute.
#[expect(
    unsafe_code,
    reason = "fork, _exit, alarm and waitpid have no safe form; the child leaves without unwinding"
)]
fn holds_in_a_fork(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: fork has no preconditions. The child runs `child` on the one thread it has and leaves by _exit, so nothing of
    // the parent's is run down twice. SIGALRM ends a child that hangs.
    let process = unsafe { libc::fork() };
    if process == 0 {
        // SAFETY: neither has preconditions.
        unsafe {
            libc::alarm(60);
            let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            libc::_exit(i32::from(!matches!(answer, Ok(true))));
        }
    }
    let mut status = 0;
    // SAFETY: `status` outlives the call.
    let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
    process > 0 && waited == process && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

#[test]
fn a_forked_childs_collector_is_inert() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.persist_dir = Some(directory.path().to_owned());
    let registry = Registry::new(config).unwrap();
    let mut config = CollectorConfig::default();
    config.sample_interval = Duration::from_millis(1);
    config.window = Duration::from_millis(10);
    let in_registry = registry.register("hls", config.clone()).unwrap();
    for collector in [Collector::new(config), in_registry.clone()] {
        let session = collector.register("a", "stream", "here", "there");
        session.ingress(5);
        collector.refresh();
        let held = holds_in_a_fork(|| {
            let sequence = collector.summary().sequence;
            collector.tick();
            let refreshed = collector.refresh().sequence;
            let registered = collector.register("b", "", "", "");
            let refused = registered.ingress(1) == Verdict::Refused(RefuseReason::Stopped);
            let admitted = collector.try_register("c", "", "", "", Admission::default());
            let not_admitted = matches!(admitted, Err(AdmissionError::Refused(RefuseReason::Stopped)));
            let closed = session.unregister() || collector.unregister("a");
            let limits = collector.limits();
            collector.set_limits(Limits {
                max_sessions: 7,
                ..limits
            });
            let is_limited_anew = collector.limits() != limits;
            collector.stop();
            drop(collector.clone());
            !is_limited_anew
                && refreshed == sequence
                && refused
                && not_admitted
                && !closed
                && session.is_known()
        });
        assert!(held);
        // The parent's goes on as if nothing had been.
        assert_eq!(session.ingress(1), Verdict::Counted);
        assert_eq!(collector.refresh().live.total_rx_bytes, 6);
        assert_eq!(collector.refresh().totals.total_sessions, 1);
    }
    assert!(holds_in_a_fork(|| {
        drop(registry.clone());
        registry.unregister_all();
        true
    }));
    drop(in_registry);
    let collector = registry.collector("hls").unwrap();
    assert!(collector.is_known_session("a"));
    drop(registry);
    assert!(directory.path().join("hls.0.log").exists());
}
