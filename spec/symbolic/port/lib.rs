//! The machine as a module without imports: `spec/symbolic/build.py` puts a copy of
//! `src/machine` beside this file and builds both for WebAssembly.
#![no_std]
#![allow(dead_code, missing_docs, improper_ctypes_definitions)]

mod machine;

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
