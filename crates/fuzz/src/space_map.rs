//! Any bytes as the blocks of a space map: `[sm_shift]`, then the blocks.
//!
//! The segments that they leave are ascending and apart, lie where the map may have them, and are no more than the
//! entries can have added. Read in one block or in several, it is the same.

use zsend_pool::space_map::{Log, Scale, Segments, SpaceMapError};

/// Bytes of a block: entries of two words end where it does.
const BLOCK: usize = 512;

/// Runs one input.
pub fn check(bytes: &[u8]) {
    let [shift, log @ ..] = bytes else { return };
    let scale = Scale { range: 1 << 20..1 << 56, shift: u32::from(shift % 80) };
    for scale in [scale, Scale::DTL] {
        let Ok(segments) = read(&scale, log.chunks(BLOCK)) else { continue };
        let all = segments.as_slice();
        assert!(all.len() <= log.len() / 8);
        assert!(all.windows(2).all(|w| w[0].end < w[1].start));
        for segment in all {
            assert!(segment.start < segment.end);
            assert!(scale.range.contains(&segment.start) && segment.end <= scale.range.end);
            assert!(segments.contains(segment.start) && !segments.contains(segment.end));
        }
        assert_eq!(segments.is_empty(), all.is_empty());
        assert_eq!(read(&scale, [log].into_iter()), Ok(segments));
    }
}

fn read<'a>(
    scale: &Scale,
    blocks: impl Iterator<Item = &'a [u8]>,
) -> Result<Segments, SpaceMapError> {
    let mut log = Log::new(scale.clone());
    for block in blocks {
        log.push(block)?;
    }
    Ok(log.segments())
}
