//! Multihost: whether another host has the pool imported, by watching its heartbeat.
//!
//! A host with multihost on rewrites an uberblock on some device of the pool every interval. A copy
//! of such a pool has the same uberblocks, so only time tells one from the other.

use super::FoundPool;
use crate::config::PoolState;
use crate::options::OpenOptions;
use crate::uberblock::{Heartbeat, Uberblock};
use crate::{PoolError, Result};
use std::time::{Duration, SystemTime};

/// The reference's assumption about a host that does not say: a beat a second, and twenty to be sure.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
const IMPORT_INTERVALS: u32 = 20;
/// A host that suspends itself is given twice the time to do so: `MMP_IMPORT_SAFETY_FACTOR`.
const SAFETY_FACTOR: u32 = 2;
/// The reference waits until the other host must have stopped writing, since it is about to write
/// itself. A reader has only to see a beat: two of them fit in this time, or it is stretched.
const ENOUGH: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);

/// Refuses a pool whose heartbeat goes on. Returns what to say of one whose heartbeat has stopped:
/// where a beat would not have been seen, then that there was none.
/// The options' `notice` is called before the one wait.
///
/// # Errors
/// [`PoolError::InUse`]; [`PoolError::Cancelled`].
pub(crate) fn check(found: &FoundPool, options: &OpenOptions) -> Result<Vec<String>> {
    let Some(before) = &found.newest else { return Ok(Vec::new()) };
    let Some(beat) = before.heartbeat else { return Ok(Vec::new()) };
    if found.config.state != PoolState::ACTIVE {
        return Ok(Vec::new());
    }
    let time = watch_time(&beat);
    let name = &found.config.name;
    let seconds = time.as_secs_f32();
    if !is_idle_file(found, time) {
        if let Some(notice) = &options.notice {
            notice(&format!(
                "pool '{name}' has multihost on and was not exported: watching for {seconds:.0} \
                 seconds whether another host uses it"
            ));
        }
        if options.cancel.wait(time) {
            return Err(PoolError::Cancelled);
        }
    }
    let (after, unread) = newest(found);
    found.cancel.go_on()?;
    if after.is_some_and(|after| after.rank() > before.rank()) {
        let host = found.config.hostname.as_deref().unwrap_or("an unknown host");
        return Err(PoolError::InUse { pool: name.clone(), host: host.to_owned() });
    }
    let mut warnings: Vec<String> = unread
        .iter()
        .map(|e| {
            format!(
                "pool '{name}': a heartbeat would not have been seen where this cannot be read: {e}"
            )
        })
        .collect();
    warnings.push(format!("pool '{name}': no heartbeat of another host in {seconds:.0} seconds"));
    Ok(warnings)
}

/// Time to watch: as long as the reference before an import, but no longer than it takes to see
/// two beats.
///
/// Follows `spa_activity_check_duration()`, OpenZFS `module/zfs/spa.c`, zfs-2.3.2.
fn watch_time(beat: &Heartbeat) -> Duration {
    let interval = beat.interval.map_or(DEFAULT_INTERVAL, Duration::from_millis);
    let delay = Duration::from_nanos(beat.delay);
    let reference = match (beat.fail_intervals, beat.interval) {
        (Some(fails), Some(millis)) if fails > 0 => {
            Duration::from_millis(millis.saturating_mul(fails)).saturating_mul(SAFETY_FACTOR)
        }
        _ => interval.saturating_add(delay).saturating_mul(IMPORT_INTERVALS),
    };
    let two_beats = interval.saturating_add(delay).saturating_mul(2);
    reference.min(two_beats.max(ENOUGH)).min(LONGEST)
}

/// Returns true if the pool lies in files alone, and none was written in the last `time`: then it was
/// watched already, by the file system.
fn is_idle_file(found: &FoundPool, time: Duration) -> bool {
    let now = SystemTime::now();
    found.rings.iter().all(|rings| {
        rings.device.modified().is_some_and(|at| now.duration_since(at).is_ok_and(|age| age > time))
    })
}

/// The newest uberblock that the devices have now, and why some rings cannot be read.
fn newest(found: &FoundPool) -> (Option<Uberblock>, Vec<PoolError>) {
    let mut unread = Vec::new();
    let newest = found.rings.iter().filter_map(|rings| {
        rings.device.refresh();
        let mut rings = rings.read();
        unread.append(&mut rings.unread);
        rings.newest(|_| true)
    });
    let newest = newest.max_by_key(Uberblock::rank);
    (newest, unread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_sees_two_beats_and_ends() {
        let beat = |delay_ms: u64, interval, fail_intervals| Heartbeat {
            delay: delay_ms * 1_000_000,
            interval,
            fail_intervals,
        };
        let cases = [
            (beat(1000, Some(1000), Some(10)), 10),
            (beat(100, Some(100), Some(10)), 2),
            (beat(1000, Some(1000), Some(0)), 10),
            (beat(1000, None, None), 10),
            (beat(8000, Some(8000), Some(10)), 32),
            (beat(u64::MAX / 1_000_000, Some(0xff_ffff), Some(0xffff)), 60),
        ];
        for (beat, seconds) in cases {
            assert_eq!(watch_time(&beat), Duration::from_secs(seconds), "{beat:?}");
        }
    }
}
