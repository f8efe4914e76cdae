//! A sandbox that forbids membarrier(2) after it was chosen, as a program sets one up once it has started. In a process of
//! its own: the thread is sandboxed for good.
#![cfg(target_os = "linux")]
#![expect(unsafe_code, reason = "seccomp(2) has no wrapper in std")]

use streamgauge_table::{Claim, Entry, Table, prepare_thread};

const fn step(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

/// Answers membarrier(2) with EPERM on this thread, from now on.
fn forbid_membarrier() {
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, libc::SYS_membarrier as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the program and its steps outlive the calls, which copy them.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

#[test]
fn what_was_removed_is_freed_where_membarrier_is_forbidden_later() {
    let table = Table::with_room_for(0);
    prepare_thread();
    forbid_membarrier();
    let mut freed = 0;
    for number in 0..1_000_u64 {
        let entry = Entry::new(&number.to_le_bytes(), number);
        assert!(matches!(table.claim(&entry, || Ok::<_, ()>(())), Claim::Inserted));
        assert!(table.remove(&entry));
        drop(entry);
        freed += table.reclaim().freed;
    }
    assert!(freed > 0, "none of 1,000 entries was freed, and no pin is held");
}
