//! File systems of a test's own, in a mount namespace of its thread's own: nobody else sees them, and they go with the thread.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Runs `work` on a thread with a mount namespace of its own. Where that is not allowed, which takes root, it says loudly
/// that `test` was skipped; where `STREAMGAUGE_MOUNTS=required` is set, it fails.
pub(crate) fn with_mounts(test: &str, work: impl FnOnce(&Path) + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let directory = tempfile::tempdir().unwrap();
            match enter_namespace().and_then(|()| mount("tmpfs", directory.path(), "tmpfs", 0, "size=64k")) {
                Ok(()) => {
                    work(directory.path());
                    detach(directory.path());
                }
                Err(error) => {
                    assert!(
                        std::env::var_os("STREAMGAUGE_MOUNTS").is_none_or(|value| value != "required"),
                        "mounts are required: {error}"
                    );
                    eprintln!("SKIPPED {test}: it may not mount: {error}");
                }
            }
        });
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Makes what is under `at` read-only, or writable again. A read-only view of it is laid over it: the file system itself
/// cannot be made read-only while somebody has the lock file open.
pub(crate) fn set_read_only(at: &Path, is_read_only: bool) {
    if is_read_only {
        bind(at, at);
        let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY;
        mount("none", at, "", flags, "").unwrap();
    } else {
        detach(at);
    }
}

/// Lays `source` over `at`.
pub(crate) fn bind(source: &Path, at: &Path) {
    mount(source, at, "", libc::MS_BIND, "").unwrap();
}

/// Takes away what was mounted last at `at`.
#[expect(unsafe_code, reason = "umount2 has no safe form")]
pub(crate) fn detach(at: &Path) {
    let at = c_string(at);
    // SAFETY: a string that ends in 0 and outlives the call.
    let detached = unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) };
    assert_eq!(detached, 0, "{}", io::Error::last_os_error());
}

#[expect(unsafe_code, reason = "unshare has no safe form")]
fn enter_namespace() -> io::Result<()> {
    // SAFETY: no preconditions. Only this thread gets a namespace of its own, and a file system context with it.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // What is mounted here is mounted here alone.
    mount("none", Path::new("/"), "", libc::MS_REC | libc::MS_PRIVATE, "")
}

#[expect(unsafe_code, reason = "mount has no safe form")]
fn mount(
    source: impl AsRef<Path>,
    at: &Path,
    kind: &str,
    flags: libc::c_ulong,
    options: &str,
) -> io::Result<()> {
    let source = c_string(source.as_ref());
    let at = c_string(at);
    let [kind, options] = [kind, options].map(|text| c_string(Path::new(text)));
    // SAFETY: strings that end in 0 and outlive the call.
    let mounted = unsafe {
        libc::mount(
            source.as_ptr(),
            at.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    };
    if mounted == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}
