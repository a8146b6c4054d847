//! What a drop of the owner does.

use core::time::Duration;

/// What the drop of an owner does that has not [ended](crate::Writable::end) the stream, over a
/// thread.
///
/// ```
/// use highwater::{OnDrop, Writable};
///
/// let mut out = Writable::builder()
///     .on_drop(OnDrop::Discard)
///     .spawn(std::io::sink())?;
/// let _flow = out.write("an upload that is not complete")?;
/// // An error here, and `out` is dropped: nothing more is sent.
/// # Ok::<_, highwater::BoxError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDrop {
    /// The drop ends the stream, and waits until everything is written. The default.
    #[default]
    Finish,
    /// The drop ends the stream and waits up to this long; then it destroys the stream and
    /// leaves. The observer gets an error that says how many bytes are dropped and how many
    /// are in doubt.
    FinishWithin(Duration),
    /// The drop destroys the stream and leaves; what the sink has not taken is dropped.
    Discard,
    /// The drop ends the stream and leaves; the worker goes on until everything is written. Use it
    /// for an owner that a task drops, as a task must not wait. (A program that exits meanwhile
    /// loses the rest.)
    Detach,
}
