//! Pools that are damaged as a stranger may damage them: every checksum is right.

pub mod change;
mod codec;
mod disks;
mod error;
pub mod make;
mod overlay;
mod path;

pub use error::DamageError;

use crate::images;
use disks::{Disks, Form};
use overlay::index;
use path::Path;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path as FilePath;
use std::sync::Arc;
use zerocopy::FromBytes;
use zsend_ondisk::Order;
use zsend_ondisk::blkptr::{BLKPTR_SIZE, BlkPtr};
use zsend_ondisk::dnode::{DNODE_SIZE, DNODES_PER_BLOCK, DnodePhys};
use zsend_pool::{Device, OpenOptions, Pool, PoolError, Zbookmark, Zio};

/// A pool whose blocks can be changed. The devices that it was opened on stay as they are: what is written lies
/// in memory, and [`Self::devices`] show it.
///
/// A changed block goes where nothing was ever written, with all its copies, and so does every block above
/// it, up to the uberblock of every label. So what shares the block with another snapshot is untouched there,
/// and older states of the pool can still be read. Space maps and accounting stay as they were: a reader needs
/// none of them. A block keeps its codec, but for lzjb and zle, which have no encoder here: it is stored
/// as it is then, as is one that does not shrink.
///
/// Top-level vdevs must be disks or mirrors of disks. Encrypted blocks, gang blocks and those that lie
/// in their pointer are refused by name; the pointer can be changed.
///
/// ```
/// use zsend_pool::Zbookmark;
/// use zsend_testkit::pool::{MendedPool, make::SmallPool};
///
/// let mut pool = SmallPool::default().build()?;
/// // The type of object 4 of the MOS, and with it what its data are read as.
/// pool.change_dnode(0, 4, |dnode| dnode[0] = 19)?;
/// let found = pool.open()?.mos().dnode(4)?.object_type;
/// assert_eq!(found.to_string(), "PLAIN_FILE_CONTENTS");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct MendedPool {
    disks: Disks,
    name: String,
    options: OpenOptions,
    zio: Arc<Zio>,
    root: BlkPtr,
    /// Txg and time of the uberblock.
    uberblock: (u64, u64),
}

impl MendedPool {
    /// A pool on these devices, every one of which has labels of its own: a partitioned disk is no device
    /// here, its partition is one.
    ///
    /// # Errors
    /// [`DamageError::NoLabel`]; [`DamageError::Pool`] if the pool does not open.
    pub fn new(devices: &[Device], name: &str, options: &OpenOptions) -> Result<Self, DamageError> {
        Self::of(Disks::open(devices)?, name, options)
    }

    /// A folder of `fixtures/`, named as the pool in it.
    ///
    /// # Errors
    /// [`DamageError::Fixture`] if it does not unpack, and those of [`Self::new`].
    pub fn fixture(name: &str) -> Result<Self, DamageError> {
        let unread = |e: io::Error| DamageError::Fixture(format!("{name}: {e}"));
        let dir = images::unpack(&crate::fixture(name)).map_err(DamageError::Fixture)?;
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(unread)? {
            let path = entry.map_err(unread)?.path();
            if path.extension().is_some_and(|extension| extension == "img") {
                paths.push(path);
            }
        }
        paths.sort();
        let devices: Result<Vec<_>, _> = paths.iter().map(|path| Device::open(path)).collect();
        Self::new(&devices?, name, &OpenOptions::default())
    }

    fn of(mut disks: Disks, name: &str, options: &OpenOptions) -> Result<Self, DamageError> {
        let pool = Pool::open_devices(&disks.devices(), name, options)?;
        let uberblock = pool.uberblock();
        disks.salt = pool.zio().salt().cloned();
        Ok(Self {
            disks,
            name: name.to_owned(),
            options: options.clone(),
            root: uberblock.rootbp,
            uberblock: (uberblock.txg, uberblock.timestamp),
            zio: Arc::clone(pool.zio()),
        })
    }

    /// The same pool, whose changes from here on do not show in this one.
    ///
    /// # Errors
    /// [`DamageError::Pool`] if it does not open any more.
    pub fn fork(&self) -> Result<Self, DamageError> {
        Self::of(self.disks.clone(), &self.name, &self.options)
    }

    /// The devices, with all that was changed.
    pub fn devices(&self) -> Vec<Device> {
        self.disks.devices()
    }

    /// The pool as a reader finds it now.
    ///
    /// # Errors
    /// Those of [`Pool::open_devices`].
    pub fn open(&self) -> Result<Pool, PoolError> {
        Pool::open_devices(&self.devices(), &self.name, &self.options)
    }

    /// Writes the devices to files in a folder, by their place in the pool: `0.img` and so on. Zeros are holes.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn save(&self, dir: &FilePath) -> io::Result<()> {
        const PIECE: u64 = 1 << 20;
        for (i, device) in self.devices().iter().enumerate() {
            let mut file = File::create(dir.join(format!("{i}.img")))?;
            file.set_len(device.size())?;
            for at in (0..device.size()).step_by(index(PIECE)) {
                let piece = device.read_bytes(at, index(PIECE.min(device.size() - at)))?;
                if piece.iter().any(|&byte| byte != 0) {
                    file.seek(SeekFrom::Start(at))?;
                    file.write_all(&piece)?;
                }
            }
        }
        Ok(())
    }

    /// Changes a block: `change` gets its bytes, decompressed, in the byte order in which they are stored.
    ///
    /// # Errors
    /// Those of finding and reading it, and of writing what is above it.
    pub fn change_block(
        &mut self,
        at: Zbookmark,
        change: impl FnOnce(&mut [u8]),
    ) -> Result<(), DamageError> {
        let path = Path::find(&self.zio, self.root, at)?;
        let mut bytes = path::read(&self.zio, &path.bp, at)?;
        change(&mut bytes);
        let bp = self.disks.store(&bytes, &Form::of(&path.bp, at)?)?;
        self.mend(path, bp)
    }

    /// Changes the pointer to a block, in what it lies in. `change` may lead it anywhere.
    ///
    /// # Errors
    /// As [`Self::change_block`].
    pub fn change_pointer(
        &mut self,
        at: Zbookmark,
        change: impl FnOnce(BlkPtr) -> BlkPtr,
    ) -> Result<(), DamageError> {
        let path = Path::find(&self.zio, self.root, at)?;
        let bp = change(path.bp);
        self.mend(path, bp)
    }

    /// Changes a dnode: `change` gets all its slots, as they are stored.
    ///
    /// # Errors
    /// As [`Self::change_block`].
    pub fn change_dnode(
        &mut self,
        objset: u64,
        object: u64,
        change: impl FnOnce(&mut [u8]),
    ) -> Result<(), DamageError> {
        let at = Zbookmark::new(objset, 0, 0, object / DNODES_PER_BLOCK);
        let start = index(object % DNODES_PER_BLOCK) * DNODE_SIZE;
        let mut is_there = false;
        self.change_block(at, |block| {
            // An earlier change may have made the block short.
            let Some(rest) = block.get_mut(start..) else { return };
            is_there = !rest.is_empty();
            let size = DnodePhys::read_from_prefix(rest).map_or(DNODE_SIZE, |d| d.0.size());
            let end = size.min(rest.len());
            change(&mut rest[..end]);
        })?;
        if is_there { Ok(()) } else { Err(DamageError::Absent(at)) }
    }

    /// Puts a pointer at the end of a way, and writes every block of it anew.
    fn mend(&mut self, path: Path, mut bp: BlkPtr) -> Result<(), DamageError> {
        for mut step in path.steps.into_iter().rev() {
            let pointer: [u8; BLKPTR_SIZE] = bp.to_bytes(step.bp.order());
            step.bytes[step.next..step.next + BLKPTR_SIZE].copy_from_slice(&pointer);
            bp = self.disks.store(&step.bytes, &Form::of(&step.bp, step.at)?)?;
        }
        let (txg, time) = self.uberblock;
        self.disks.reseal(txg, time, &bp)?;
        self.root = bp;
        Ok(())
    }

    /// Pointer to the meta object set.
    pub const fn root(&self) -> &BlkPtr {
        &self.root
    }

    /// The byte order that the meta object set is stored in.
    pub const fn order(&self) -> Order {
        self.root.order()
    }
}
