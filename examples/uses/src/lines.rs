//! The text that is pushed: numbered lines of one length, so that a reader can tell
//! of every byte whether it is the right one.

/// The length of a line, its newline included.
pub const LINE: usize = 64;

const REST: &[u8; LINE - 12] = b" high water: write until told to wait, then wait...\n";

/// The line of this number.
#[must_use]
pub fn line(number: u64) -> [u8; LINE] {
    let mut line = [b' '; LINE];
    line[12..].copy_from_slice(REST);
    let mut rest = number;
    for digit in line[..12].iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    line
}

/// Compares what arrives, in pieces of any length, with the lines from 0 on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Check {
    position: u64,
}

impl Check {
    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// The position of the line with the first byte that is not the right one.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), u64> {
        let mut piece = piece;
        while !piece.is_empty() {
            let within = (self.position % LINE as u64) as usize;
            let count = piece.len().min(LINE - within);
            let (now, later) = piece.split_at(count);
            if *now != line(self.position / LINE as u64)[within..within + count] {
                return Err(self.position);
            }
            self.position += count as u64;
            piece = later;
        }
        Ok(())
    }

    /// How many bytes have come, all of them right.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_a_missing_and_a_doubled_byte_are_found() {
        let text: Vec<u8> = (0..100).flat_map(line).collect();
        for piece in [1, 7, 63, 64, 65, 6400] {
            let mut check = Check::default();
            assert!(text.chunks(piece).all(|piece| check.take(piece).is_ok()));
            assert_eq!(check.position(), 6400);
        }
        let mut wrong = text.clone();
        wrong[700] ^= 1;
        assert_eq!(Check::default().take(&wrong), Err(640));
        let mut missing = text.clone();
        missing.remove(700);
        assert_eq!(Check::default().take(&missing), Err(640));
        let mut doubled = text;
        doubled.insert(700, doubled[700]);
        assert!(Check::default().take(&doubled).is_err());
    }
}
