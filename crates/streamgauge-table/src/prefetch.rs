//! Asks for a cache line ahead of its use. A hint: nothing hangs on it, and where there is no instruction for it in
//! stable Rust it is nothing.

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Asks for the line that holds the byte `offset` behind `base`; both may be anything at all.
#[inline]
pub(crate) fn prefetch<T>(base: *const T, offset: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching is of SSE, which x86_64 has; it reads nothing, and an address that is not mapped is no fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(base.cast::<i8>().wrapping_add(offset)) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (base, offset);
}
