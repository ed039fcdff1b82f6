//! Removed devices: their blocks keep their addresses, and a mapping in the MOS has the places that the
//! bytes went to.

mod births;
mod mapping;

pub(crate) use births::Births;
pub(in crate::vdev) use mapping::MappedRange;
pub(crate) use mapping::Mapping;

use super::{Request, VdevKind, VdevTree, Want, split};
use crate::buffer::Buffer;
use crate::config::VdevConfig;
use crate::error::Cause;
use std::sync::{Arc, OnceLock};

/// Most mappings that lead from one removed device to another. Each is removed after the last.
const MAX_DEPTH: usize = 64;

/// A removed device.
#[derive(Debug)]
pub(crate) struct Indirect {
    /// The mapping's object in the MOS.
    pub(crate) object: Option<u64>,
    /// The object of the births.
    pub(crate) births_object: Option<u64>,
    /// Empty until the MOS can be read, which may need the mappings of other removed devices.
    moved: OnceLock<Arc<Moved>>,
}

/// The places that the contents of a removed device went to, and when.
#[derive(Debug)]
pub(crate) struct Moved {
    /// The places.
    pub(crate) mapping: Mapping,
    /// The txgs; `None` if they are not known.
    pub(crate) births: Option<Births>,
}

impl Indirect {
    pub(super) const fn new(config: &VdevConfig) -> Self {
        let (object, births_object) = (config.indirect_object, config.indirect_births);
        Self { object, births_object, moved: OnceLock::new() }
    }

    /// Returns true if the mapping was loaded.
    pub(crate) fn is_known(&self) -> bool {
        self.moved.get().is_some()
    }

    /// Takes the mapping, once.
    pub(crate) fn set(&self, moved: Moved) {
        let _ = self.moved.set(Arc::new(moved));
    }
}

impl VdevTree {
    /// The removed devices, by the names of their top-level vdevs.
    pub(crate) fn indirect(&self) -> impl Iterator<Item = (&str, &Indirect)> {
        self.tops.iter().filter_map(|top| match &top.kind {
            VdevKind::Indirect(indirect) => Some((top.name.as_str(), indirect)),
            _ => None,
        })
    }

    /// Takes over the mappings that were loaded for another tree of the same configuration.
    pub(crate) fn adopt_mappings(&self, from: &Self) {
        for (to, from) in self.tops.iter().zip(&from.tops) {
            if let (VdevKind::Indirect(to), VdevKind::Indirect(from)) = (&to.kind, &from.kind)
                && let Some(moved) = from.moved.get()
            {
                let _ = to.moved.set(Arc::clone(moved));
            }
        }
    }

    /// Reads `size` bytes from the pieces that make them up.
    pub(super) fn read_indirect(
        &self,
        vdev: u64,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Buffer> {
        match self.resolve(MappedRange { vdev, offset, len: size as u64 }, request.want) {
            Ok(pieces) => split::read(self, &pieces, size, request),
            Err((vdev, offset, cause)) => {
                request.failed(self.name(vdev), offset, cause);
                None
            }
        }
    }

    /// The pieces of a range on vdevs that are still there, and what of each is wanted: bytes of the
    /// txg that they were copied in last.
    fn resolve(
        &self,
        whole: MappedRange,
        want: Want,
    ) -> Result<Vec<(MappedRange, Want)>, (u64, u64, Cause)> {
        let mut pieces = vec![(whole, want)];
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::with_capacity(pieces.len());
            let mut settled = true;
            for (piece, want) in pieces {
                let Some(VdevKind::Indirect(indirect)) = self.top(piece.vdev).map(|t| &t.kind)
                else {
                    next.push((piece, want));
                    continue;
                };
                settled = false;
                let Some(moved) = indirect.moved.get() else {
                    return Err((piece.vdev, piece.offset, Cause::NoMapping));
                };
                let mut targets = Vec::new();
                moved
                    .mapping
                    .pieces(piece.offset, piece.len, &mut targets)
                    .map_err(|offset| (piece.vdev, offset, Cause::Unmapped))?;
                let mut from = piece.offset;
                for target in targets {
                    let copied = moved.births.as_ref().and_then(|births| births.at(from));
                    let want = match copied {
                        // What was written while the device was being removed went to both places.
                        Some(txg) => Want { txg: txg.max(want.txg), is_copied: false, ..want },
                        None => Want { is_copied: true, ..want },
                    };
                    next.push((target, want));
                    from += target.len;
                }
            }
            pieces = next;
            if settled {
                return Ok(pieces);
            }
        }
        Err((whole.vdev, whole.offset, Cause::MappingLoop { most: MAX_DEPTH }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vdev;
    use super::*;
    use births::tests::births;
    use mapping::tests::mapping;

    impl VdevTree {
        /// Gives a removed device its mapping: start and length in sectors, vdev and sector; and the
        /// ends of its parts in bytes, and when they were copied.
        pub(in crate::vdev) fn set_mapping(
            &self,
            vdev: usize,
            ranges: &[(u64, u64, u64, u64)],
            copied: Option<&[(u64, u64)]>,
        ) {
            let VdevKind::Indirect(indirect) = &self.tops[vdev].kind else { panic!("not removed") };
            let births = copied.map(|entries| births(entries).unwrap());
            let moved = Moved { mapping: mapping(ranges).unwrap(), births };
            assert!(!indirect.is_known());
            indirect.set(moved);
        }
    }

    fn tree(mappings: &[&[(u64, u64, u64, u64)]]) -> VdevTree {
        let removed = || Vdev {
            guid: 0,
            ashift: 9,
            name: "indirect".to_owned(),
            kind: VdevKind::Indirect(Indirect::new(&VdevConfig::default())),
        };
        let tree = VdevTree { tops: mappings.iter().map(|_| removed()).collect() };
        for (vdev, ranges) in mappings.iter().enumerate() {
            tree.set_mapping(vdev, ranges, (vdev == 0).then_some(&[(1024, 30), (4096, 32)]));
        }
        tree
    }

    #[test]
    fn a_mapping_may_lead_to_another_removed_device() {
        let tree = tree(&[&[(0, 8, 1, 16)], &[(16, 2, 5, 0), (18, 9, 6, 100)]]);
        let want = Want::written_in(7);
        let pieces = tree.resolve(MappedRange { vdev: 0, offset: 512, len: 1536 }, want).unwrap();
        // The first copy is of a known txg; when the second was made is not known.
        let copied = |txg| Want { txg, is_copied: true, ..want };
        let expected = [
            (MappedRange { vdev: 5, offset: 512, len: 512 }, copied(30)),
            (MappedRange { vdev: 6, offset: 100 << 9, len: 1024 }, copied(30)),
        ];
        assert_eq!(pieces, expected);
        let once = self::tree(&[&[(0, 2, 1, 16), (2, 6, 2, 0)]]);
        let pieces = once.resolve(MappedRange { vdev: 0, offset: 512, len: 1536 }, want).unwrap();
        let txgs = pieces.into_iter().map(|(piece, want)| (piece.vdev, want.txg, want.is_copied));
        assert!(txgs.eq([(1, 30, false), (2, 32, false)]));
    }

    #[test]
    fn mappings_that_lead_in_a_circle_are_refused() {
        let tree = tree(&[&[(0, 8, 1, 0)], &[(0, 8, 0, 0)]]);
        let whole = MappedRange { vdev: 0, offset: 0, len: 512 };
        let (_, _, cause) = tree.resolve(whole, Want::written_in(7)).unwrap_err();
        assert_eq!(cause, Cause::MappingLoop { most: MAX_DEPTH });
    }
}
