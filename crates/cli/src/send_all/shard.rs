//! The part of a run that this process has, as the command line or a scheduler says.

use crate::args::AllArgs;
use crate::exit::{Failure, warn};
use std::env;
use zsend_catalogue::Shard;

/// The variables of a job array of Slurm: `sbatch(1)`, "output environment variables".
const SLURM: &str = "SLURM_ARRAY_TASK_ID";
/// The variable of an indexed job of Kubernetes: "Jobs", "completion mode".
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
/// A variable for its number of completions, which it does not give.
const COMPLETIONS: &str = "JOB_COMPLETIONS";

/// The shard of this process; `None` for all.
pub(super) fn of(args: &AllArgs) -> Result<Option<Shard>, Failure> {
    if args.shard.is_some() {
        return Ok(args.shard);
    }
    let found = from(args.shards, |name| env::var(name).ok()).map_err(Failure::usage)?;
    Ok(found.map(|(shard, of)| {
        warn(format!("shard {shard}, of {of}"));
        shard
    }))
}

/// The shard that variables say, and the variable.
fn from(
    count: Option<u32>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(Shard, &'static str)>, String> {
    let number = |name: &str| -> Result<Option<u32>, String> {
        let parse =
            |text: String| text.parse().map_err(|_| format!("{name} is '{text}', no number"));
        variable(name).map(parse).transpose()
    };
    let array = |name| number(&format!("SLURM_ARRAY_TASK_{name}"));
    let (of, index, known, known_by) = if let Some(id) = number(SLURM)? {
        // A list of tasks that says nothing else is 0, 1, 2 and so on.
        let (min, step) = (array("MIN")?.unwrap_or_default(), array("STEP")?.unwrap_or(1).max(1));
        let known = array("COUNT")?;
        let index = id.checked_sub(min).filter(|distance| distance % step == 0);
        let index =
            index.ok_or_else(|| format!("{SLURM} is {id}, which is none of {min} by {step}"))?;
        let last = array("MAX")?.and_then(|max| max.checked_sub(min));
        if let (Some(known), Some(last)) = (known, last)
            && u64::from(last / step) + 1 != u64::from(known)
        {
            return Err(
                "the job array has gaps, so its tasks are no shards; say --shard K/N".to_owned()
            );
        }
        (SLURM, index / step, known, "SLURM_ARRAY_TASK_COUNT")
    } else if let Some(index) = number(KUBERNETES)? {
        (KUBERNETES, index, number(COMPLETIONS)?, COMPLETIONS)
    } else if count.is_some() {
        return Err(format!("--shards needs {SLURM} or {KUBERNETES}; say --shard K/N"));
    } else {
        return Ok(None);
    };
    if let (Some(said), Some(known)) = (count, known)
        && said != known
    {
        // The shards from the lesser number on would be nobody's, and nothing would say so.
        return Err(format!(
            "--shards {said} is not {known_by}, which is {known}; to run one shard by hand: --shard K/N"
        ));
    }
    let count = count.or(known);
    let count = count
        .ok_or_else(|| format!("{of} is set, and nothing says of how many; say --shards N"))?;
    let shard = Shard::new(index.saturating_add(1), count).map_err(|e| format!("{of}: {e}"))?;
    Ok(Some((shard, of)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(count: Option<u32>, variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        from(count, variable).map(|found| found.map(|(shard, _)| shard.to_string()))
    }

    #[test]
    fn schedulers_say_which_shard_it_is() {
        let slurm = |id, count, min, max, step| {
            shard(
                None,
                &[
                    ("SLURM_ARRAY_TASK_ID", id),
                    ("SLURM_ARRAY_TASK_COUNT", count),
                    ("SLURM_ARRAY_TASK_MIN", min),
                    ("SLURM_ARRAY_TASK_MAX", max),
                    ("SLURM_ARRAY_TASK_STEP", step),
                ],
            )
        };
        assert_eq!(shard(None, &[]), Ok(None));
        assert_eq!(slurm("0", "8", "0", "7", "1"), Ok(Some("1/8".to_owned())));
        assert_eq!(slurm("8", "8", "1", "8", "1"), Ok(Some("8/8".to_owned())));
        assert_eq!(slurm("5", "4", "1", "7", "2"), Ok(Some("3/4".to_owned())));
        // 1, 2 and 7: two tasks might take one shard, or nobody one.
        assert!(slurm("7", "3", "1", "7", "1").is_err());
        assert!(slurm("x", "3", "1", "3", "1").is_err());
        assert!(slurm("0", "3", "1", "3", "1").is_err());
        let index = [("JOB_COMPLETION_INDEX", "2")];
        assert_eq!(shard(Some(3), &index), Ok(Some("3/3".to_owned())));
        assert!(shard(None, &index).unwrap_err().contains("--shards N"));
        assert!(shard(Some(2), &index).is_err());
        let both = [("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "5")];
        assert_eq!(shard(None, &both), Ok(Some("1/5".to_owned())));
        assert_eq!(shard(Some(5), &both), Ok(Some("1/5".to_owned())));
        assert!(shard(Some(2), &both).unwrap_err().contains("JOB_COMPLETIONS, which is 5"));
        let slurm = [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_ARRAY_TASK_COUNT", "8")];
        assert!(shard(Some(16), &slurm).unwrap_err().contains("--shard K/N"));
        assert!(shard(Some(3), &[]).unwrap_err().contains("--shard K/N"));
    }
}
