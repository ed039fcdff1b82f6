//! Tells what lies on a device that has no label: often something that a pool lies in.

use crate::device::Device;
use crate::error::Contents;

/// Bytes that tell a format, and where they lie: from the start, or from the end if negative.
type Signature = (i64, &'static [u8], Contents);

const fn contents(name: &'static str, advice: &'static str) -> Contents {
    Contents { name, advice }
}

const CONVERT: &str = "attach it with qemu-nbd --read-only, or make a raw image of it with \
                       qemu-img convert -O raw";
const UNPACK: &str = "unpack it first";
const FORENSIC: &str = "mount it with ewfmount or export it with ewfexport";
const ASSEMBLE: &str = "assemble it with mdadm --assemble --readonly";
const STREAM: Contents = contents("a ZFS send stream", "receive it into a pool");

/// Sources: `libmagic`'s database, `libblkid`'s superblock probes, and each format's own description.
const SIGNATURES: &[Signature] = &[
    (0, b"LUKS\xba\xbe", contents("a LUKS volume", "open it with cryptsetup open --readonly")),
    (3, b"-FVE-FS-", contents("a BitLocker volume", "open it with cryptsetup or dislocker")),
    (536, b"LVM2 001", contents("an LVM physical volume", "activate it with vgchange -ay")),
    (24, b"LVM2 001", contents("an LVM physical volume", "activate it with vgchange -ay")),
    (1048, b"LVM2 001", contents("an LVM physical volume", "activate it with vgchange -ay")),
    (1560, b"LVM2 001", contents("an LVM physical volume", "activate it with vgchange -ay")),
    (4096, b"\xfc\x4e\x2b\xa9", contents("a member of a Linux MD array", ASSEMBLE)),
    (0, b"\xfc\x4e\x2b\xa9", contents("a member of a Linux MD array", ASSEMBLE)),
    (0, b"QFI\xfb", contents("a qcow2 image", CONVERT)),
    (0, b"QED\0", contents("a QED image", CONVERT)),
    (0, b"KDMV", contents("a VMDK image", CONVERT)),
    (0, b"COWD", contents("a VMDK image", CONVERT)),
    (0, b"# Disk DescriptorFile", contents("the description of a VMDK image", CONVERT)),
    (64, b"\x7f\x10\xda\xbe", contents("a VDI image", CONVERT)),
    (0, b"vhdxfile", contents("a VHDX image", CONVERT)),
    (0, b"conectix", contents("a VHD image", CONVERT)),
    (0, b"WithoutFreeSpace", contents("a Parallels image", CONVERT)),
    (0, b"WithouFreSpacExt", contents("a Parallels image", CONVERT)),
    (-512, b"koly", contents("a DMG image", "make a raw image of it with dmg2img or qemu-img")),
    (0, b"EVF\x09\x0d\x0a\xff\0", contents("an EWF (E01) image", FORENSIC)),
    (0, b"EVF2\x0d\x0a\x81\0", contents("an EWF (Ex01) image", FORENSIC)),
    (0, b"AFF10\r\n\0", contents("an AFF image", "mount it with affuse")),
    (0, b"\x3a\xff\x26\xed", contents("an Android sparse image", "unpack it with simg2img")),
    (0, b"\x1f\x8b\x08", contents("a gzip file", UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", contents("a zstd file", UNPACK)),
    (0, b"\xfd7zXZ\0", contents("an xz file", UNPACK)),
    (0, b"BZh", contents("a bzip2 file", UNPACK)),
    (0, b"\x04\x22\x4d\x18", contents("an LZ4 file", UNPACK)),
    (0, b"LZIP", contents("an lzip file", UNPACK)),
    (0, b"\x89LZO\0\r\n\x1a\n", contents("an lzop file", UNPACK)),
    (0, b"PK\x03\x04", contents("a zip archive", UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", contents("a 7z archive", UNPACK)),
    (0, b"Rar!\x1a\x07", contents("a RAR archive", UNPACK)),
    (257, b"ustar", contents("a tar archive", UNPACK)),
    (8, b"\xac\xcb\xba\xf5\x02\0\0\0", STREAM),
    (8, b"\0\0\0\x02\xf5\xba\xcb\xac", STREAM),
    (1080, b"\x53\xef", contents("an ext2, ext3 or ext4 file system", "")),
    (0, b"XFSB", contents("an XFS file system", "")),
    (65_600, b"_BHRfS_M", contents("a Btrfs file system", "")),
    (1024, b"\x10\x20\xf5\xf2", contents("an F2FS file system", "")),
    (3, b"NTFS    ", contents("an NTFS file system", "")),
    (3, b"EXFAT   ", contents("an exFAT file system", "")),
    (54, b"FAT1", contents("a FAT file system", "")),
    (82, b"FAT32", contents("a FAT file system", "")),
    (32_769, b"CD001", contents("an ISO 9660 file system", "")),
    (0, b"hsqs", contents("a SquashFS file system", "")),
    (4086, b"SWAPSPACE2", contents("swap space", "")),
    (
        4120,
        b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81",
        contents("a bcache device", "register it with bcache and open /dev/bcacheN"),
    ),
    (
        512,
        b"\x57\x45\x56\x82",
        contents("a BSD disklabel", "give each of its partitions as a device of its own"),
    ),
    (
        524,
        b"\xee\xde\x0d\x60",
        contents("a Solaris VTOC", "give each of its slices as a device of its own"),
    ),
    (
        508,
        b"\xda\xbe",
        contents("a Sun disk label", "give each of its slices as a device of its own"),
    ),
];

/// Blocks of this many bytes hold the superblock of an MD array of version 0.90 at a device's end.
const MD_RESERVED: u64 = 64 << 10;
/// Magic at the start of an MD superblock, in little-endian order.
const MD_MAGIC: [u8; 4] = [0xfc, 0x4e, 0x2b, 0xa9];

/// Bytes at a device's start that all signatures lie in.
const START_SIZE: u64 = 68 << 10;
/// Bytes at its end, likewise: an MD superblock lies in the last 128 KiB.
const END_SIZE: u64 = 128 << 10;

/// Contents of a device, if they are known.
pub(super) fn of(device: &Device) -> Option<Contents> {
    let size = device.size();
    let part = |at: u64, len: u64| {
        usize::try_from(len)
            .ok()
            .and_then(|len| device.read_bytes(at, len).ok())
            .unwrap_or_default()
    };
    let start = part(0, START_SIZE.min(size));
    let end_at = size - END_SIZE.min(size);
    let end = part(end_at, size - end_at);
    let holds = |at: u64, wanted: &[u8]| {
        let (bytes, at) =
            if at < START_SIZE { (&start, Some(at)) } else { (&end, at.checked_sub(end_at)) };
        let at = at.and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| bytes.get(at..at + wanted.len())) == Some(wanted)
    };
    let known = SIGNATURES.iter().find(|(at, wanted, _)| {
        let at = if *at < 0 { size.checked_add_signed(*at) } else { Some(at.unsigned_abs()) };
        at.is_some_and(|at| holds(at, wanted))
    });
    // Of version 0.90, and of 1.0: twelve KiB or less from the end, in steps of 4 KiB.
    let md = [(size / MD_RESERVED * MD_RESERVED).checked_sub(MD_RESERVED), {
        (size / 512).checked_sub(16).map(|sector| sector / 8 * 8 * 512)
    }];
    let is_md = || md.into_iter().flatten().any(|at| holds(at, &MD_MAGIC));
    known
        .map(|(_, _, contents)| *contents)
        .or_else(|| is_md().then_some(contents("a member of a Linux MD array", ASSEMBLE)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::tests::Memory;
    use std::sync::Arc;

    fn look(bytes: Vec<u8>) -> Option<&'static str> {
        of(&Device::new("device", Arc::new(Memory(bytes)))).map(|c| c.name)
    }

    #[test]
    fn each_signature_is_found_where_it_lies() {
        for (at, bytes, contents) in SIGNATURES {
            let mut device = vec![0; 256 << 10];
            let place = usize::try_from(if *at < 0 { (256 << 10) + at } else { *at }).unwrap();
            device[place..place + bytes.len()].copy_from_slice(bytes);
            assert_eq!(look(device.clone()), Some(contents.name));
            // One byte off, it is nothing.
            device[place] ^= 0x80;
            assert_eq!(look(device), None, "{}", contents.name);
        }
    }

    #[test]
    fn an_array_is_known_by_the_end_of_its_members() {
        let size = (1 << 20) + 24 * 512;
        for at in [(1 << 20) - (64 << 10), (1 << 20) + 8 * 512] {
            let mut device = vec![0; size];
            device[at..at + 4].copy_from_slice(&MD_MAGIC);
            assert_eq!(look(device), Some("a member of a Linux MD array"));
        }
    }

    #[test]
    fn nothing_is_told_of_what_is_not_known() {
        for size in [0, 1, 511, 64 << 10, 1 << 20] {
            assert_eq!(look(vec![0; size]), None);
            assert_eq!(look(vec![0x5a; size]), None);
        }
    }
}
