//! Kinds of change that `verify` cannot refuse: a right sender could have written the result. docs/verify.md has these tables.

/// Fields whose values a right sender chooses, and why another value may be right.
pub const FREE_FIELDS: &[(&str, &str)] = &[
    ("BEGIN.creation_time", "A snapshot may be of any time."),
    (
        "BEGIN.flags",
        "The source may be in another dataset, names may be case-insensitive, and senders of before 2013 or 2019 do not set the other two.",
    ),
    (
        "BEGIN.fromguid",
        "The stream may start from any snapshot: `zsend chain` looks at several streams together.",
    ),
    ("BEGIN.objset_type", "Nothing in the records tells a filesystem from a volume."),
    ("BEGIN.toname", "A snapshot may have any name."),
    ("BEGIN.versioninfo", "A feature may be there that no record of the stream needs."),
    (
        "FREE.length",
        "An incremental stream may have holes anywhere; so may any, behind the end of an object.",
    ),
    (
        "FREE.object",
        "In the illumos dialect the holes of a block of dnodes may be of any object of it.",
    ),
    ("FREE.offset", "As FREE.length."),
    (
        "FREEOBJECTS.firstobj",
        "An incremental stream may free any objects between those that it has.",
    ),
    ("FREEOBJECTS.numobjs", "As FREEOBJECTS.firstobj; senders of before 2.0 write runs of none."),
    ("OBJECT.bonuslen", "A bonus may be shorter: eight bytes are filled up."),
    ("OBJECT.bonustype", "The bonus may be of another type of the same length."),
    (
        "OBJECT.checksumtype",
        "A dnode may have any checksum for the blocks that are yet to be written.",
    ),
    (
        "OBJECT.compress",
        "A dnode may have any compression for the blocks that are yet to be written.",
    ),
    ("OBJECT.dn_slots", "Senders of before large dnodes write zero for one."),
    (
        "OBJECT.indblkshift",
        "A raw dnode may have another size of indirect blocks; the MACs tell, with the key.",
    ),
    (
        "OBJECT.nlevels",
        "A raw dnode may have more levels than it needs; the MACs tell, with the key.",
    ),
    ("OBJECT.object_type", "An object without blocks in the stream may be of any type."),
    ("OBJECT_RANGE.iv", "The MAC tells, with the key."),
    ("OBJECT_RANGE.mac", "The bonuses that it is of tell, with the key."),
    ("OBJECT_RANGE.salt", "The MAC tells, with the key."),
    ("REDACT.drr_type", "As a FREE: what is withheld may be a hole instead."),
    ("REDACT.length", "More may be withheld."),
    (
        "SPILL.compressiontype",
        "An encrypted block may have any codec; its contents tell, with the key.",
    ),
    ("SPILL.flags", "Whether a spill block was changed, only the source tells."),
    ("SPILL.iv", "The MAC tells, with the key."),
    (
        "SPILL.length",
        "An encrypted block that is compressed may be of any size; its contents tell, with the key.",
    ),
    ("SPILL.mac", "The contents tell, with the key."),
    ("SPILL.salt", "The MAC tells, with the key."),
    (
        "WRITE.checksumtype",
        "Of a block that is sent decompressed, the checksum is of other bytes; and some need the pool's salt.",
    ),
    ("WRITE.iv", "The MAC tells, with the key."),
    ("WRITE.key_cksum", "As WRITE.checksumtype."),
    ("WRITE.offset", "An incremental stream may change any block."),
    ("WRITE.salt", "The MAC tells, with the key."),
    ("WRITE_BYREF.key_cksum", "The block itself is not kept: its checksum may be any."),
    ("WRITE_BYREF.key_prop", "As WRITE_BYREF.key_cksum."),
];

/// Other damages that leave what a right sender could have written, and why.
pub const FREE_KINDS: &[(&str, &str)] = &[
    ("FREE and FREE swapped", "Two holes of the same block of dnodes may come in either order."),
    (
        "FREE and FREEOBJECTS swapped",
        "In the illumos dialect free objects come before the holes of the objects beside them.",
    ),
    (
        "FREE left out",
        "In an incremental stream a hole that is not told is one that was there before; behind the end of an object it changes nothing.",
    ),
    ("FREEOBJECTS and FREE swapped", "As FREE and FREEOBJECTS."),
    (
        "FREEOBJECTS and FREEOBJECTS swapped",
        "Runs of none, as senders of before 2.0 write, may stand anywhere.",
    ),
    ("FREEOBJECTS doubled", "As above."),
    (
        "FREEOBJECTS left out",
        "In an incremental stream objects that are not told are as they were before.",
    ),
    ("REDACT and FREEOBJECTS swapped", "As FREE and FREEOBJECTS."),
    ("REDACT and SPILL swapped", "A spill block may come before or behind the data of its object."),
    ("SPILL and FREEOBJECTS swapped", "As FREE and FREEOBJECTS."),
    (
        "SPILL left out",
        "In an incremental stream a spill block that is not sent is as it was before.",
    ),
    (
        "WRITE and FREE swapped",
        "A hole behind the end of its object may come at any place among its blocks that lie before it.",
    ),
    ("WRITE and FREEOBJECTS swapped", "As FREE and FREEOBJECTS."),
    ("WRITE left out", "In an incremental stream a block that is not sent is as it was before."),
    ("payload of BEGIN", "Names, guids and wrapped keys may be any; the wrapping key tells."),
    ("payload of OBJECT", "A bonus may be anything; of a raw stream the MACs tell, with the key."),
    (
        "payload of SPILL",
        "A spill block may be anything; of a raw stream the MACs tell, with the key.",
    ),
    (
        "payload of WRITE",
        "A block that is sent decompressed, or whose checksum is salted, may be anything; of a raw stream the MACs tell, with the key.",
    ),
    (
        "payload of WRITE_EMBEDDED",
        "Other bytes may decompress to the right size; what fills up eight bytes may be anything.",
    ),
];
