//! Gang blocks: a block that was stored in pieces, under a header of block pointers.

use crate::blkptr::{BlkPtr, Dva};
use crate::buffer::Buffer;
use crate::error::{Cause, Mismatch};
use crate::vdev::{Request, Trust, VdevTree, Want};
use std::cell::Cell;
use zsend_ondisk::Order;
use zsend_ondisk::embedded::{self, EmbeddedError, Sum, gang_verifier};
use zsend_ondisk::gang::{self, HEADER_SIZE};

/// The largest header: that of a wide dRAID of large sectors.
const MAX_HEADER_SIZE: usize = 1 << 20;
/// Most gangs in gangs. A writer divides the block by three or more at each level, and the
/// smallest piece has 512 bytes, so 16 MiB need at most ten.
const MAX_DEPTH: u32 = 12;
/// Bytes of the smallest piece.
const MIN_PIECE: usize = 512;
/// Most headers that are read for one block, however they point at each other: a header for each of
/// its smallest pieces, in each of three copies.
const fn max_headers(size: usize) -> usize {
    (size / MIN_PIECE + MAX_DEPTH as usize) * 3
}

/// Says what is wrong with a piece's bytes, by its pointer.
pub(super) type CheckPiece<'a> = dyn Fn(&BlkPtr, &[u8]) -> Result<(), Mismatch> + 'a;

/// The parts of a pool that reading a gang needs.
#[derive(Clone, Copy)]
pub(super) struct Gang<'a> {
    pub(super) tree: &'a VdevTree,
    /// Checks a piece by its own pointer, so that every copy and reconstruction of it is tried.
    pub(super) piece: &'a CheckPiece<'a>,
}

/// Reads the `size` bytes of the block that `bp` points to through the gang header at `dva`.
///
/// Each piece is checked by its own pointer where that has a checksum; the parent's decides over
/// the whole, which is the request's check.
pub(super) fn read(
    gang: Gang<'_>,
    bp: &BlkPtr,
    dva: Dva,
    size: usize,
    request: &mut Request<'_>,
) -> Option<Buffer> {
    let headers = Cell::new(max_headers(size));
    let bytes = Walk { gang, headers }.assemble(bp, dva, size, request, MAX_DEPTH)?;
    match (request.check)(&bytes) {
        Ok(()) => Some(bytes),
        Err(why) => {
            request.failed(format!("gang block on vdev {}", dva.vdev()), dva.offset(), why);
            None
        }
    }
}

/// One block on its way from its headers to its pieces.
struct Walk<'a> {
    gang: Gang<'a>,
    /// Headers that may still be read. Hostile ones point at themselves, three times each.
    headers: Cell<usize>,
}

impl Walk<'_> {
    fn assemble(
        &self,
        bp: &BlkPtr,
        dva: Dva,
        size: usize,
        request: &mut Request<'_>,
        depth: u32,
    ) -> Option<Buffer> {
        let name = || format!("gang header on vdev {}", dva.vdev());
        if depth == 0 {
            request.failed(name(), dva.offset(), Cause::GangDepth);
            return None;
        }
        let Some(left) = self.headers.get().checked_sub(1) else {
            request.failed(name(), dva.offset(), Cause::GangHeaders);
            return None;
        };
        self.headers.set(left);
        let (header, order) = read_header(self.gang.tree, bp, dva, request)?;
        let mut out = Vec::with_capacity(size);
        for child in gang::pointers(&header, order) {
            if child.is_hole() {
                continue;
            }
            let len = usize::try_from(child.psize()).ok()?;
            if out.len() + len > size {
                request.failed(name(), dva.offset(), Cause::GangExcess);
                return None;
            }
            let piece = self.read_piece(&child, len, request, depth)?;
            out.extend_from_slice(&piece);
        }
        if out.len() != size {
            let cause = Cause::GangSize { found: out.len(), expected: size };
            request.failed(name(), dva.offset(), cause);
            return None;
        }
        Some(out.into())
    }

    /// Reads one piece from any of its copies. A piece is itself a gang if its pointer says so.
    fn read_piece(
        &self,
        child: &BlkPtr,
        len: usize,
        request: &mut Request<'_>,
        depth: u32,
    ) -> Option<Buffer> {
        for dva in child.dvas() {
            let piece = if dva.is_gang() {
                self.assemble(child, dva, len, request, depth - 1)
            } else {
                let mut check = |bytes: &[u8]| (self.gang.piece)(child, bytes);
                let want = Want::written_in(child.physical_birth()).within(request.want.limit);
                let Request { attempts, doubts, cancel, .. } = request;
                self.gang.tree.read_buffer(
                    dva,
                    len,
                    &mut Request { check: &mut check, attempts, doubts, want, cancel: *cancel },
                )
            };
            if piece.is_some() {
                return piece;
            }
        }
        None
    }
}

/// Bytes of a gang header: the smallest allocation of any of the vdevs that a copy lies on.
///
/// Source: `zio_gang_tree_assemble()`, OpenZFS `module/zfs/zio.c`, zfs-2.4.0.
fn header_size(tree: &VdevTree, bp: &BlkPtr) -> usize {
    let sizes = bp.dvas().map(|d| tree.min_alloc(d.vdev()).unwrap_or(HEADER_SIZE));
    sizes.min().unwrap_or(HEADER_SIZE).clamp(HEADER_SIZE, MAX_HEADER_SIZE)
}

/// Checks the sum of a gang header that may be any copy of `bp`'s.
///
/// All copies are written with one sum, that of the first copy's place. A dedup table may put
/// copies of several writes into one pointer, so that a header has the sum of another copy's place.
///
/// Source: `zio_checksum_gang_verifier()`, OpenZFS `module/zfs/zio_checksum.c`, zfs-2.3.2.
fn verify_header(header: &[u8], bp: &BlkPtr) -> Result<Order, EmbeddedError> {
    let sum = if bp.has_mac() { Sum::ForMac } else { Sum::Whole };
    let verify = |dva: Dva| embedded::verify(header, gang_verifier(dva, bp.physical_birth()), sum);
    let mut dvas = bp.dvas();
    // The first copy's place is what an error expects; a pointer without one leads nowhere.
    let first = verify(dvas.next().unwrap_or_default());
    first.or_else(|e| dvas.find_map(|dva| verify(dva).ok()).ok_or(e))
}

/// Reads a gang header, and says in which order it was written.
///
/// A header fills the vdev's smallest allocation, or only its first 512 bytes: pools are full of
/// those from before the feature for larger ones, so each candidate is taken for both.
fn read_header(
    tree: &VdevTree,
    bp: &BlkPtr,
    dva: Dva,
    request: &mut Request<'_>,
) -> Option<(Buffer, Order)> {
    let size = header_size(tree, bp);
    let mut accepted = None;
    let mut check = |header: &[u8]| {
        let large = verify_header(header, bp).map(|order| (order, header.len()));
        let small = || verify_header(&header[..HEADER_SIZE], bp);
        let order = large.or_else(|_| small().map(|order| (order, HEADER_SIZE)));
        accepted = Some(order?);
        Ok(())
    };
    // The header has a checksum of its own, so it may come from any device.
    let want = request.want.within(Trust::Lacking);
    let (attempts, doubts) = (&mut *request.attempts, &mut Vec::new());
    let mut inner = Request { check: &mut check, attempts, doubts, want, cancel: request.cancel };
    let mut header = tree.read_buffer(dva, size, &mut inner)?;
    let (order, size) = accepted?;
    header.truncate(size);
    Some((header, order))
}

#[cfg(test)]
mod tests;
