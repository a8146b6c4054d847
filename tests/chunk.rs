//! What a chunk can be made of, what it becomes, and how much memory it keeps.

use std::borrow::Cow;
use std::collections::HashSet;

use bytes::{Bytes, BytesMut};
use highwater::{BoxError, Chunk, Writable};

fn buffer(capacity: usize, len: usize) -> Vec<u8> {
    let mut vec = Vec::with_capacity(capacity);
    vec.resize(len, b'x');
    vec
}

#[test]
fn spare_room_is_given_back_if_it_is_more_than_the_bytes() -> Result<(), BoxError> {
    for (capacity, len, left) in [
        (65_536, 10, 10),
        (65_536, 0, 0),
        (65_536, 32_767, 32_767),
        (65_536, 32_768, 65_536),
        (73, 10, 73),
        (74, 10, 10),
    ] {
        let of_vec = Chunk::from(buffer(capacity, len));
        let of_text = Chunk::from(String::from_utf8(buffer(capacity, len))?);
        assert_eq!(of_vec.into_vec().capacity(), left);
        assert_eq!(of_text.into_vec().capacity(), left);
    }
    Ok(())
}

#[test]
fn bytes_and_texts_are_chunks_wherever_one_is_taken() -> Result<(), BoxError> {
    let mut out = Writable::builder().spawn(Vec::new())?;
    out.send(b"a").wait()?;
    let _flow = out.write_chunk(b"bc")?;
    out.send(Cow::Borrowed("d")).wait()?;
    out.send(Cow::<'static, str>::Owned("e".into())).wait()?;
    out.send(Box::<[u8]>::from(&b"f"[..])).wait()?;
    out.send(Box::<str>::from("g")).wait()?;
    out.send(BytesMut::from("h")).wait()?;
    assert_eq!(out.end_with(b"i").wait()?.sink, b"abcdefghi");
    Ok(())
}

#[test]
fn a_chunk_can_be_used_as_its_bytes() {
    let chunk = Chunk::from(b"abc");
    assert_eq!(chunk[1..], *b"bc");
    let set = HashSet::from([chunk.clone()]);
    assert!(set.contains(&b"abc"[..]) && set.contains(&Chunk::from(String::from("abc"))));
    assert_eq!(Vec::from(chunk), b"abc");
    assert!(Chunk::default().is_empty());
}

#[test]
fn a_chunk_and_its_bytes_are_the_same_memory() {
    let bytes = BytesMut::from(&b"abc"[..]);
    let at = bytes.as_ptr();
    let chunk = Chunk::from(bytes);
    assert_eq!((&chunk[..], chunk.as_ptr()), (&b"abc"[..], at));
    assert_eq!(Bytes::from(chunk).as_ptr(), at);
    let vec = vec![1, 2, 3];
    let at = vec.as_ptr();
    assert_eq!(Bytes::from(Chunk::from(vec)).as_ptr(), at);
    assert_eq!(Bytes::from(Chunk::from("abc")), "abc");
}
