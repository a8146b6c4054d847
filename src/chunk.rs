//! What is written: bytes, owned.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// Less spare room than this, in bytes, is not worth a call of the allocator.
const MIN_SPARE: usize = 64;

/// Owned bytes on their way to a sink. `Chunk::from` makes it, without a copy, from a `Vec<u8>`, a
/// `String`, a box of bytes or text, a `&'static str` or `b"bytes"`, or with the feature `bytes` from
/// `Bytes` and `BytesMut`.
///
/// # What it holds
///
/// A stream counts the length of a chunk. A chunk made from a `Vec<u8>` or `String` holds at most
/// twice its length, or 63 bytes more than its length if that is more: `Chunk::from` gives more spare
/// room of a buffer back to the allocator, which may move the bytes. A `Bytes` holds all of the
/// memory that it is a slice of, and a `BytesMut` its spare room.
///
/// ```
/// use highwater::Chunk;
///
/// let chunk = Chunk::from(String::from("hello"));
/// assert_eq!(chunk.as_ref(), b"hello");
/// assert_eq!(chunk.len(), 5);
/// assert_eq!(chunk, Chunk::from(b"hello"));
/// assert!(chunk.starts_with(b"he")); // it derefs to its bytes
/// assert_eq!(format!("{chunk:?}"), "Chunk(5 bytes)");
/// assert_eq!(chunk.into_vec(), b"hello");
/// ```
#[derive(Clone)]
pub struct Chunk {
    bytes: Repr,
    /// The stream has lent the buffer: it goes back there once the sink has the bytes.
    #[cfg(feature = "std")]
    lent: bool,
}

#[derive(Clone)]
enum Repr {
    Vec(Vec<u8>),
    Static(&'static [u8]),
    #[cfg(feature = "bytes")]
    Bytes(bytes::Bytes),
}

impl Chunk {
    /// Returns its length, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Returns whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes; copied, unless the chunk was made from a `Vec<u8>`, a `String` or a box.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        match self.bytes {
            Repr::Vec(vec) => vec,
            Repr::Static(bytes) => bytes.to_vec(),
            #[cfg(feature = "bytes")]
            Repr::Bytes(bytes) => bytes.into(),
        }
    }

    /// Bytes in a buffer that the stream has lent.
    #[cfg(feature = "std")]
    pub(crate) fn lent(buffer: Vec<u8>) -> Self {
        let bytes = Repr::Vec(buffer);
        Self { bytes, lent: true }
    }

    #[cfg(feature = "std")]
    pub(crate) fn is_lent(&self) -> bool {
        self.lent
    }

    /// The buffer that the stream has lent, if it has this capacity, and no other holder shares
    /// its bytes.
    #[cfg(feature = "std")]
    pub(crate) fn into_buffer(self, capacity: usize) -> Result<Vec<u8>, Self> {
        let Self { bytes, lent } = self;
        let bytes = match bytes {
            Repr::Vec(vec) if lent && vec.capacity() == capacity => return Ok(vec),
            #[cfg(feature = "bytes")]
            Repr::Bytes(bytes) if lent => match bytes.try_into_mut() {
                Ok(buffer) if buffer.capacity() == capacity => return Ok(buffer.into()),
                Ok(buffer) => Repr::Bytes(buffer.freeze()),
                Err(bytes) => Repr::Bytes(bytes),
            },
            bytes => bytes,
        };
        Err(Self { bytes, lent })
    }

    /// The same bytes once more, without a copy. From then on the chunk shares them.
    #[cfg(feature = "futures")]
    pub(crate) fn share(&mut self) -> bytes::Bytes {
        let bytes: bytes::Bytes = match &mut self.bytes {
            Repr::Vec(vec) => core::mem::take(vec).into(),
            Repr::Static(bytes) => return bytes::Bytes::from_static(bytes),
            Repr::Bytes(bytes) => return bytes.clone(),
        };
        self.bytes = Repr::Bytes(bytes.clone());
        bytes
    }

    /// What is left after the first `count` bytes.
    #[cfg(feature = "std")]
    pub(crate) fn skip(self, count: usize) -> Self {
        let count = count.min(self.len());
        match self.bytes {
            _ if count == 0 => self,
            Repr::Vec(mut vec) => vec.split_off(count).into(),
            Repr::Static(bytes) => bytes.get(count..).unwrap_or_default().into(),
            #[cfg(feature = "bytes")]
            Repr::Bytes(bytes) => bytes.slice(count..).into(),
        }
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        match &self.bytes {
            Repr::Vec(vec) => vec,
            Repr::Static(bytes) => bytes,
            #[cfg(feature = "bytes")]
            Repr::Bytes(bytes) => bytes,
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}

impl Borrow<[u8]> for Chunk {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// A chunk of no bytes.
impl Default for Chunk {
    fn default() -> Self {
        Repr::Static(&[]).into()
    }
}

/// As the bytes, which [`Borrow`] gives, hash.
impl Hash for Chunk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_ref().hash(state);
    }
}

/// By their bytes, not by what they were made from.
impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Chunk {}

/// Shows no bytes: they may be long, and secret.
impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl From<Repr> for Chunk {
    fn from(bytes: Repr) -> Self {
        Self {
            bytes,
            #[cfg(feature = "std")]
            lent: false,
        }
    }
}

/// Gives back spare room that is more than its bytes.
impl From<Vec<u8>> for Chunk {
    fn from(mut vec: Vec<u8>) -> Self {
        let spare = vec.capacity() - vec.len();
        if spare > vec.len() && spare >= MIN_SPARE {
            vec.shrink_to_fit();
        }
        Repr::Vec(vec).into()
    }
}

/// Gives back spare room that is more than its bytes.
impl From<String> for Chunk {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Box<[u8]>> for Chunk {
    fn from(bytes: Box<[u8]>) -> Self {
        Repr::Vec(bytes.into_vec()).into()
    }
}

impl From<Box<str>> for Chunk {
    fn from(text: Box<str>) -> Self {
        text.into_string().into()
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Repr::Static(bytes).into()
    }
}

impl<const N: usize> From<&'static [u8; N]> for Chunk {
    fn from(bytes: &'static [u8; N]) -> Self {
        Repr::Static(bytes).into()
    }
}

impl From<&'static str> for Chunk {
    fn from(text: &'static str) -> Self {
        Repr::Static(text.as_bytes()).into()
    }
}

impl From<Cow<'static, str>> for Chunk {
    fn from(text: Cow<'static, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

/// As [`Chunk::into_vec`].
impl From<Chunk> for Vec<u8> {
    fn from(chunk: Chunk) -> Self {
        chunk.into_vec()
    }
}

#[cfg(feature = "bytes")]
impl From<bytes::Bytes> for Chunk {
    fn from(bytes: bytes::Bytes) -> Self {
        Repr::Bytes(bytes).into()
    }
}

#[cfg(feature = "bytes")]
impl From<bytes::BytesMut> for Chunk {
    fn from(bytes: bytes::BytesMut) -> Self {
        bytes.freeze().into()
    }
}

/// Without a copy.
#[cfg(feature = "bytes")]
impl From<Chunk> for bytes::Bytes {
    fn from(chunk: Chunk) -> Self {
        match chunk.bytes {
            Repr::Vec(vec) => vec.into(),
            Repr::Static(bytes) => Self::from_static(bytes),
            Repr::Bytes(bytes) => bytes,
        }
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::Chunk;

    #[test]
    fn the_rest_of_a_chunk() {
        for chunk in [Chunk::from(vec![1, 2, 3]), Chunk::from(&[1, 2, 3][..])] {
            assert_eq!(chunk.clone().skip(0).as_ref(), [1, 2, 3]);
            assert_eq!(chunk.clone().skip(2).as_ref(), [3]);
            assert_eq!(chunk.skip(9).as_ref(), [0; 0]);
        }
    }

    #[test]
    fn a_buffer_that_is_lent_keeps_its_room() {
        let mut buffer = Vec::with_capacity(65_536);
        buffer.push(1);
        let lent = Chunk::lent(buffer).into_buffer(65_536);
        assert_eq!(lent.map_or(0, |buffer| buffer.capacity()), 65_536);
    }

    #[cfg(feature = "bytes")]
    #[test]
    fn shared_bytes_are_not_copied() {
        let bytes = bytes::Bytes::from(vec![1, 2, 3]);
        let rest = Chunk::from(bytes.clone()).skip(1);
        assert_eq!(rest.as_ref().as_ptr(), bytes[1..].as_ptr());
    }
}
