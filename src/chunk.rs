//! What is written: bytes, owned.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Owned bytes on their way to a sink. `Chunk::from` makes it, without a copy, from a `Vec<u8>`, a
/// `String`, a `&'static str`, or with the feature `bytes` from `Bytes`.
///
/// ```
/// use highwater::Chunk;
///
/// let chunk = Chunk::from(String::from("hello"));
/// assert_eq!(chunk.as_ref(), b"hello");
/// assert_eq!(chunk.len(), 5);
/// assert_eq!(chunk, Chunk::from("hello"));
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

    /// Returns the bytes; copied, unless the chunk was made from a `Vec<u8>` or `String`.
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

impl From<Vec<u8>> for Chunk {
    fn from(vec: Vec<u8>) -> Self {
        Repr::Vec(vec).into()
    }
}

impl From<String> for Chunk {
    fn from(text: String) -> Self {
        Repr::Vec(text.into_bytes()).into()
    }
}

impl From<Box<[u8]>> for Chunk {
    fn from(bytes: Box<[u8]>) -> Self {
        Repr::Vec(bytes.into_vec()).into()
    }
}

impl From<&'static [u8]> for Chunk {
    fn from(bytes: &'static [u8]) -> Self {
        Repr::Static(bytes).into()
    }
}

impl From<&'static str> for Chunk {
    fn from(text: &'static str) -> Self {
        Repr::Static(text.as_bytes()).into()
    }
}

#[cfg(feature = "bytes")]
impl From<bytes::Bytes> for Chunk {
    fn from(bytes: bytes::Bytes) -> Self {
        Repr::Bytes(bytes).into()
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use alloc::vec;

    use super::Chunk;

    #[test]
    fn the_rest_of_a_chunk() {
        for chunk in [Chunk::from(vec![1, 2, 3]), Chunk::from(&[1, 2, 3][..])] {
            assert_eq!(chunk.clone().skip(0).as_ref(), [1, 2, 3]);
            assert_eq!(chunk.clone().skip(2).as_ref(), [3]);
            assert_eq!(chunk.skip(9).as_ref(), [0; 0]);
        }
    }

    #[cfg(feature = "bytes")]
    #[test]
    fn shared_bytes_are_not_copied() {
        let bytes = bytes::Bytes::from(vec![1, 2, 3]);
        let rest = Chunk::from(bytes.clone()).skip(1);
        assert_eq!(rest.as_ref().as_ptr(), bytes[1..].as_ptr());
    }
}
