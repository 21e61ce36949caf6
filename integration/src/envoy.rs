//! A running Envoy.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::config::Config;
use crate::http::{Request, Response};
use crate::{fused, repository};

/// How long Envoy may take to compile its modules and answer, with the machine busy.
const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at something that Envoy is about to do.
const POLL: Duration = Duration::from_millis(10);

/// Counts the updates of listeners that Envoy did not take.
const REJECTED: &str = "listener_manager.lds.update_rejected";

/// How much of the log a failed test shows.
const LOG_TAIL: usize = 60;

/// A running Envoy. Killed when dropped; if its test is failing, the end of its log is printed then.
pub struct Envoy {
    process: Child,
    admin: SocketAddr,
    /// The addresses of the listeners, by the port they have in the file.
    listeners: BTreeMap<u16, SocketAddr>,
    directory: TempDir,
    updates: u64,
}

/// Envoy ended instead of serving.
#[derive(Debug)]
pub struct Refused {
    /// All of its log.
    pub log: String,
}

/// What became of an update of the listeners.
#[derive(Debug)]
pub enum Update {
    /// The new listeners serve.
    Accepted,
    /// Envoy kept the old listeners.
    Rejected {
        /// What it logged since the update.
        log: String,
    },
}

impl Envoy {
    pub(crate) fn start(config: &Config, dynamic: bool) -> Result<Self, Refused> {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path();
        let (listeners, ports) = config.listeners();
        let mut root = config.root.clone();
        root["admin"] =
            json!({"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}});
        if dynamic {
            root["static_resources"]["listeners"] = json!([]);
            let watched = path.join("listeners");
            std::fs::create_dir(&watched).expect("a directory");
            root["dynamic_resources"] = json!({"lds_config": {"path_config_source": {
                "path": watched.join("listeners.json"), "watched_directory": {"path": watched}}}});
            if root.get("node").is_none() {
                root["node"] = json!({"id": "gatehouse", "cluster": "gatehouse"});
            }
            write_listeners(path, &listeners, 0);
        } else {
            root["static_resources"]["listeners"] = json!(listeners);
        }
        let bootstrap = path.join("bootstrap.json");
        std::fs::write(&bootstrap, root.to_string()).expect("the bootstrap is written");

        let log = File::create(path.join("envoy.log")).expect("a log file");
        let process = command(config)
            .args([
                "--disable-hot-restart",
                "--file-flush-interval-msec",
                "20",
                "--log-level",
                "info",
                "--concurrency",
            ])
            .arg(config.workers.to_string())
            .arg("--admin-address-path")
            .arg(path.join("admin"))
            .arg("--config-path")
            .arg(&bootstrap)
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("can't run {}: {error}", binary().display()));

        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut envoy = Self {
            process,
            admin: unknown,
            listeners: BTreeMap::new(),
            directory,
            updates: 0,
        };
        envoy.wait_until_it_serves()?;
        if dynamic {
            envoy.updates = 1;
            if let Update::Rejected { log } = envoy.outcome_of_update(0, 0) {
                return Err(Refused { log });
            }
        }
        envoy.listeners = envoy.listener_addresses(&ports);
        Ok(envoy)
    }

    fn wait_until_it_serves(&mut self) -> Result<(), Refused> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self
                .process
                .try_wait()
                .expect("the process can be asked")
                .is_some()
            {
                return Err(Refused {
                    log: self.written(),
                });
            }
            let admin = std::fs::read_to_string(self.directory.path().join("admin"));
            if let Some(admin) = admin.ok().and_then(|address| address.trim().parse().ok()) {
                self.admin = admin;
                let ready = Request::new(admin, "GET", "/ready").try_send();
                if ready.is_ok_and(|ready| ready.text().trim() == "LIVE") {
                    return Ok(());
                }
            }
            assert!(Instant::now() < deadline, "Envoy does not get ready");
            std::thread::sleep(POLL);
        }
    }

    fn listener_addresses(&self, ports: &BTreeMap<String, u16>) -> BTreeMap<u16, SocketAddr> {
        let status = self.admin("/listeners?format=json").json();
        let listeners = status["listener_statuses"]
            .as_array()
            .expect("a list of listeners");
        let address = |listener: &Value| {
            let port = ports.get(listener["name"].as_str()?)?;
            let socket = &listener["local_address"]["socket_address"];
            let bound = u16::try_from(socket["port_value"].as_u64()?).ok()?;
            Some((*port, SocketAddr::from(([127, 0, 0, 1], bound))))
        };
        listeners.iter().filter_map(address).collect()
    }

    /// Where the first listener (the one with the lowest port in the file) is.
    pub fn address(&self) -> SocketAddr {
        *self
            .listeners
            .values()
            .next()
            .expect("Envoy has a listener")
    }

    /// Where the listener is that has this port in the file.
    pub fn address_of(&self, port: u16) -> SocketAddr {
        *self
            .listeners
            .get(&port)
            .unwrap_or_else(|| panic!("no listener with port {port} in the file"))
    }

    /// Where the admin interface is.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin
    }

    /// `http://127.0.0.1:PORT` of the first listener.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// A request to the first listener, to be completed and sent.
    pub fn request(&self, method: &str, target: impl AsRef<[u8]>) -> Request {
        Request::new(self.address(), method, target)
    }

    /// Sends a GET to the first listener.
    pub fn get(&self, target: impl AsRef<[u8]>) -> Response {
        self.request("GET", target).send()
    }

    /// Sends a GET to the admin interface: `/stats/prometheus`, `/config_dump`.
    pub fn admin(&self, target: &str) -> Response {
        Request::new(self.admin, "GET", target).send()
    }

    /// All counters and gauges.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        let text = self.admin("/stats").text();
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
            .collect()
    }

    /// A counter or gauge; 0 if there is none of that name.
    pub fn stat(&self, name: &str) -> u64 {
        self.stats().get(name).copied().unwrap_or_default()
    }

    /// Waits until a counter or gauge has this value; panics if it never does. For what Envoy counts only after
    /// it has answered.
    pub fn await_stat(&self, name: &str, value: u64) {
        self.wait_for(&format!("{name} to be {value}"), || {
            let now = self.stat(name);
            (now == value)
                .then_some(())
                .ok_or_else(|| format!("it is {now}"))
        });
    }

    /// The lines of the log that have this in them, once there are so many: Envoy writes its access log a moment
    /// after it has answered.
    pub fn await_log(&self, marker: &str, count: usize) -> Vec<String> {
        let mut lines = Vec::new();
        self.wait_for(&format!("{count} log lines with {marker:?}"), || {
            let log = self.log();
            lines = log
                .lines()
                .filter(|line| line.contains(marker))
                .map(str::to_owned)
                .collect();
            (lines.len() >= count)
                .then_some(())
                .ok_or_else(|| format!("there are {}", lines.len()))
        });
        lines
    }

    /// The lines of the log so far, with what the access log writes to the terminal. One that is being written is not
    /// among them.
    pub fn log(&self) -> String {
        let mut log = self.written();
        log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
        log
    }

    fn written(&self) -> String {
        let log =
            std::fs::read(self.directory.path().join("envoy.log")).expect("the log is readable");
        let log = String::from_utf8_lossy(&log).into_owned();
        match fused::is_asked_for() {
            true => fused::as_apart(log),
            false => log,
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Resident memory of the process in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()));
        let status = status.expect("Linux says how much memory a process has");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .expect("VmRSS in kB")
    }

    /// Replaces the listeners by those of another configuration, as a control plane would, and waits until
    /// Envoy has taken or rejected them. Only after [`Config::start_dynamic`].
    pub fn update(&mut self, config: &Config) -> Update {
        let logged = self.log().len();
        let rejected = self.stat(REJECTED);
        write_listeners(self.directory.path(), &config.listeners().0, self.updates);
        self.updates += 1;
        self.outcome_of_update(logged, rejected)
    }

    /// What became of the latest update: `logged` bytes of log and `rejected` rejections came before it.
    fn outcome_of_update(&self, logged: usize, rejected: u64) -> Update {
        let mut now_rejected = 0;
        self.wait_for("the update to end", || {
            let stats = self.stats();
            let stat = |name: &str| stats.get(name).copied().unwrap_or_default();
            now_rejected = stat(REJECTED);
            let ended = now_rejected + stat("listener_manager.lds.update_success");
            let warming = stat("listener_manager.total_listeners_warming");
            let settled = ended >= self.updates && warming == 0;
            settled
                .then_some(())
                .ok_or_else(|| format!("{ended} ended, {warming} listeners warming"))
        });
        if now_rejected == rejected {
            return Update::Accepted;
        }
        // Envoy logs the reason before it counts the rejection.
        Update::Rejected {
            log: self.log().split_off(logged),
        }
    }

    fn wait_for(&self, what: &str, mut done: impl FnMut() -> Result<(), String>) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(now) = done() {
            assert!(
                Instant::now() < deadline,
                "waited in vain for {what}: {now}"
            );
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = self.written();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_TAIL)..];
            eprintln!("--- the end of Envoy's log:\n{}\n---", tail.join("\n"));
        }
    }
}

/// Puts the listeners where Envoy looks for them. It notices a file that is moved into the directory, never a
/// half-written one.
fn write_listeners(directory: &Path, listeners: &[Value], version: u64) {
    let resources: Vec<_> = listeners
        .iter()
        .map(|listener| {
            let mut resource = listener.clone();
            resource["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            resource
        })
        .collect();
    let response = json!({"version_info": version.to_string(), "resources": resources});
    let staging = directory.join("listeners.new");
    std::fs::write(&staging, response.to_string()).expect("the listeners are written");
    std::fs::rename(&staging, directory.join("listeners/listeners.json"))
        .expect("the file is moved");
}

/// Envoy with the working directory and the environment of a configuration.
fn command(config: &Config) -> Command {
    let mut command = Command::new(binary());
    command
        .current_dir(repository())
        .env_clear()
        .envs(&config.environment);
    command
}

/// Checks a file of `envoy/` as it is, by its path in the repository, with `envoy --mode validate`.
pub fn validate(path: &str) -> Result<(), Refused> {
    let output = command(&Config::load(path))
        .args(["--mode", "validate", "--config-path", path])
        .output()
        .unwrap_or_else(|error| panic!("can't run {}: {error}", binary().display()));
    if output.status.success() {
        return Ok(());
    }
    Err(Refused {
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Major and minor version of the Envoy that the tests run on: `(1, 40)`.
///
/// # Panics
///
/// If its `--version` is not what Envoy prints.
#[must_use]
pub fn envoy_version() -> (u32, u32) {
    let output = Command::new(binary()).arg("--version").output();
    let output = output.expect("envoy --version");
    // "…/envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
    let text = String::from_utf8_lossy(&output.stdout);
    let mut versions = text
        .split('/')
        .filter_map(|part| part.split_once('.'))
        .filter_map(|(major, rest)| {
            let minor = rest.split('.').next()?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
    versions
        .next()
        .unwrap_or_else(|| panic!("no version: {text}"))
}

/// Whether a test has to be left out since its Envoy is older than 1.37. `tcp_proxy` cannot wait for a client's data there: it
/// dials before anybody reads, so that no server is kept from hearing of a connection, and one that speaks first is heard
/// before its client. Says so where it is seen: not by what the test harness takes in.
///
/// # Panics
///
/// If its `--version` is not what Envoy prints.
#[must_use]
pub fn reads_too_late(test: &str) -> bool {
    let (major, minor) = envoy_version();
    let is_late = (major, minor) < (1, 37);
    if is_late {
        let line = format!(
            "LEFT OUT on Envoy {major}.{minor}: {test} needs upstream_connect_mode, of 1.37\n"
        );
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    }
    is_late
}

/// `$GATEHOUSE_ENVOY`, or the default version in the cache.
fn binary() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    if let Some(binary) = variable("GATEHOUSE_ENVOY") {
        return binary;
    }
    let cache = variable("GATEHOUSE_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("gatehouse")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/gatehouse")))
        .expect("HOME is set");
    let versions = std::fs::read_to_string(repository().join("scripts/envoy-versions"));
    let versions = versions.expect("scripts/envoy-versions");
    let default = versions
        .lines()
        .find(|line| !line.starts_with('#'))
        .expect("a default version");
    let binary = cache.join("envoy").join(default).join("envoy");
    assert!(
        binary.exists(),
        "{} is missing: scripts/test fetches it",
        binary.display()
    );
    binary
}
