//! The names of `libz-ng-sys` that flate2 uses, given by `libz-rs-sys`, the C interface of the Rust zlib.
//!
//! pingora-core enables flate2's `zlib-ng` feature without a choice; the real `libz-ng-sys` compiles C with
//! cmake. This crate takes its place through `[patch.crates-io]`, so that a plain Debian with rustup and gcc
//! builds weir. See `docs/decisions/0001-zlib-without-cmake.md`.
//!
//! Both libraries speak zlib's own C interface. The only difference is the type of two struct members: C and
//! `libz-ng-sys` have plain function pointers where `libz-rs-sys` says `Option<fn>`. An `Option` of a function
//! pointer has the pointer's own layout (<https://doc.rust-lang.org/std/option/#representation>), so a
//! [`z_stream`] here and one there are the same bytes, and the functions only cast the pointer.

use std::ffi::{c_char, c_int, c_uint, c_ulong, c_void};

pub use libz_rs_sys::{
    Z_BLOCK, Z_BUF_ERROR, Z_DATA_ERROR, Z_DEFAULT_STRATEGY, Z_DEFLATED, Z_FINISH, Z_FULL_FLUSH, Z_MEM_ERROR,
    Z_NEED_DICT, Z_NO_FLUSH, Z_OK, Z_PARTIAL_FLUSH, Z_STREAM_END, Z_STREAM_ERROR, Z_SYNC_FLUSH, zlibVersion,
};

/// zlib's `alloc_func`.
pub type alloc_func = unsafe extern "C" fn(*mut c_void, c_uint, c_uint) -> *mut c_void;
/// zlib's `free_func`.
pub type free_func = unsafe extern "C" fn(*mut c_void, *mut c_void);
/// zlib's opaque state.
pub type internal_state = c_void;
/// zlib's `uInt`.
pub type uInt = c_uint;
/// zlib's `voidpf`.
pub type voidpf = *mut c_void;

/// zlib's `z_stream` (<https://zlib.net/manual.html#Stream>).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct z_stream {
    /// Next input byte.
    pub next_in: *mut u8,
    /// Bytes available at `next_in`.
    pub avail_in: c_uint,
    /// Input bytes read so far.
    pub total_in: c_ulong,
    /// Where the next output byte goes.
    pub next_out: *mut u8,
    /// Room left at `next_out`.
    pub avail_out: c_uint,
    /// Bytes written so far.
    pub total_out: c_ulong,
    /// Last error message, or null.
    pub msg: *mut c_char,
    /// Not visible to applications.
    pub state: *mut internal_state,
    /// Allocates the internal state.
    pub zalloc: alloc_func,
    /// Frees the internal state.
    pub zfree: free_func,
    /// Handed to `zalloc` and `zfree`.
    pub opaque: *mut c_void,
    /// Best guess about the data.
    pub data_type: c_int,
    /// Checksum of the uncompressed data.
    pub adler: c_ulong,
    /// For future use.
    pub reserved: c_ulong,
}

// The layout is the contract; a change on the other side must not compile.
const _: () = assert!(size_of::<z_stream>() == size_of::<libz_rs_sys::z_stream>());
const _: () = assert!(align_of::<z_stream>() == align_of::<libz_rs_sys::z_stream>());
const _: () = assert!(
    std::mem::offset_of!(z_stream, zalloc) == std::mem::offset_of!(libz_rs_sys::z_stream, zalloc)
        && std::mem::offset_of!(z_stream, state) == std::mem::offset_of!(libz_rs_sys::z_stream, state)
        && std::mem::offset_of!(z_stream, adler) == std::mem::offset_of!(libz_rs_sys::z_stream, adler)
);

/// Gives functions of `libz-rs-sys` with this crate's [`z_stream`].
macro_rules! forward {
    ($($name:ident($($arg:ident: $ty:ty),*);)+) => {
        $(
            #[doc = concat!("zlib's `", stringify!($name), "`.")]
            ///
            /// # Safety
            /// As zlib's manual says: `strm` points to a stream prepared for this call.
            pub unsafe extern "C" fn $name(strm: *mut z_stream, $($arg: $ty),*) -> c_int {
                // SAFETY: the caller keeps zlib's contract; the cast keeps the layout (asserted above).
                unsafe { libz_rs_sys::$name(strm.cast(), $($arg),*) }
            }
        )+
    };
}

forward! {
    deflate(flush: c_int);
    deflateEnd();
    deflateReset();
    deflateInit2_(level: c_int, method: c_int, window_bits: c_int, mem_level: c_int, strategy: c_int, version: *const c_char, stream_size: c_int);
    deflateParams(level: c_int, strategy: c_int);
    deflateSetDictionary(dictionary: *const u8, length: c_uint);
    inflate(flush: c_int);
    inflateEnd();
    inflateInit2_(window_bits: c_int, version: *const c_char, stream_size: c_int);
    inflateReset2(window_bits: c_int);
    inflateSetDictionary(dictionary: *const u8, length: c_uint);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    #[test]
    fn flate2_round_trip_through_these_names() {
        let text = b"weir ".repeat(10_000);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&text).expect("write to memory");
        let packed = gz.finish().expect("finish");
        assert!(packed.len() < text.len() / 20);
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut back).expect("own output");
        assert_eq!(back, text);
        let mut bad = packed.clone();
        bad.truncate(packed.len() / 2);
        assert!(flate2::read::GzDecoder::new(&bad[..]).read_to_end(&mut Vec::new()).is_err());
    }
}
