//! How a stream of bytes is cut into frames. One file per framing; each is incremental, bounded and resumable at any
//! byte, and hands every frame on as the bytes that came.

pub mod sse;
