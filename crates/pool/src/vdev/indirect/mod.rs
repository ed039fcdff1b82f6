//! Removed devices: their blocks keep their addresses, and a mapping in the MOS tells where the
//! bytes went.

mod mapping;
mod split;

use super::{Kind, Request, Tree};
use crate::dmu::objset::Objset;
use mapping::{Mapping, Piece};
use std::sync::OnceLock;

/// How often a mapping may lead to another removed device. Each is removed after the last.
const MAX_DEPTH: usize = 64;
/// How often the removed devices are gone through while some mapping is not readable yet.
const MAX_ROUNDS: usize = 64;

/// A removed device.
#[derive(Debug)]
pub(super) struct Indirect {
    /// The mapping's object in the MOS.
    object: Option<u64>,
    /// Empty until the MOS can be read, which may need the mappings of other removed devices.
    mapping: OnceLock<Mapping>,
}

impl Indirect {
    pub(super) const fn new(object: Option<u64>) -> Self {
        Self { object, mapping: OnceLock::new() }
    }
}

/// Loads the mappings of the removed devices of the tree that the MOS is read by. Returns what
/// could not be loaded, and why: blocks there cannot be read.
///
/// One mapping may lie on a device that was itself removed later, so what fails is tried again
/// once others are known.
///
/// Source: `spa_ld_open_indirect_vdev_metadata()`, OpenZFS `module/zfs/spa.c`, zfs-2.3.2, which
/// follows `com.delphix:prev_indirect_vdev` instead.
pub(crate) fn load(mos: &Objset) -> Vec<String> {
    let tree = mos.zio().tree();
    let mut failed = Vec::new();
    for _ in 0..MAX_ROUNDS {
        failed.clear();
        let mut loaded = false;
        for top in &tree.tops {
            let Kind::Indirect(indirect) = &top.kind else { continue };
            if indirect.mapping.get().is_some() {
                continue;
            }
            let result = match indirect.object {
                Some(object) => Mapping::read(mos, object).map_err(|e| e.to_string()),
                None => Err("the configuration names no mapping".to_owned()),
            };
            match result {
                Ok(mapping) => loaded |= indirect.mapping.set(mapping).is_ok(),
                Err(why) => failed.push(format!("{} cannot be read: {why}", top.name)),
            }
        }
        if failed.is_empty() || !loaded {
            break;
        }
    }
    failed
}

impl Tree {
    /// Reads `size` bytes from the pieces that make them up.
    pub(super) fn read_indirect(
        &self,
        vdev: u64,
        offset: u64,
        size: usize,
        request: &mut Request<'_>,
    ) -> Option<Vec<u8>> {
        match self.resolve(Piece { vdev, offset, len: size as u64 }) {
            Ok(pieces) => split::read(self, &pieces, size, request),
            Err((vdev, offset, why)) => {
                let name = self.top(vdev).map_or(format!("vdev {vdev}"), |t| t.name.clone());
                request.failed(name, offset, why, false);
                None
            }
        }
    }

    /// The pieces of a range on vdevs that are still there.
    fn resolve(&self, whole: Piece) -> Result<Vec<Piece>, (u64, u64, String)> {
        let mut pieces = vec![whole];
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::with_capacity(pieces.len());
            let mut settled = true;
            for piece in pieces {
                let Some(Kind::Indirect(indirect)) = self.top(piece.vdev).map(|t| &t.kind) else {
                    next.push(piece);
                    continue;
                };
                settled = false;
                let Some(mapping) = indirect.mapping.get() else {
                    let why = "the mapping of this removed device is not known".to_owned();
                    return Err((piece.vdev, piece.offset, why));
                };
                mapping.pieces(piece.offset, piece.len, &mut next).map_err(|offset| {
                    (piece.vdev, offset, "this removed device has nothing mapped here".to_owned())
                })?;
            }
            pieces = next;
            if settled {
                return Ok(pieces);
            }
        }
        let why = format!("removed devices lead to each other more than {MAX_DEPTH} times");
        Err((whole.vdev, whole.offset, why))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Vdev;
    use super::*;
    use mapping::tests::mapping;

    impl Tree {
        /// Gives a removed device its mapping: start and length in sectors, vdev and sector.
        pub(in crate::vdev) fn set_mapping(&self, vdev: usize, ranges: &[(u64, u64, u64, u64)]) {
            let Kind::Indirect(indirect) = &self.tops[vdev].kind else { panic!("not removed") };
            indirect.mapping.set(mapping(ranges).unwrap()).unwrap();
        }
    }

    fn tree(mappings: &[&[(u64, u64, u64, u64)]]) -> Tree {
        let tops = mappings
            .iter()
            .map(|ranges| {
                let indirect = Indirect::new(None);
                indirect.mapping.set(mapping(ranges).unwrap()).unwrap();
                Vdev {
                    guid: 0,
                    ashift: 9,
                    name: "indirect".to_owned(),
                    kind: Kind::Indirect(indirect),
                }
            })
            .collect();
        Tree { tops }
    }

    #[test]
    fn a_mapping_may_lead_to_another_removed_device() {
        let tree = tree(&[&[(0, 8, 1, 16)], &[(16, 2, 5, 0), (18, 9, 6, 100)]]);
        let pieces = tree.resolve(Piece { vdev: 0, offset: 512, len: 1536 }).unwrap();
        let expected = [
            Piece { vdev: 5, offset: 512, len: 512 },
            Piece { vdev: 6, offset: 100 << 9, len: 1024 },
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn mappings_that_lead_in_a_circle_are_refused() {
        let tree = tree(&[&[(0, 8, 1, 0)], &[(0, 8, 0, 0)]]);
        let (_, _, why) = tree.resolve(Piece { vdev: 0, offset: 0, len: 512 }).unwrap_err();
        assert!(why.contains("lead to each other"), "{why}");
    }
}
