//! Temporary.
use std::time::{Duration, Instant};
fn main() {
    let mut x: u64 = std::env::args().nth(1).map_or(1, |s| s.parse().unwrap());
    let seconds: u64 = std::env::args().nth(2).map_or(60, |s| s.parse().unwrap());
    let mut rnd = move |n: usize| { x ^= x << 13; x ^= x >> 7; x ^= x << 17; (x >> 33) as usize % n.max(1) };
    let seeds: Vec<Vec<u8>> = std::fs::read_dir("fuzz/corpus/verify").unwrap().map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect();
    let start = Instant::now();
    let mut n = 0u64;
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut s = seeds[rnd(seeds.len())].clone();
        for _ in 0..=rnd(4) {
            match rnd(8) {
                0..=2 => { let at = rnd(s.len()); s[at] ^= 1 << rnd(8); }
                3 => { let at = rnd(s.len()); s[at] = [0, 1, 0xff, 0x7f][rnd(4)]; }
                4 => { let at = rnd(s.len()); s.truncate(at.max(1)); }
                5 => { let at = rnd(s.len()); let len = rnd(400).min(s.len() - at); s.drain(at..at + len); if s.is_empty() { s.push(0) } }
                6 => { let at = rnd(s.len()); let len = rnd(700).min(s.len() - at); let p = s[at..at + len].to_vec(); let to = rnd(s.len()); s.splice(to..to, p); }
                _ => { let at = rnd(s.len()) / 8 * 8; if at + 8 <= s.len() { let v = [0u64, 1, u64::MAX, 1 << 63, 512, 131072, 16 << 20, 17 << 20][rnd(8)]; s[at..at + 8].copy_from_slice(&v.to_le_bytes()); } }
            }
        }
        std::fs::write(format!("/tmp/v15mut-{}", std::process::id()), &s).unwrap();
        zsend_fuzz::bounded(&s, zsend_fuzz::verify::check);
        n += 1;
    }
    println!("{n} inputs");
}
