//! The writing side: a block pointer from the values of its fields.

use super::{BlkPtr, Dva, EMBEDDED_MAX, EmbeddedType, dva::sectors, field, word};
use crate::{LayoutError, Order};
use zsend_records::types::{Checksum, Compress, DmuType};

/// The values of a block pointer's fields. At first: one sector, not compressed, no checksum, of no
/// type, level 0, little-endian, in no txg and without a copy, which makes it a hole.
///
/// A value is refused only if its field cannot hold it, or if another was given for the same bits, so that a
/// test can build what no writer writes: see [`BlkPtr::check`].
#[derive(Clone, Copy, Debug)]
pub struct BlkPtrBuilder {
    lsize: u64,
    psize: u64,
    compress: Compress,
    checksum_type: Checksum,
    checksum: [u64; 4],
    object_type: DmuType,
    level: u32,
    is_dedup: bool,
    uses_crypt: bool,
    salt_iv: Option<([u8; 8], [u8; 12])>,
    mac: Option<[u8; 16]>,
    order: Order,
    dvas: [Dva; 3],
    /// The index of a copy that no pointer has room for.
    no_dva: Option<usize>,
    physical_birth: u64,
    logical_birth: u64,
    fill: u64,
    embedded: Option<(EmbeddedType, [u8; EMBEDDED_MAX])>,
}

impl Default for BlkPtrBuilder {
    fn default() -> Self {
        Self {
            lsize: 512,
            psize: 512,
            compress: Compress::OFF,
            checksum_type: Checksum::OFF,
            checksum: [0; 4],
            object_type: DmuType::NONE,
            level: 0,
            is_dedup: false,
            uses_crypt: false,
            salt_iv: None,
            mac: None,
            order: Order::Little,
            dvas: [Dva::default(); 3],
            no_dva: None,
            physical_birth: 0,
            logical_birth: 0,
            fill: 0,
            embedded: None,
        }
    }
}

impl BlkPtrBuilder {
    /// Bytes of a block that is stored as it is: both sizes.
    #[must_use]
    pub const fn size(self, bytes: u64) -> Self {
        self.lsize(bytes).psize(bytes)
    }

    /// Bytes when decompressed.
    #[must_use]
    pub const fn lsize(mut self, bytes: u64) -> Self {
        self.lsize = bytes;
        self
    }

    /// Bytes as stored.
    #[must_use]
    pub const fn psize(mut self, bytes: u64) -> Self {
        self.psize = bytes;
        self
    }

    /// Compression of the block.
    #[must_use]
    pub const fn compress(mut self, compress: Compress) -> Self {
        self.compress = compress;
        self
    }

    /// Checksum algorithm of the block.
    #[must_use]
    pub const fn checksum_type(mut self, checksum: Checksum) -> Self {
        self.checksum_type = checksum;
        self
    }

    /// The four words of the checksum.
    #[must_use]
    pub const fn checksum(mut self, words: [u64; 4]) -> Self {
        self.checksum = words;
        self
    }

    /// Type of the object that the block belongs to.
    #[must_use]
    pub const fn object_type(mut self, object_type: DmuType) -> Self {
        self.object_type = object_type;
        self
    }

    /// Level in the object's tree.
    #[must_use]
    pub const fn level(mut self, level: u32) -> Self {
        self.level = level;
        self
    }

    /// Sets the bit of a block that is in the dedup table.
    #[must_use]
    pub const fn dedup(mut self, is_dedup: bool) -> Self {
        self.is_dedup = is_dedup;
        self
    }

    /// Sets the bit of a block that is encrypted or authenticated.
    #[must_use]
    pub const fn uses_crypt(mut self, uses_crypt: bool) -> Self {
        self.uses_crypt = uses_crypt;
        self
    }

    /// The salt and the IV of an encrypted block, which take the place of the third copy and of the
    /// fill count's upper half.
    #[must_use]
    pub const fn salt_iv(mut self, salt: [u8; 8], iv: [u8; 12]) -> Self {
        self.salt_iv = Some((salt, iv));
        self
    }

    /// The MAC, which takes the place of the checksum's last two words.
    #[must_use]
    pub const fn mac(mut self, mac: [u8; 16]) -> Self {
        self.mac = Some(mac);
        self
    }

    /// The byte order of the block's contents.
    #[must_use]
    pub const fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The first copy, the second or the third, from zero. [`Self::build`] refuses any other.
    #[must_use]
    pub const fn dva(mut self, i: usize, dva: Dva) -> Self {
        if i < self.dvas.len() {
            self.dvas[i] = dva;
        } else {
            self.no_dva = Some(i);
        }
        self
    }

    /// The txg that the block was written in.
    #[must_use]
    pub const fn logical_birth(mut self, txg: u64) -> Self {
        self.logical_birth = txg;
        self
    }

    /// The txg that the block was allocated in, if that is another.
    #[must_use]
    pub const fn physical_birth(mut self, txg: u64) -> Self {
        self.physical_birth = txg;
        self
    }

    /// Blocks below it that are no holes.
    #[must_use]
    pub const fn fill(mut self, fill: u64) -> Self {
        self.fill = fill;
        self
    }

    /// The block's bytes in the pointer itself, with zeros after them, and their number as PSIZE. What
    /// does not fit is left out, and the number tells.
    #[must_use]
    pub fn embedded(mut self, kind: EmbeddedType, payload: &[u8]) -> Self {
        let mut bytes = [0; EMBEDDED_MAX];
        bytes.iter_mut().zip(payload).for_each(|(to, from)| *to = *from);
        self.embedded = Some((kind, bytes));
        self.psize(payload.len() as u64)
    }

    /// The pointer.
    ///
    /// # Errors
    /// [`LayoutError::Field`] for a value that its field cannot hold; [`LayoutError::Conflict`] for two values
    /// of the same bits.
    pub fn build(&self) -> Result<BlkPtr, LayoutError> {
        if let Some(i) = self.no_dva {
            return Err(LayoutError::field("index of a DVA", i as u64, "at most 2"));
        }
        self.check_conflicts()?;
        let mut words = [0; 16];
        words[word::PROP] = self.prop()?;
        words[word::LOGICAL_BIRTH] = self.logical_birth;
        if let Some((_, payload)) = &self.embedded {
            for (i, &bytes) in word::PAYLOAD.into_iter().zip(payload.as_chunks::<8>().0) {
                words[i] = u64::from_le_bytes(bytes);
            }
            return Ok(BlkPtr::from_words(words));
        }
        for (words, dva) in words.as_chunks_mut::<2>().0.iter_mut().zip(self.dvas) {
            *words = dva.words();
        }
        words[word::PHYSICAL_BIRTH] = self.physical_birth;
        words[word::FILL] = self.fill;
        words[word::CHECKSUM..].copy_from_slice(&self.checksum);
        if let Some((salt, iv)) = self.salt_iv {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = iv;
            words[word::SALT] = self.order.u64(salt);
            words[word::IV_LOW] = self.order.u64([a, b, c, d, e, f, g, h]);
            let high = match self.order {
                Order::Little => u32::from_le_bytes([i, j, k, l]),
                Order::Big => u32::from_be_bytes([i, j, k, l]),
            };
            words[word::FILL] = word::FILL_LOW.place("fill", self.fill)?
                | word::IV_HIGH.place("iv", u64::from(high))?;
        }
        if let Some(mac) = self.mac {
            let mac = mac.as_chunks::<8>().0;
            for (word, &bytes) in words[word::MAC..].iter_mut().zip(mac) {
                *word = self.order.u64(bytes);
            }
        }
        let bp = BlkPtr::from_words(words);
        // The field of the count is then half a word, and that of the third copy holds the salt.
        if bp.is_encrypted() && self.salt_iv.is_none() {
            word::FILL_LOW.place("fill", self.fill)?;
            conflict("third DVA", !self.dvas[2].is_empty(), "salt", true)?;
        }
        Ok(bp)
    }

    /// Refuses two values for the same bits.
    fn check_conflicts(&self) -> Result<(), LayoutError> {
        let embedded = self.embedded.is_some();
        let has_dva = self.dvas.iter().any(|dva| !dva.is_empty());
        let births = self.physical_birth != 0;
        let sum = self.checksum_type != Checksum::OFF || self.checksum != [0; 4];
        for (what, is_given) in [
            ("DVA", has_dva),
            ("physical birth", births),
            ("checksum", sum),
            ("fill", self.fill != 0),
            ("salt", self.salt_iv.is_some()),
            ("MAC", self.mac.is_some()),
        ] {
            conflict(what, is_given, "embedded payload", embedded)?;
        }
        conflict("third DVA", !self.dvas[2].is_empty(), "salt", self.salt_iv.is_some())?;
        let [.., c, d] = self.checksum;
        conflict("checksum", (c, d) != (0, 0), "MAC", self.mac.is_some())
    }

    fn prop(&self) -> Result<u64, LayoutError> {
        let (sizes, kind) = match self.embedded {
            Some((kind, _)) => {
                let lsize = less_one("lsize", self.lsize)?;
                let psize = less_one("psize", self.psize)?;
                let sizes = field::EMBEDDED_LSIZE.place("lsize", lsize)?
                    | field::EMBEDDED_PSIZE.place("psize", psize)?
                    | field::EMBEDDED.mask();
                (sizes, kind.0)
            }
            None => {
                let lsize = less_one("lsize", sectors("lsize", self.lsize)?)?;
                let psize = less_one("psize", sectors("psize", self.psize)?)?;
                let sizes =
                    field::LSIZE.place("lsize", lsize)? | field::PSIZE.place("psize", psize)?;
                (sizes, self.checksum_type.0)
            }
        };
        Ok(sizes
            | field::COMPRESS.place("compress", self.compress.0.into())?
            | field::CHECKSUM.place("checksum", kind.into())?
            | field::TYPE.place("type", self.object_type.0.into())?
            | field::LEVEL.place("level", self.level.into())?
            | field::CRYPT.place("crypt", self.uses_crypt.into())?
            | field::DEDUP.place("dedup", self.is_dedup.into())?
            | field::BYTEORDER.place("byteorder", (self.order == Order::Little).into())?)
    }
}

/// Refuses two values that were both given.
const fn conflict(
    what: &'static str,
    has_one: bool,
    other: &'static str,
    has_other: bool,
) -> Result<(), LayoutError> {
    if has_one && has_other { Err(LayoutError::Conflict { what, other }) } else { Ok(()) }
}

/// A size as the fields have it, which cannot say zero.
fn less_one(what: &'static str, units: u64) -> Result<u64, LayoutError> {
    units.checked_sub(1).ok_or_else(|| LayoutError::field(what, units, "at least one"))
}
