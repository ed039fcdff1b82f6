"""Packs one list of every type with libnvpair (OpenZFS), as nvlist-all-{native,xdr}.bin.

No byte or int8 is over 0x7f: user-space XDR extends those with the sign, the kernel with zeros.
"""

import ctypes as c

lib = c.CDLL("libnvpair.so.3")


def new():
    pointer = c.c_void_p()
    assert lib.nvlist_alloc(c.byref(pointer), 1, 0) == 0
    return pointer


def add(nvl, kind, name, *value):
    assert getattr(lib, "nvlist_add_" + kind)(nvl, name.encode(), *value) == 0


def pack(nvl, encoding, path):
    buffer, size = c.c_void_p(), c.c_size_t()
    assert lib.nvlist_pack(nvl, c.byref(buffer), c.byref(size), encoding, 0) == 0
    with open(path, "wb") as out:
        out.write(c.string_at(buffer, size.value))


inner, empty, nvl = new(), new(), new()
add(inner, "uint64", "x", c.c_uint64(0x1122334455667788))
add(nvl, "boolean", "boolean")
add(nvl, "byte", "byte", c.c_ubyte(0x7E))
add(nvl, "int16", "int16", c.c_int16(-2))
add(nvl, "uint16", "uint16", c.c_uint16(0xFFFE))
add(nvl, "int32", "int32", c.c_int32(-3))
add(nvl, "uint32", "uint32", c.c_uint32(0xFFFFFFFD))
add(nvl, "int64", "int64", c.c_int64(-4))
add(nvl, "uint64", "uint64", c.c_uint64(0xFFFFFFFFFFFFFFFC))
add(nvl, "string", "string", b"hello")
add(nvl, "byte_array", "byte_array", (c.c_ubyte * 3)(1, 2, 0xFF), 3)
add(nvl, "int16_array", "int16_array", (c.c_int16 * 3)(1, -2, 3), 3)
add(nvl, "uint16_array", "uint16_array", (c.c_uint16 * 3)(1, 0xFFFE, 3), 3)
add(nvl, "int32_array", "int32_array", (c.c_int32 * 3)(1, -2, 3), 3)
add(nvl, "uint32_array", "uint32_array", (c.c_uint32 * 3)(1, 0xFFFFFFFE, 3), 3)
add(nvl, "int64_array", "int64_array", (c.c_int64 * 2)(1, -2), 2)
add(nvl, "uint64_array", "uint64_array", (c.c_uint64 * 2)(1, 0xFFFFFFFFFFFFFFFE), 2)
add(nvl, "string_array", "string_array", (c.c_char_p * 3)(b"a", b"", b"four"), 3)
add(nvl, "hrtime", "hrtime", c.c_int64(5))
add(nvl, "nvlist", "nvlist", inner)
add(nvl, "nvlist_array", "nvlist_array", (c.c_void_p * 2)(inner, empty), 2)
add(nvl, "boolean_value", "boolean_value", 1)
add(nvl, "int8", "int8", c.c_int8(1))
add(nvl, "uint8", "uint8", c.c_uint8(0x7F))
add(nvl, "boolean_array", "boolean_array", (c.c_int * 2)(1, 0), 2)
add(nvl, "int8_array", "int8_array", (c.c_int8 * 3)(1, 2, 3), 3)
add(nvl, "uint8_array", "uint8_array", (c.c_uint8 * 3)(1, 2, 3), 3)
add(nvl, "double", "double", c.c_double(1.5))
for kind in ["byte", "uint64", "uint8", "boolean", "string", "nvlist"]:
    add(nvl, kind + "_array", "empty_" + kind, None, 0)
pack(nvl, 0, "nvlist-all-native.bin")
pack(nvl, 1, "nvlist-all-xdr.bin")
