//! Object sets, from their objects.

use super::mos::data;
use super::{DamageError, Disks, Form, INDIRECT_SHIFT, SmallObject, TXG};
use zsend_ondisk::blkptr::BlkPtr;
use zsend_ondisk::dnode::{DNODE_BLOCK_SIZE, DNODE_SIZE, DnodeBuilder, DnodePhys};
use zsend_ondisk::objset::{ObjsetBuilder, dnodes};
use zsend_ondisk::{LayoutError, Order};
use zsend_pool::Zbookmark;
use zsend_records::types::{Checksum, Compress, DmuType, ObjsetType};

/// Writes an object set of these objects, and gives the pointer to it.
pub(super) fn objset(
    disks: &mut Disks,
    kind: ObjsetType,
    objects: &[Option<SmallObject>],
) -> Result<BlkPtr, DamageError> {
    let mut made = Vec::new();
    for object in objects {
        made.push(object.as_ref().map(|object| dnode(disks, object)).transpose()?);
    }
    let dnodes = dnodes(made.iter().map(Option::as_ref), Order::Little).map_err(layout)?;
    let count = objects.iter().flatten().count() as u64;
    let blocks: Vec<Option<Vec<u8>>> =
        dnodes.chunks(DNODE_BLOCK_SIZE).map(|block| Some(block.to_vec())).collect();
    let meta = SmallObject {
        object_type: DmuType::DNODE,
        sectors: 32,
        compress: Compress::LZ4,
        blocks,
        ..data(DmuType::DNODE.0, Vec::new())
    };
    let meta = dnode(disks, &meta)?;
    let block = ObjsetBuilder::new(kind, meta).build(Order::Little).map_err(layout)?;
    disks.store(&block, &Form { fill: count, ..form(DmuType::OBJSET, Compress::LZ4, 0) })
}

/// Writes an object's blocks and makes its dnode.
fn dnode(disks: &mut Disks, object: &SmallObject) -> Result<DnodeBuilder, DamageError> {
    let size = usize::from(object.sectors.max(1)) * 512;
    let own = Form { checksum: object.checksum, ..form(object.object_type, object.compress, 0) };
    let mut level = Vec::new();
    for block in &object.blocks {
        level.push(match block {
            None => BlkPtr::default(),
            Some(bytes) => {
                let mut block = bytes.clone();
                block.resize(size, 0);
                let is_dnodes = object.object_type == DmuType::DNODE;
                let used = |slot: &&[u8]| slot[0] != 0;
                let count = block.chunks(DNODE_SIZE).filter(used).count() as u64;
                let fill = if is_dnodes { count } else { 1 };
                disks.store(&block, &Form { fill, ..own.clone() })?
            }
        });
    }
    let maxblkid = object.blocks.len().saturating_sub(1) as u64;
    let mut nlevels = 1;
    while level.len() > 3 {
        let mut above = Vec::new();
        for pointers in level.chunks(1 << (INDIRECT_SHIFT - 7)) {
            let mut block: Vec<u8> =
                pointers.iter().flat_map(|bp| bp.to_bytes(Order::Little)).collect();
            block.resize(1 << INDIRECT_SHIFT, 0);
            let fill = pointers.iter().filter(|bp| !bp.is_hole()).map(BlkPtr::fill).sum();
            let form = form(object.object_type, Compress::LZ4, nlevels.into());
            let is_empty = fill == 0;
            above.push(if is_empty {
                BlkPtr::default()
            } else {
                disks.store(&block, &Form { fill, ..form })?
            });
        }
        (level, nlevels) = (above, nlevels + 1);
    }
    level.resize(level.len().max(1), BlkPtr::default());
    let core = DnodePhys {
        kind: object.object_type.0,
        indblkshift: INDIRECT_SHIFT,
        nlevels,
        bonustype: object.bonus.0.0,
        checksum: object.checksum.0,
        compress: object.compress.0,
        datablkszsec: object.sectors.max(1).into(),
        maxblkid: maxblkid.into(),
        ..DnodePhys::default()
    };
    Ok(DnodeBuilder { core, pointers: level, bonus: object.bonus.1.clone(), spill: None })
}

fn layout(source: LayoutError) -> DamageError {
    DamageError::Layout { at: Zbookmark::default(), source }
}

fn form(object_type: DmuType, compress: Compress, level: u32) -> Form {
    Form {
        object_type,
        level,
        compress,
        checksum: Checksum::FLETCHER_4,
        order: Order::Little,
        is_dedup: false,
        births: [TXG - 2; 2],
        fill: 1,
        copies: vec![0],
    }
}
