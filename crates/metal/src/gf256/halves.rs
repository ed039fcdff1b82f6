//! Products of half bytes, for kernels that look them up by a shuffle.

use super::mul;

/// For each factor its products with 0 to 15, and with 0 to 15 times 16.
pub(super) static HALVES: [[[u8; 16]; 2]; 256] = {
    let mut tables = [[[0; 16]; 2]; 256];
    // A factor of zero has zeros.
    let mut factor = u8::MAX;
    while factor > 0 {
        let [low, high] = &mut tables[factor as usize];
        let mut x = 0;
        while x < 16 {
            low[x as usize] = mul(factor, x);
            high[x as usize] = mul(factor, x << 4);
            x += 1;
        }
        factor -= 1;
    }
    tables
};
