//! Turns blocks that a big-endian machine wrote to little-endian order, by what they hold.
//!
//! Fields of the block itself decide what is swapped, so that each kind is written once for both
//! directions: the way in, which reading takes, and the way out, which tests make twins by.
//!
//! The payload of a WRITE or SPILL of a stream that is not raw is turned the same way, by the record's type.

mod acl;
mod dnode;
#[cfg(test)]
mod tests;
mod zap;

use zsend_metal::reverse_words;
use zsend_records::types::ByteswapKind;

/// Direction in which a block is turned. A field that decides what follows is read as its writer meant it:
/// after its own swap on the way in, before it on the way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Big-endian to little-endian.
    In,
    /// Little-endian to big-endian.
    Out,
}

/// Turns a whole block of some object type from big-endian to little-endian order, in place.
///
/// A bonus that is encrypted is turned by its type like any other: a receiver of a raw stream
/// authenticates the turned form. What no writer could have written, such as a chain that leaves
/// the block, is left alone.
///
/// Source: OpenZFS `include/sys/dmu.h`, `dmu_ot_byteswap[]`, zfs-2.3.2.
pub fn swap(kind: ByteswapKind, data: &mut [u8]) {
    turn(kind, data, Way::In);
}

/// The opposite of [`swap`]: makes of a block what a big-endian machine would have written.
pub fn swap_out(kind: ByteswapKind, data: &mut [u8]) {
    turn(kind, data, Way::Out);
}

fn turn(kind: ByteswapKind, data: &mut [u8], way: Way) {
    match kind {
        ByteswapKind::U8 => {}
        ByteswapKind::U16 => u16s(data),
        ByteswapKind::U32 => u32s(data),
        ByteswapKind::U64 => u64s(data),
        ByteswapKind::Zap => zap::turn(data, way),
        ByteswapKind::Dnode => dnode::block(data, way),
        ByteswapKind::Objset => dnode::objset(data, way),
        ByteswapKind::Znode => acl::znode(data, way),
        ByteswapKind::OldAcl => acl::old_entries(data),
        ByteswapKind::Acl => acl::entries(data, way),
    }
}

/// Swaps every two bytes; a rest is left alone.
fn u16s(data: &mut [u8]) {
    reverse_words::<2>(data);
}

/// Swaps every four bytes; a rest is left alone.
fn u32s(data: &mut [u8]) {
    reverse_words::<4>(data);
}

/// Swaps every eight bytes; a rest is left alone. Indirect blocks are such arrays, whatever their
/// object's type.
pub fn u64s(data: &mut [u8]) {
    reverse_words::<8>(data);
}

/// Reverses the integers of `sizes` bytes that lie one after another from the start of `data`.
/// Ends where `data` does.
fn fields(data: &mut [u8], sizes: &[usize]) {
    let mut rest = data;
    for &size in sizes {
        let Some((field, more)) = rest.split_at_mut_checked(size) else { return };
        field.reverse();
        rest = more;
    }
}
