//! Where the streams of a module live: slots in the module's own memory.
//!
//! There is no allocator. Slots are handed out one after another from the end of the
//! static data on; the memory grows when it is full. A slot that is given back is the next
//! to be handed out, so a program that drops as many streams as it makes needs no more
//! memory than its most streams at one time.

use core::arch::wasm32;
use core::cell::Cell;

use highwater::machine::{Options, State};

/// One stream: all that the machine knows, and what the stream was created with.
pub(crate) struct Slot {
    pub(crate) state: State,
    pub(crate) options: Options,
}

/// A slot that was given back. It holds the address of the next one, or 0.
type Free = u32;

const SIZE: u32 = size_of::<Slot>() as u32;
const PAGE: u32 = 1 << 16;
/// By how many pages the memory grows at least.
const GROWTH: u32 = 4;

/// The addresses that the module keeps.
struct Memory {
    /// The first free slot, or 0.
    free: Cell<u32>,
    /// Where the next new slot begins, or 0 before the first.
    next: Cell<u32>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory {
    free: Cell::new(0),
    next: Cell::new(0),
};

unsafe extern "C" {
    /// The linker puts it after the static data and the stack.
    static __heap_base: u8;
}

/// Makes a stream. Returns its address, or 0 if the memory cannot grow.
pub(crate) fn create(options: Options) -> u32 {
    let address = match MEMORY.free.get() {
        0 => append(),
        free => {
            // SAFETY: `release` has written the address of the next one there.
            MEMORY.free.set(unsafe { (free as *const Free).read() });
            free
        }
    };
    if address != 0 {
        let state = State::new(&options);
        // SAFETY: the address is aligned, its memory is there, and no stream has it.
        unsafe { (address as *mut Slot).write(Slot { state, options }) };
    }
    address
}

/// Takes the slot back. The caller does not use the address any more.
pub(crate) fn release(address: u32) {
    // SAFETY: the address is that of a slot, and a slot is larger than an address.
    unsafe { (address as *mut Free).write(MEMORY.free.get()) };
    MEMORY.free.set(address);
}

/// The stream at this address.
#[inline(always)]
pub(crate) fn at(address: u32) -> &'static mut Slot {
    // SAFETY: the caller passes only addresses from `create` that it has not released. The
    // module has one thread, and no export calls out, so there is no second reference.
    unsafe { &mut *(address as *mut Slot) }
}

fn append() -> u32 {
    let align = align_of::<Slot>() as u32;
    let base = (&raw const __heap_base) as u32;
    let address = MEMORY.next.get().max(base.next_multiple_of(align));
    let end = address.saturating_add(SIZE);
    let pages = wasm32::memory_size(0) as u32;
    // A memory of 65,536 pages ends where a u32 does.
    let room = end.div_ceil(PAGE) <= pages && end != u32::MAX;
    // By an eighth: each growth costs as much as the memory is long, in some runtimes.
    let growth = GROWTH.max(pages / 8) as usize;
    if !room && wasm32::memory_grow(0, growth) == usize::MAX {
        return 0;
    }
    MEMORY.next.set(end);
    address
}
