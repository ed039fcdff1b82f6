//! Lists the datasets of a pool whose image a web server has: only the ranges that are needed are fetched.
//!
//! `http HOST:PORT /PATH POOL`
#![allow(clippy::print_stdout, dead_code, reason = "a program, and a module of a test")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use zsend_pool::{Device, OpenOptions, Pool, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [host, path, pool] = &args[..] else {
        return Err("usage: http HOST:PORT /PATH POOL".into());
    };
    let device = Device::new(host.as_str(), Arc::new(Http::open(host, path)?));
    let pool = Pool::open_devices(&[device], pool, &OpenOptions::default())?;
    for (name, dataset) in pool.datasets() {
        println!("{name}: guid {:x}", dataset?.guid);
    }
    Ok(())
}

/// A file behind a web server that understands ranges, RFC 9110.
pub(crate) struct Http {
    host: String,
    path: String,
    size: u64,
}

impl Http {
    /// Asks for the file's size.
    pub(crate) fn open(host: &str, path: &str) -> io::Result<Self> {
        let mut file = Self { host: host.into(), path: path.into(), size: 0 };
        let (range, _) = file.get(0, 0)?;
        // `bytes 0-0/SIZE`
        let size = range.rsplit('/').next().and_then(|size| size.parse().ok());
        file.size = size.ok_or_else(|| io::Error::other("the server gives no size"))?;
        Ok(file)
    }

    /// Asks for the bytes of an inclusive range, and returns the answer's range and its body.
    fn get(&self, first: u64, last: u64) -> io::Result<(String, impl Read + use<>)> {
        let Self { host, path, .. } = self;
        let mut stream = TcpStream::connect(host)?;
        let close = "Connection: close";
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {host}\r\n{close}\r\nRange: bytes={first}-{last}\r\n\r\n"
        )?;
        // No header is longer.
        let mut answer = BufReader::new(stream);
        let mut line = String::new();
        answer.by_ref().take(8 << 10).read_line(&mut line)?;
        if !line.contains(" 206 ") {
            return Err(io::Error::other(format!("the server has no ranges: {}", line.trim())));
        }
        let mut range = String::new();
        loop {
            line.clear();
            if answer.by_ref().take(8 << 10).read_line(&mut line)? <= 2 {
                return Ok((range, answer));
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-range")
            {
                range = value.trim().to_owned();
            }
        }
    }
}

impl Source for Http {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        match offset.checked_add(buf.len() as u64) {
            _ if buf.is_empty() => Ok(()),
            Some(end) if end <= self.size => self.get(offset, end - 1)?.1.read_exact(buf),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn size(&self) -> u64 {
        self.size
    }
}
