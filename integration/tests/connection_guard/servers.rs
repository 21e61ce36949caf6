//! Real servers on free ports of the loopback address, each in a directory of its own, and their clients.

use gatehouse_integration::{TcpServer, free_port};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take until it listens, with the machine busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, or several: killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the client of a protocol said.
pub(crate) struct Said {
    /// Whether it got what it wanted.
    pub(crate) is_well: bool,
    /// All that it wrote.
    pub(crate) text: String,
}

impl Server {
    /// Starts a program that serves a port of the loopback address.
    fn start(directory: TempDir, port: u16, mut command: Command) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let name = format!("{:?}", command.get_program());
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("{name}: {error}; scripts/test integration installs it")
        });
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(address).is_err() {
            let log = || std::fs::read_to_string(directory.path().join("log")).unwrap_or_default();
            let ended = process.try_wait().unwrap().is_some();
            assert!(
                !ended && Instant::now() < deadline,
                "{name} does not listen:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            process,
            address,
            directory,
        }
    }

    /// A path in its directory.
    pub(crate) fn path(&self, file: &str) -> String {
        path(&self.directory, file)
    }

    /// OpenSSH, which lets one key in.
    pub(crate) fn ssh() -> Self {
        let directory = TempDir::new().unwrap();
        for key in ["host", "client"] {
            run(Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(directory.path().join(key)));
        }
        // Where it locks its unprivileged half in; the package's service makes it.
        let _ = std::fs::create_dir("/run/sshd");
        let port = free_port();
        let mut command = Command::new("/usr/sbin/sshd");
        command.args(["-D", "-e", "-f", "/dev/null", "-p", &port.to_string()]);
        for option in [
            "ListenAddress=127.0.0.1".to_owned(),
            "PidFile=none".to_owned(),
            "UsePAM=no".to_owned(),
            "StrictModes=no".to_owned(),
            "PermitRootLogin=yes".to_owned(),
            format!("HostKey={}", path(&directory, "host")),
            format!("AuthorizedKeysFile={}", path(&directory, "client.pub")),
        ] {
            command.args(["-o", &option]);
        }
        Self::start(directory, port, command)
    }

    /// `ssh` that runs a command.
    pub(crate) fn ssh_client(&self, to: SocketAddr) -> Said {
        let mut command = Command::new("ssh");
        command.args([
            "-F",
            "/dev/null",
            "-i",
            &self.path("client"),
            "-p",
            &to.port().to_string(),
        ]);
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "ConnectTimeout=20",
        ] {
            command.args(["-o", option]);
        }
        said(
            command.args(["127.0.0.1", "echo answer of $((6 * 7))"]),
            "answer of 42",
        )
    }

    /// PostgreSQL, which trusts everybody.
    pub(crate) fn postgresql() -> Self {
        let directory = TempDir::new().unwrap();
        let data = path(&directory, "data");
        std::fs::create_dir(&data).unwrap();
        let bin = newest("/usr/lib/postgresql");
        // It refuses to be run by root; its package makes a user for it.
        let is_root = is_root();
        let program = |name: &str| {
            let program = format!("{bin}/bin/{name}");
            if !is_root {
                return Command::new(program);
            }
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                "postgres",
                "--regid",
                "postgres",
                "--clear-groups",
                "--",
            ]);
            command.arg(program);
            command
        };
        if is_root {
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))
                .unwrap();
            run(Command::new("chown").args(["postgres:", &data]));
        }
        run(program("initdb").args(["--auth=trust", "--no-sync", "--username=probe", "-D", &data]));
        let port = free_port();
        let mut command = program("postgres");
        command.args([
            "-D",
            &data,
            "-h",
            "127.0.0.1",
            "-p",
            &port.to_string(),
            "-c",
            "fsync=off",
        ]);
        command.args(["-c", &format!("unix_socket_directories={data}")]);
        Self::start(directory, port, command)
    }

    /// MariaDB, which lets everybody in, with TLS for who wants it. Without its tables of grants it needs none of what
    /// its installation makes, and starts from an empty directory.
    pub(crate) fn mariadb() -> Self {
        let directory = TempDir::new().unwrap();
        certificate(&directory);
        let data = path(&directory, "data");
        std::fs::create_dir(&data).unwrap();
        let port = free_port();
        let mut command = Command::new("mariadbd");
        command.args([
            "--no-defaults",
            "--skip-grant-tables",
            "--skip-name-resolve",
        ]);
        command.args(["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=8M"]);
        for (option, value) in [
            ("port", port.to_string()),
            ("datadir", data.clone()),
            ("socket", format!("{data}/socket")),
            ("pid-file", format!("{data}/pid")),
            ("ssl-cert", path(&directory, "certificate")),
            ("ssl-key", path(&directory, "key")),
        ] {
            command.arg(format!("--{option}={value}"));
        }
        // It refuses to be run by root.
        if is_root() {
            let anybody = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(directory.path(), anybody).unwrap();
            let key = path(&directory, "key");
            run(Command::new("chown").args(["nobody:", &data, &key]));
            command.arg("--user=nobody");
        }
        Self::start(directory, port, command)
    }

    /// mosquitto, which lets everybody in.
    pub(crate) fn mosquitto() -> Self {
        let directory = TempDir::new().unwrap();
        let port = free_port();
        let configuration = path(&directory, "configuration");
        let text = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        std::fs::write(&configuration, text).unwrap();
        if is_root() {
            let anybody = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(directory.path(), anybody).unwrap();
        }
        let mut command = Command::new("/usr/sbin/mosquitto");
        command.args(["-c", &configuration]);
        Self::start(directory, port, command)
    }

    /// `redis-server`, which keeps nothing.
    pub(crate) fn redis() -> Self {
        let directory = TempDir::new().unwrap();
        let port = free_port();
        let mut command = Command::new("redis-server");
        command.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &port.to_string(),
        ]);
        command.arg("--dir").arg(directory.path());
        Self::start(directory, port, command)
    }

    /// OpenSSL's server, which says what was agreed.
    pub(crate) fn tls() -> Self {
        let directory = TempDir::new().unwrap();
        certificate(&directory);
        let port = free_port();
        let mut command = Command::new("openssl");
        command.args([
            "s_server",
            "-www",
            "-alpn",
            "http/1.1",
            "-accept",
            &format!("127.0.0.1:{port}"),
        ]);
        command.args([
            "-key",
            &path(&directory, "key"),
            "-cert",
            &path(&directory, "certificate"),
        ]);
        Self::start(directory, port, command)
    }
}

impl Server {
    /// SHA-256 of its certificate, as `openssl` has it, in small digits.
    pub(crate) fn certificate_digest(&self) -> String {
        let output = Command::new("openssl")
            .args([
                "x509",
                "-noout",
                "-fingerprint",
                "-sha256",
                "-in",
                &self.path("certificate"),
            ])
            .output()
            .expect("openssl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, digest) = text.trim().split_once('=').expect("a fingerprint");
        digest.replace(':', "").to_lowercase()
    }
}

/// `psql` with one query.
pub(crate) fn psql(to: SocketAddr, tls: &str) -> Said {
    let target = format!(
        "host=127.0.0.1 port={} user=probe dbname=postgres sslmode={tls} connect_timeout=20",
        to.port()
    );
    said(
        Command::new("psql").args(["-X", "-A", "-t", "-c", "select 6 * 7", &target]),
        "42",
    )
}

/// `redis-cli` with one command.
pub(crate) fn redis_cli(to: SocketAddr) -> Said {
    said(
        Command::new("redis-cli").args(["-h", "127.0.0.1", "-p", &to.port().to_string(), "ping"]),
        "PONG",
    )
}

/// `mariadb` with one query, with TLS or without, and what TLS it got: `TLSv1.3` or nothing.
pub(crate) fn mariadb(to: SocketAddr, tls: &str) -> Said {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--batch", "--skip-column-names"]);
    command.args([
        "--user=probe",
        "--host=127.0.0.1",
        "--connect-timeout=20",
        tls,
    ]);
    command.arg(format!("--port={}", to.port()));
    let query = "select 'answer', 6 * 7; show status like 'Ssl_version'";
    said(command.args(["--execute", query]), "answer\t42")
}

/// `mosquitto_pub` with one message, which the server acknowledges.
pub(crate) fn mosquitto_pub(to: SocketAddr) -> Said {
    let mut command = Command::new("timeout");
    command.args(["20", "mosquitto_pub", "-d", "-h", "127.0.0.1"]);
    command.args(["-p", &to.port().to_string()]);
    said(
        command.args(["-q", "1", "-t", "a", "-m", "b"]),
        "received PUBACK",
    )
}

/// `openssl s_client` that asks for a page.
pub(crate) fn s_client(to: SocketAddr, more: &[&str]) -> Said {
    let mut command = Command::new("timeout");
    command.args([
        "20",
        "openssl",
        "s_client",
        "-quiet",
        "-connect",
        &to.to_string(),
    ]);
    command.args(more).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("openssl runs");
    let mut input = process.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"GET / HTTP/1.0\r\n\r\n").unwrap_or_default();
    let output = process.wait_with_output().unwrap();
    drop(input);
    judged(&output, "HTTP/1.0 200 ok")
}

/// `curl` that gets a page.
pub(crate) fn curl(to: SocketAddr, more: &[&str]) -> Said {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--max-time",
        "20",
        "--noproxy",
        "*",
        "--write-out",
        "\nstatus %{http_code}",
    ]);
    said(
        command.args(more).arg(format!("http://{to}/")),
        "status 200",
    )
}

/// Plain TCP: a line there, and back.
pub(crate) fn plain(to: SocketAddr) -> Said {
    use std::io::{Read as _, Write as _};
    let mut text = String::new();
    let mut exchange = || {
        let mut stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(b"\x00\xff nothing in particular\n")?;
        let mut bytes = [0; 25];
        stream.read_exact(&mut bytes)?;
        text = String::from_utf8_lossy(&bytes).into_owned();
        Ok::<_, std::io::Error>(())
    };
    let is_well = exchange().is_ok() && text.ends_with("particular\n");
    Said { is_well, text }
}

/// A server for plain TCP.
pub(crate) fn echo() -> TcpServer {
    TcpServer::echo()
}

fn said(command: &mut Command, expected: &str) -> Said {
    let name = format!("{:?}", command.get_program());
    let output = command.stdin(Stdio::null()).output();
    let output = output
        .unwrap_or_else(|error| panic!("{name}: {error}; scripts/test integration installs it"));
    judged(&output, expected)
}

fn judged(output: &Output, expected: &str) -> Said {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Said {
        is_well: text.contains(expected),
        text: text + &String::from_utf8_lossy(&output.stderr),
    }
}

fn run(command: &mut Command) {
    let name = format!("{:?}", command.get_program());
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}; scripts/test integration installs it"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
}

/// Makes a key and a certificate that is its own authority.
fn certificate(directory: &TempDir) {
    run(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args([
            "-subj",
            "/CN=server",
            "-addext",
            "subjectAltName=DNS:allowed.test,URI:spiffe://example/client",
        ])
        .args([
            "-keyout",
            &path(directory, "key"),
            "-out",
            &path(directory, "certificate"),
        ]));
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0)
}

fn path(directory: &TempDir, file: &str) -> String {
    directory.path().join(file).to_str().unwrap().to_owned()
}

fn newest(directory: &str) -> String {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| {
        panic!("{directory}: {error}; scripts/test integration installs PostgreSQL")
    });
    let newest = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .max_by_key(|path: &std::path::PathBuf| number(path));
    newest.unwrap().to_str().unwrap().to_owned()
}

fn number(path: &Path) -> u32 {
    path.file_name()
        .and_then(|name| name.to_str()?.parse().ok())
        .unwrap_or_default()
}
