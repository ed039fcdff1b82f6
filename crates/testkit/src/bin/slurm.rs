//! A job array of `zsend send --all` under a real Slurm, on this machine: what `cargo xtask slurm` runs.
//!
//! The script is the one of `docs/fleet.md`. Its streams must be those of one run.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use xtask::run::{Profile, exit_code, root, succeed, target, zsend};
use zsend_testkit::{fixture, images};

/// A pool of many datasets, clones and encrypted ones.
const POOL: &str = "crypt";
/// Programs that Slurm consists of here.
const PROGRAMS: [&str; 4] = ["munged", "slurmctld", "slurmd", "sbatch"];
/// Seconds that Slurm's own programs try to reach the controller for.
const TIMEOUT: u32 = 60;

fn main() -> ExitCode {
    exit_code(run())
}

/// A daemon of Slurm, which ends with the value.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The daemon of munge, which ends with the value. It goes into the background once it answers.
struct Munge {
    socket: String,
}

impl Munge {
    fn start(folder: &Path) -> Result<Self, String> {
        // The key need not be a secret: only this machine's own processes see the socket.
        let key = folder.join("munge.key");
        write(&key, &format!("{:064}", std::process::id()))?;
        let mut private = fs::metadata(&key).map_err(|e| e.to_string())?.permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut private, 0o600);
        fs::set_permissions(&key, private).map_err(|e| e.to_string())?;
        let at = |name: &str| folder.join(name).display().to_string();
        let socket = format!("--socket={}", at("munge.socket"));
        let mut munged = command("munged", folder)?;
        munged.arg("--force").arg(&socket).args([
            format!("--key-file={}", at("munge.key")),
            format!("--pid-file={}", at("munge.pid")),
            format!("--log-file={}", at("log/munge.log")),
            format!("--seed-file={}", at("munge.seed")),
        ]);
        succeed(munged)?;
        Ok(Self { socket })
    }
}

impl Drop for Munge {
    fn drop(&mut self) {
        if let Some(munged) = path_of("munged") {
            let _ = Command::new(munged).arg("--stop").arg(&self.socket).status();
        }
    }
}

fn run() -> Result<(), String> {
    let missing: Vec<_> = PROGRAMS.into_iter().filter(|name| path_of(name).is_none()).collect();
    if !missing.is_empty() {
        println!(
            "skipped: {} not installed (apt-get install slurmctld slurmd slurm-client munge)",
            missing.join(", ")
        );
        return Ok(());
    }
    let zsend = zsend(Profile::Dev)?;
    let images = images::unpack(&fixture(POOL))?;
    let folder = target().join("slurm");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    for name in ["state", "spool", "log"] {
        fs::create_dir_all(folder.join(name)).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let script = script()?;
    write(&folder.join("zsend.sbatch"), &script)?;
    let _daemons = start(&folder)?;
    let (streams, alone) = (folder.join("streams"), folder.join("alone"));
    let path = format!("{}:{}", parent(&zsend).display(), env::var("PATH").unwrap_or_default());
    let mut array = command("sbatch", &folder)?;
    array.arg("--wait").arg(format!("--output={}", folder.join("log/task-%a.out").display()));
    array.arg(folder.join("zsend.sbatch")).env("PATH", path);
    array.env("IMAGES", &images).env("STREAMS", &streams).env("POOL", POOL);
    succeed(array).map_err(|e| format!("{e}; see {}", folder.join("log").display()))?;

    let mut one = Command::new(&zsend);
    one.args(["send", "--all", "-q", "-w", "-d"]).arg(&images).arg("-o").arg(&alone).arg(POOL);
    succeed(one)?;
    let (sharded, whole) = (contents(&streams)?, contents(&alone)?);
    let catalogues = sharded.keys().filter(|name| name.ends_with(".jsonl")).count();
    let is_stream = |(name, _): &(&String, &Vec<u8>)| name.ends_with(".zsend");
    if sharded.iter().filter(is_stream).ne(whole.iter().filter(is_stream)) {
        return Err(format!(
            "{} and {} have different streams",
            streams.display(),
            alone.display()
        ));
    }
    for verb in ["merge", "check"] {
        let mut catalogue = Command::new(&zsend);
        catalogue.args(["catalogue", verb]).arg(&streams);
        succeed(catalogue)?;
    }
    let count = whole.iter().filter(is_stream).count();
    println!("{catalogues} tasks of a job array sent the {count} streams of one run");
    Ok(())
}

/// The script of the documentation.
fn script() -> Result<String, String> {
    let path = root().join("docs/fleet.md");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let script = text.split_once("```bash\n").and_then(|(_, rest)| rest.split_once("```\n"));
    script
        .map(|(script, _)| script.to_owned())
        .ok_or_else(|| format!("{}: no script", path.display()))
}

/// Starts munge and Slurm with everything of theirs in a folder. Nothing waits for Slurm: its programs try for
/// [`TIMEOUT`] to reach the controller, and its node registers when it can.
fn start(folder: &Path) -> Result<([Daemon; 2], Munge), String> {
    let at = |name: &str| folder.join(name).display().to_string();
    let output = |program: &str, args: &[&str]| -> Result<String, String> {
        let out =
            Command::new(program).args(args).output().map_err(|e| format!("{program}: {e}"))?;
        Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let (host, user) = (output("hostname", &["-s"])?, output("id", &["-un"])?);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    write(
        &folder.join("slurm.conf"),
        &format!(
            "ClusterName=zsend\nSlurmctldHost={host}\nSlurmUser={user}\nSlurmdUser={user}\n\
             AuthType=auth/munge\nAuthInfo=socket={}\nCryptoType=crypto/munge\n\
             ProctrackType=proctrack/pgid\nTaskPlugin=task/none\nSelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\nSlurmctldPort=16817\nSlurmdPort=16818\nMpiDefault=none\n\
             StateSaveLocation={}\nSlurmdSpoolDir={}\nSlurmctldPidFile={}\nSlurmdPidFile={}\n\
             ReturnToService=2\nMessageTimeout={TIMEOUT}\nAccountingStorageType=accounting_storage/none\n\
             JobAcctGatherType=jobacct_gather/none\nNodeName={host} CPUs={cores} State=UNKNOWN\n\
             PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n",
            at("munge.socket"),
            at("state"),
            at("spool"),
            at("slurmctld.pid"),
            at("slurmd.pid"),
        ),
    )?;
    let munge = Munge::start(folder)?;
    let conf = |flags: &[&str]| -> Vec<String> {
        flags
            .iter()
            .map(|flag| (*flag).to_owned())
            .chain(["-f".to_owned(), at("slurm.conf")])
            .collect()
    };
    let slurmctld = daemon("slurmctld", &conf(&["-D", "-c"]), folder)?;
    let slurmd = daemon("slurmd", &conf(&["-D"]), folder)?;
    Ok(([slurmd, slurmctld], munge))
}

fn daemon(name: &str, args: &[String], folder: &Path) -> Result<Daemon, String> {
    let log =
        File::create(folder.join("log").join(format!("{name}.out"))).map_err(|e| e.to_string())?;
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    let mut command = command(name, folder)?;
    command.args(args).stdin(Stdio::null()).stdout(log).stderr(errors);
    command.spawn().map(Daemon).map_err(|e| format!("{name}: {e}"))
}

/// A program of Slurm, which finds this cluster.
fn command(name: &str, folder: &Path) -> Result<Command, String> {
    let mut command =
        Command::new(path_of(name).ok_or_else(|| format!("{name} is not installed"))?);
    command.env("SLURM_CONF", folder.join("slurm.conf"));
    Ok(command)
}

/// A program's path; daemons lie where the PATH of a user may not lead.
fn path_of(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

/// All files of a folder.
fn contents(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let bytes = fs::read(entry.path()).map_err(failed)?;
        all.insert(entry.file_name().to_string_lossy().into_owned(), bytes);
    }
    Ok(all)
}
