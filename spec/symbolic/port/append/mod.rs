#[cfg(feature = "laws")]
pub mod laws;
pub mod said;
pub mod words;
